"""A client and its server, joined."""

import asyncio
import contextlib
import socket

from journeyman.egress.refusal import reset
from journeyman.egress.splice import Flow

_LOOK = 60.0
_IDLE = 4 * 3600.0
_IDLE_HALF = 600.0
"""Seconds without a byte after which a connection is given up; the latter when one side has ended already."""
_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 20, "TCP_KEEPCNT": 4}
"""Seconds after which the kernel asks whether the other side is still there, and how often."""


class Relay:
    """What the server says flows from the start; what the client says only from `run` on."""

    def __init__(self, client: socket.socket, upstream: socket.socket, buffer: memoryview) -> None:
        self._client = client
        self._upstream = upstream
        self._buffer = buffer
        self._changed = asyncio.Event()
        for each in (client, upstream):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in _ALIVE.items():
                each.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
        self._down = Flow(upstream, client, buffer, self._down_ended)
        self._up: Flow | None = None

    async def run(self, said: bytes) -> None:
        """Send on what the client has `said`, then everything both say, until both have ended. Raises OSError."""
        if said:
            await asyncio.get_running_loop().sock_sendall(self._upstream, said)
        up = self._up = Flow(self._client, self._upstream, self._buffer, self._changed.set)
        flows = (up, self._down)
        while not all(flow.over for flow in flows) and not any(flow.failed for flow in flows):
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), _LOOK)
            if self._is_stale(flows):
                break
        if any(flow.failed or not flow.over for flow in flows):
            self.stop()
            reset(self._client)
            reset(self._upstream)

    @property
    def answered(self) -> bool:
        """Whether the server has said something."""
        return self._down.moved

    def drop_upstream(self) -> bool:
        """Let go of the server; whether it had said something already."""
        self.stop()
        self._upstream.close()
        return self._down.moved

    def stop(self) -> None:
        self._down.stop()
        if self._up is not None:
            self._up.stop()

    def close(self) -> None:
        self.stop()
        self._client.close()
        self._upstream.close()

    def _down_ended(self) -> None:
        self._changed.set()
        if self._down.failed and self._up is None:
            with contextlib.suppress(OSError):  # whoever waits for what the client says first, waits no longer
                self._client.shutdown(socket.SHUT_RDWR)

    def _is_stale(self, flows: tuple[Flow, Flow]) -> bool:
        quiet = asyncio.get_running_loop().time() - max(flow.last for flow in flows)
        return quiet > (_IDLE_HALF if any(flow.over for flow in flows) else _IDLE)
