"""Running git over what strangers have written: no hook, no helper, no submodule, no protocol but HTTP."""

import asyncio
import base64
import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from journeyman.git.place import Place, RepositoryProblem

_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.askPass": "",
    "credential.helper": "",
    "fetch.recurseSubmodules": "false",
    "submodule.recurse": "false",
    "http.followRedirects": "false",
    "protocol.allow": "never",
    "protocol.http.allow": "always",
    "protocol.https.allow": "always",
    "protocol.file.allow": "always",
    "safe.directory": "*",
    "gc.auto": "0",
    "advice.detachedHead": "false",
}
_PATH = "/usr/local/bin:/usr/bin:/bin"
_SECONDS = 900


class GitFailed(Exception):
    """The message is the last of what it said."""


async def git(*words: str | Path, **settings: str) -> str:
    """What it prints. `settings` are configuration, `__` for dots. Raises GitFailed, RepositoryProblem."""
    return await _run(words, {key.replace("__", "."): value for key, value in settings.items()})


async def git_remote(place: Place, token: str | None, addresses: Sequence[str], *words: str | Path) -> str:
    """The same for words that talk to a remote, which is at just these addresses. Raises GitFailed."""
    host, _, port = place.origin.partition("://")[2].partition(":")
    port = port or ("443" if place.origin.startswith("https:") else "80")
    settings = {"http.curloptResolve": f"{host}:{port}:{','.join(addresses)}"}
    if token is not None:
        settings[f"http.{place.origin}/.extraHeader"] = f"Authorization: {authorization(token)}"
    return await _run(words, settings)


def authorization(token: str) -> str:
    """The header's value, as git hosts take tokens."""
    return "Basic " + base64.b64encode(f"x-access-token:{token}".encode()).decode()


async def _run(words: Sequence[str | Path], settings: Mapping[str, str]) -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            "git",
            *words,
            env=_environment({**_SETTINGS, **settings}),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd="/",
            start_new_session=True,
        )
    except FileNotFoundError:
        raise RepositoryProblem("clone", "git is not installed where the server runs.") from None
    try:
        async with asyncio.timeout(_SECONDS):
            output, errors = await process.communicate()
    except TimeoutError:
        raise GitFailed(f"it took longer than {_SECONDS} s") from None
    finally:
        if process.returncode is None:
            _kill(process.pid)
            await process.wait()
    if process.returncode:
        raise GitFailed(errors.decode(errors="replace").strip()[-500:])
    return output.decode(errors="replace")


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Settings go where no list of processes shows them."""
    found = {
        "PATH": _PATH,
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for number, (key, value) in enumerate(settings.items()):
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return found


def _kill(pid: int) -> None:
    """It and what it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, 9)
