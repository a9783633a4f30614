"""All sandboxes that the egress process serves: attached, found again after its own death, forgotten when they end."""

import asyncio
import os
import ssl
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from journeyman.egress.addresses import AddressPolicy
from journeyman.egress.attachment import Attachment
from journeyman.egress.connection import Means, Target
from journeyman.egress.denials import Denial
from journeyman.egress.identity import Process, identify
from journeyman.egress.injection import Injection
from journeyman.egress.namespaces import CannotEnter, Namespaces
from journeyman.egress.policy import Policy
from journeyman.egress.records import Attached, Records, Settings, checked_name


class NotAttached(Exception):
    """The message says what is not there."""


class Attachments:
    """`reported` gets each denial; `means` makes what one sandbox's connections need."""

    def __init__(
        self,
        records: Records,
        namespaces: Namespaces,
        means: Callable[[], Means],
        reported: Callable[[Denial], None],
    ) -> None:
        self._records = records
        self._namespaces = namespaces
        self._means = means
        self._reported = reported
        self._attached: dict[str, Attachment] = {}
        self._pidfds: dict[str, int] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def __len__(self) -> int:
        return len(self._attached)

    def items(self) -> list[tuple[str, Attachment]]:
        return sorted(self._attached.items())

    async def attach(self, sandbox: str, process: Process, policy: Policy) -> Attachment:
        """Serve it from now on; when it is served already, only its policy changes.

        Raises CannotEnter, NotAttached when the process has ended, ValueError for an impossible name.
        """
        async with self._locks[checked_name(sandbox)]:
            current = self._attached.get(sandbox)
            if current is not None and current.process == process:
                self.set_policy(sandbox, policy)
                return current
            self._forget(sandbox)
            pidfd = _open(process)
            try:
                doors = await self._namespaces.open(pidfd)
            except CannotEnter:
                os.close(pidfd)
                raise

            def denied(target: Target, reason: str) -> None:
                self._reported(Denial(sandbox, target.host, target.port, reason))

            attachment = Attachment(process, policy, doors, self._means(), denied)
            self._attached[sandbox], self._pidfds[sandbox] = attachment, pidfd
            asyncio.get_running_loop().add_reader(pidfd, self._forget, sandbox)
            self._records.put(sandbox, Attached(process, policy))
            return attachment

    def set_policy(self, sandbox: str, policy: Policy) -> None:
        """From the next connection and question on. Raises NotAttached."""
        attachment = self._attached.get(sandbox)
        if attachment is None:
            raise NotAttached(f"{sandbox} is not attached.")
        if attachment.rules.policy != policy:
            attachment.rules = replace(attachment.rules, policy=policy)
            self._records.put(sandbox, Attached(attachment.process, policy))

    def inject(self, sandbox: str, injections: Sequence[Injection]) -> None:
        """From the next connection on; remembered in memory only. Raises NotAttached."""
        attachment = self._attached.get(sandbox)
        if attachment is None:
            raise NotAttached(f"{sandbox} is not attached.")
        attachment.rules = replace(attachment.rules, injections=tuple(injections))

    async def detach(self, sandbox: str) -> None:
        """Idempotent."""
        async with self._locks[checked_name(sandbox)]:
            self._forget(sandbox)
        if not self._locks[sandbox].locked():
            del self._locks[sandbox]

    async def restore(self) -> dict[str, str]:
        """Enter again what was attached before; what could not be, with the reason."""
        failed: dict[str, str] = {}

        async def enter(sandbox: str, attached: Attached) -> None:
            try:
                await self.attach(sandbox, *attached)
            except NotAttached:
                self._records.drop(sandbox)
            except CannotEnter as problem:
                failed[sandbox] = str(problem)

        await asyncio.gather(*(enter(*each) for each in self._records.all().items() if each[0] not in self._attached))
        return failed

    def close(self) -> None:
        """Let go of all; they are remembered."""
        for sandbox in list(self._attached):
            self._let_go(sandbox)

    def _forget(self, sandbox: str) -> None:
        self._let_go(sandbox)
        self._records.drop(sandbox)

    def _let_go(self, sandbox: str) -> None:
        attachment = self._attached.pop(sandbox, None)
        if attachment is not None:
            attachment.close()
            pidfd = self._pidfds.pop(sandbox)
            asyncio.get_running_loop().remove_reader(pidfd)
            os.close(pidfd)


def _open(process: Process) -> int:
    """A descriptor of this very process. Raises NotAttached when it has ended."""
    try:
        pidfd = os.pidfd_open(process.pid)
    except OSError:
        raise NotAttached(f"The process {process.pid} has ended.") from None
    if identify(process.pid) != process:  # asked after the descriptor was opened: they are the same
        os.close(pidfd)
        raise NotAttached(f"The process {process.pid} has ended.")
    return pidfd


class Operator:
    """The operator's word on all sandboxes, which is remembered and may change while the process runs."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._apply(records.settings)

    def change(self, settings: Settings) -> None:
        if settings != self._records.settings:
            self._records.settings = settings
        self._apply(settings)

    def trusted(self) -> ssl.SSLContext:
        """The certificates of the system, and those of the operator's file. Raises OSError."""
        if self._trusted is None:
            context = ssl.create_default_context()
            context.set_alpn_protocols(["http/1.1"])
            if self._ca_file is not None:
                context.load_verify_locations(self._ca_file)
            self._trusted = context
        return self._trusted

    def _apply(self, settings: Settings) -> None:
        self.addresses = AddressPolicy.parse(settings.allow_private)
        self._ca_file = settings.ca_file
        self._trusted: ssl.SSLContext | None = None
