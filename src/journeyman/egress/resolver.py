"""Host names to addresses, by the host's own resolver."""

import asyncio
import socket
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

_KEPT = 5.0
"""Seconds; long enough for the connection that follows a question."""
_LIMIT = 512
THREADS = 64
"""Of the process."""
_SHARE = 8
"""Of these, for one sandbox: names that are never answered hold up only who asks for them."""
_SECONDS = 15.0
_NO_SUCH_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


class NoSuchName(Exception):
    """The name does not exist, or has no address."""


class Unresolved(Exception):
    """Whether the name exists could not be found out; the message says why."""


Answer = tuple[str, ...] | NoSuchName | Unresolved


class Resolver:
    """One sandbox's: what another one asked for does not show in how fast an answer comes.

    Asks for each name once at a time, and keeps answers for some seconds. Belongs to one event loop.
    """

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        """`threads` are shared by all sandboxes."""
        self._threads = threads
        self._share = asyncio.Semaphore(_SHARE)
        self._known: OrderedDict[str, tuple[float, asyncio.Future[Answer]]] = OrderedDict()

    async def resolve(self, host: str) -> tuple[str, ...]:
        """Its addresses, in the order to try them. Raises NoSuchName or Unresolved."""
        loop = asyncio.get_running_loop()
        until, answer = self._known.get(host, (0.0, None))
        if answer is None or (answer.done() and until < loop.time()):
            answer = asyncio.ensure_future(self._ask(host))
            self._known[host] = (loop.time() + _SECONDS + _KEPT, answer)
            self._known.move_to_end(host)
            if len(self._known) > _LIMIT:
                self._known.popitem(last=False)
        found = await asyncio.shield(answer)
        if isinstance(found, Exception):
            raise found
        return found

    async def _ask(self, host: str) -> Answer:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_SECONDS):
                await self._share.acquire()
                asked = loop.run_in_executor(self._threads, _look_up, host)
                asked.add_done_callback(lambda _: self._share.release())  # not before the thread is free again
                found: Answer = await asyncio.shield(asked)
        except TimeoutError:
            found = Unresolved("the resolver did not answer in time")
        if host in self._known:
            self._known[host] = (loop.time() + _KEPT, self._known[host][1])
        return found


def _look_up(host: str) -> Answer:
    try:
        # As bytes, since Python would apply IDNA to a string, and refuse some of what DNS allows.
        found = socket.getaddrinfo(host.encode(), None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return NoSuchName() if error.errno in _NO_SUCH_NAME else Unresolved(error.strerror)
    except (OSError, UnicodeError) as error:
        return Unresolved(str(error))
    return tuple(dict.fromkeys(str(place[0]) for *_, place in found)) or NoSuchName()
