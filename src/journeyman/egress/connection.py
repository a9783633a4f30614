"""The life of one connection out of a sandbox."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from journeyman.egress import opening
from journeyman.egress.addresses import AddressPolicy
from journeyman.egress.authority import Contexts
from journeyman.egress.dialling import Forbidden, Unreachable, dial
from journeyman.egress.injection import Injection
from journeyman.egress.interception import can_be_read, intercept
from journeyman.egress.policy import Allowed, Policy, Refused, decide, private
from journeyman.egress.refusal import Refusal, refuse, reset
from journeyman.egress.relay import Relay
from journeyman.egress.resolver import Resolver

_GREETING = 10.0
"""Seconds in which a client that began to speak must have said whom it speaks to."""


@dataclass(frozen=True, slots=True)
class Means:
    """What all connections of a sandbox share; all but the resolver also with those of others."""

    resolver: Resolver
    contexts: Contexts
    addresses: Callable[[], AddressPolicy]
    buffer: memoryview
    """Bytes on their way from one socket to another, while they are copied."""
    trusted: Callable[[], ssl.SSLContext]
    """For speaking TLS to servers in the place of a client."""


@dataclass(frozen=True, slots=True)
class Target:
    host: str
    """The name that the destination stands for, or the address."""
    port: int


Denied = Callable[[Target, str], None]
"""Called with the reason."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts for a sandbox, from its next connection on."""

    policy: Policy
    injections: Sequence[Injection] = ()

    def into(self, host: str) -> Sequence[Injection]:
        return [injection for injection in self.injections if injection.concerns(host)]


async def serve(client: socket.socket, target: Target, rules: Rules, means: Means, denied: Denied) -> None:
    """Connect a client to where it wants to go, or tell it why not. Closes it in any case."""
    try:
        decision = decide(rules.policy, target.host)
        if isinstance(decision, Refused):
            await _deny(client, b"", target, decision, means, denied)
            return
        try:
            upstream = await dial(target.host, target.port, means.resolver, means.addresses())
        except Forbidden:
            await _deny(client, b"", target, private(target.host), means, denied)
        except Unreachable as problem:
            await refuse(client, b"", target.host, Refusal(502, str(problem)), means.contexts)
        else:
            await _join(client, upstream, target, rules, means, denied)
    finally:
        client.close()


async def _join(
    client: socket.socket, upstream: socket.socket, target: Target, rules: Rules, means: Means, denied: Denied
) -> None:
    injections = rules.into(target.host)
    relay = Relay(client, upstream, means.buffer)
    try:
        said = b""
        if rules.policy.mode == "limited" or injections:
            said, decision = await _greeting(client, target)
            if isinstance(decision, Refused) and rules.policy.mode == "limited":
                spoken = relay.drop_upstream()
                if spoken:  # an answer of ours would be taken for more of the server's
                    denied(target, decision.reason)
                    reset(client)
                else:
                    await _deny(client, said, target, decision, means, denied)
                return
            # A server that speaks first speaks something else.
            if injections and isinstance(decision, Allowed) and can_be_read(said) and not relay.answered:
                relay.stop()
                await intercept(client, upstream, said, target.host, injections, means.contexts, means.trusted())
                return
        await relay.run(said)
    except* OSError:  # TimeoutError and SSLError are OSErrors
        relay.stop()
        reset(client)
        reset(upstream)
    finally:
        relay.close()


async def _greeting(client: socket.socket, target: Target) -> tuple[bytes, opening.Verdict]:
    """What a client sends first, whenever that is, and whether it may be sent on. Raises OSError."""
    said = b""
    while True:
        async with asyncio.timeout(_GREETING if said else None):
            received = await asyncio.get_running_loop().sock_recv(client, 16_384)
        if not received:
            if said:
                raise ConnectionAbortedError
            return said, opening.NOTHING_SAID
        said += received
        verdict = opening.check(said, target.host)
        if verdict is not None:
            return said, verdict


async def _deny(
    client: socket.socket, said: bytes, target: Target, refused: Refused, means: Means, denied: Denied
) -> None:
    denied(target, refused.reason)
    await asyncio.sleep(0)  # it leaves at the end of the loop's turn, and shall be there before the answer
    await refuse(client, said, target.host, Refusal(403, refused.reason), means.contexts)
