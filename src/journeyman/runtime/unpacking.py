"""Archives into a sandbox, in pieces that are worth a call each."""

from collections.abc import AsyncIterator

from journeyman.sandboxes.port import SandboxError, Sandboxes

PIECE = 8 << 20
_ARCHIVE = "/var/tmp/.journeyman-unpacked.tar"
_TIMEOUT = 600.0
_UNPACK = """mkdir -p -- "$1" && tar --extract --preserve-permissions --file "$0" --directory "$1"
code=$?; rm -f -- "$0"; exit $code"""


async def unpack(sandboxes: Sandboxes, sandbox: str, pieces: AsyncIterator[bytes], directory: str) -> None:
    """A tar's content below a directory, which is made if need be. Raises SandboxError."""
    await put(sandboxes, sandbox, pieces, _ARCHIVE)
    command = ["sh", "-c", _UNPACK, _ARCHIVE, directory]
    done = await sandboxes.exec(sandbox, command, cwd="/", timeout=_TIMEOUT)
    if done.exit_code:
        told = done.stderr[-500:].decode(errors="replace").strip()
        raise SandboxError(f"{directory} could not be filled: {told}")


async def put(sandboxes: Sandboxes, sandbox: str, data: AsyncIterator[bytes], path: str) -> None:
    """A file that may be large. Raises SandboxError."""
    redirect = ">"
    async for piece in _in_pieces(data):
        await sandboxes.exec(sandbox, ["sh", "-c", f'cat {redirect}"$0"', path], cwd="/", stdin=piece)
        redirect = ">>"


async def _in_pieces(data: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same in larger pieces; one at least."""
    waiting: list[bytes] = []
    async for each in data:
        waiting.append(each)
        if sum(map(len, waiting)) >= PIECE:
            yield b"".join(waiting)
            waiting.clear()
    yield b"".join(waiting)
