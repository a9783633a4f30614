"""Repositories as this machine knows them, one copy for all sessions; used only by whose token was let in just now."""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from journeyman.egress.addresses import AddressPolicy
from journeyman.git.command import GitFailed, git, git_remote
from journeyman.git.place import Checkout, Place, RepositoryProblem
from journeyman.git.remote import examine

_PIECE = 8 << 20
_REFS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")


class Found(NamedTuple):
    """What a checkout has come to."""

    commit: str
    branch: str | None
    """None: no branch, just the commit."""


class Mirrors:
    def __init__(self, directory: Path, policy: AddressPolicy) -> None:
        """`policy`: where hosts of repositories may be."""
        self._directory = directory
        self._policy = policy

    async def fetch(self, place: Place, token: str | None, wanted: Checkout) -> Found:
        """Bring the copy up to date. Raises RepositoryProblem."""
        addresses = await examine(place, token, self._policy)
        async with self._held(place) as mirror:
            try:
                return await _fetch(mirror, place, token, wanted, addresses)
            except GitFailed as error:
                raise RepositoryProblem("clone", f"{place.url} cannot be cloned: {error}") from error

    async def show(self, place: Place, found: Found, path: str) -> str | None:
        """A text file as it is in a commit that was fetched."""
        with contextlib.suppress(GitFailed):
            return await git("--git-dir", self._mirror(place), "show", f"{found.commit}:{path}")
        return None

    async def directories(self, place: Place, found: Found, path: str) -> list[str]:
        """The names of those in a directory of a commit."""
        with contextlib.suppress(GitFailed):
            listed = await git(
                "--git-dir", self._mirror(place), "ls-tree", "-d", "--name-only", f"{found.commit}:{path}"
            )
            return listed.splitlines()
        return []

    async def archive(self, place: Place, found: Found) -> AsyncIterator[bytes]:
        """A tar of a working copy with all of its history, in pieces. Raises RepositoryProblem."""
        with tempfile.TemporaryDirectory(dir=self._directory, prefix="clone-") as scratch:
            copy = Path(scratch) / "copy"
            async with self._held(place) as mirror:
                try:
                    await _clone(mirror, copy, place, found)
                except GitFailed as error:
                    raise RepositoryProblem("clone", f"{place.url} cannot be cloned: {error}") from error
            command = ["tar", "--create", "--owner=0", "--group=0", "--numeric-owner", "--directory", str(copy), "."]
            process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, limit=_PIECE)
            assert process.stdout is not None
            try:
                while piece := await _piece(process.stdout):
                    yield piece
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    def _mirror(self, place: Place) -> Path:
        return self._directory / f"{hashlib.sha256(place.url.encode()).hexdigest()[:32]}.git"

    @asynccontextmanager
    async def _held(self, place: Place) -> AsyncGenerator[Path]:
        """Its copy, for nobody else meanwhile, of whatever process."""
        mirror = self._mirror(place)
        await asyncio.to_thread(self._directory.mkdir, parents=True, exist_ok=True, mode=0o700)
        lock = os.open(mirror.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
            yield mirror
        finally:
            os.close(lock)


async def _fetch(mirror: Path, place: Place, token: str | None, wanted: Checkout, addresses: Sequence[str]) -> Found:
    directory = ("--git-dir", mirror)
    if not (mirror / "HEAD").exists():
        shutil.rmtree(mirror, ignore_errors=True)
        await git("init", "--quiet", "--bare", "--template=", mirror)
    await git_remote(place, token, addresses, *directory, "fetch", "--quiet", "--prune", place.remote, *_REFS)
    if wanted.commit is not None:
        if not await _has(mirror, wanted.commit):
            with contextlib.suppress(GitFailed):
                await git_remote(place, token, addresses, *directory, "fetch", "--quiet", place.remote, wanted.commit)
        if not await _has(mirror, wanted.commit):
            raise RepositoryProblem("checkout", f"{place.url} has no commit {wanted.commit}.")
        return Found((await git(*directory, "rev-parse", f"{wanted.commit}^{{commit}}")).strip(), None)
    listed = await git_remote(place, token, addresses, "ls-remote", "--symref", place.remote, "HEAD")
    branch = wanted.branch or _default(listed)
    if branch is None or not await _has(mirror, f"refs/heads/{branch}"):
        named = f"branch {wanted.branch}" if wanted.branch else "default branch; it may be empty"
        raise RepositoryProblem("checkout", f"{place.url} has no {named}.")
    await git(*directory, "symbolic-ref", "HEAD", f"refs/heads/{_default(listed) or branch}")
    return Found((await git(*directory, "rev-parse", f"refs/heads/{branch}")).strip(), branch)


async def _clone(mirror: Path, copy: Path, place: Place, found: Found) -> None:
    await git("clone", "--quiet", "--no-checkout", "--no-hardlinks", "--template=", mirror, copy)
    inside = ("-C", copy)
    await git(*inside, "remote", "set-url", "origin", place.remote)
    if found.branch is None:
        await git(*inside, "checkout", "--quiet", "--detach", found.commit)
        return
    await git(*inside, "checkout", "--quiet", "-B", found.branch, found.commit)
    await git(*inside, "branch", "--quiet", f"--set-upstream-to=origin/{found.branch}", found.branch)


async def _has(mirror: Path, revision: str) -> bool:
    try:
        await git("--git-dir", mirror, "cat-file", "-e", f"{revision}^{{commit}}")
    except GitFailed:
        return False
    return True


def _default(listed: str) -> str | None:
    """From what `ls-remote --symref` says of HEAD."""
    for line in listed.splitlines():
        if line.startswith("ref: refs/heads/"):
            return line.removeprefix("ref: refs/heads/").partition("\t")[0]
    return None


async def _piece(stream: asyncio.StreamReader) -> bytes:
    """Empty at the end."""
    try:
        return await stream.readexactly(_PIECE)
    except asyncio.IncompleteReadError as error:
        return error.partial
