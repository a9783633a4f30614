"""The real server as a process of its own, on loopback, with scripted models."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forked import Forked

from journeyman.sandboxes.local import LocalSandboxes

API_KEY = "sk-journeyman-test-0123456789abcdef"

SCRIPTED = {"match": "scripted", "protocol": "scripted", "options": {"script": "lines"}}
"""Does what a user message says after `SCRIPT:`; otherwise it answers "ok"."""

SLOW = {"match": "claude-*", "protocol": "scripted", "options": {"script": "lines", "ttft": 1.0}}
"""The same under the names of real models, a second late: a client has time to open its stream."""

QUICK_RETRIES = {"max_retries": 2, "backoff_base": 0.05, "backoff_cap": 0.1}

_COMMAND = Path(sys.executable).with_name("journeyman")
_START_SECONDS = 30
_STOP_SECONDS = 20
_FOREIGN = ("JOURNEYMAN_", "ANTHROPIC_", "OPENAI_")
"""Variables of the surroundings that would change what the server does."""


Process = subprocess.Popen[str] | Forked


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that answers."""

    url: str
    api_key: str
    data_dir: Path
    process: Process


@contextmanager
def start_server(
    directory: Path,
    *,
    models: Sequence[Mapping[str, Any]] = (SCRIPTED, SLOW),
    database_url: str | None = None,
    keep_sandboxes: bool = False,
    within: Sequence[str] = (),
    **sections: Mapping[str, Any],
) -> Iterator[RunningServer]:
    """Run `journeyman serve` on `directory/data`; it is stopped by SIGTERM on leaving.

    `sections` of journeyman.toml replace or complete what the tests take for granted: no rate limits, one known key.
    The same directory can be used again, for what the last server left there; with `keep_sandboxes`, also for its
    sandboxes. `within` is a command that runs the one after it. Raises RuntimeError when the server does not start, or
    does not stop.
    """
    file = write_config(directory, models=models, database_url=database_url, **sections)
    data_dir = directory / "data"
    process, url = start_process(directory, "serve", "--config", str(file), within=within)
    try:
        yield RunningServer(url, _key_in(sections), data_dir, process)
    finally:
        stop_process(process)
        if not keep_sandboxes:
            _in_a_thread(lambda: asyncio.run(destroy_sandboxes(data_dir)))


def write_config(
    directory: Path,
    *,
    models: Sequence[Mapping[str, Any]] = (SCRIPTED, SLOW),
    database_url: str | None = None,
    **sections: Mapping[str, Any],
) -> Path:
    """`directory/journeyman.toml`, for servers on `directory/data`."""
    server = {"port": 0, "data_dir": str(directory / "data"), "api_keys": [API_KEY]}
    unlimited = {"rate_limit_creates": 0, "rate_limit_reads": 0}
    config: dict[str, Any] = {"retry": QUICK_RETRIES, "models": list(models), **sections}
    config["server"] = {**server, **unlimited, **sections.get("server", {})}
    if database_url is not None:
        config["database"] = {"url": database_url}
    file = directory / "journeyman.toml"
    file.write_text("".join(f"{key} = {_toml(value)}\n" for key, value in config.items()))
    return file


def start_process(directory: Path, *words: str, within: Sequence[str] = ()) -> tuple[Process, str]:
    """Run `journeyman WORDS` until it says that it is up; also where: the last word it says of that."""
    log = directory / "server.log"
    process = _within(within, words, log) if within else Forked(words, _environment(), log)
    return process, _wait_for(process, log)


def _within(command: Sequence[str], words: Sequence[str], log: Path) -> "subprocess.Popen[str]":
    with log.open("a") as stderr:
        return subprocess.Popen(
            [*command, _COMMAND, *words], env=_environment(), stdout=subprocess.PIPE, stderr=stderr, text=True
        )


def _key_in(sections: Mapping[str, Mapping[str, Any]]) -> str:
    return sections.get("server", {}).get("api_keys", [API_KEY])[0]


def _wait_for(process: Process, log: Path) -> str:
    """The URL that the server prints once it answers."""
    assert process.stdout is not None
    watchdog = threading.Timer(_START_SECONDS, process.kill)
    watchdog.start()
    try:
        for line in process.stdout:
            if "listens on " in line or "works on " in line:
                return line.split()[-1]
    finally:
        watchdog.cancel()
    raise RuntimeError(f"The server did not start:\n{log.read_text()}")


def stop_process(process: Process) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.communicate(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise RuntimeError(f"The server did not stop within {_STOP_SECONDS} s of SIGTERM.") from None


async def destroy_sandboxes(data_dir: Path) -> None:
    """Sandboxes outlive their server by design."""
    sandboxes = LocalSandboxes(data_dir)
    found = await sandboxes.recover()
    await asyncio.gather(*(sandboxes.destroy(each.id) for each in found))
    await sandboxes.close()


def _in_a_thread(work: Callable[[], None]) -> None:
    """A loop may run in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}


def _toml(value: Any) -> str:
    match value:
        case Mapping():
            return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + "}"
        case str():
            return json.dumps(value)
        case Sequence():
            return "[" + ", ".join(_toml(item) for item in value) + "]"
        case _:
            return json.dumps(value)
