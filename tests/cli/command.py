"""The installed `journeyman` as a process of its own, in surroundings of its own."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

COMMAND = Path(sys.executable).with_name("journeyman")
_SECONDS = 90
_FOREIGN = ("JOURNEYMAN_", "ANTHROPIC_", "OPENAI_")


@dataclass(frozen=True, slots=True)
class Home:
    """An empty home and working directory, and what the environment says besides."""

    path: Path
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    command: Path = COMMAND

    @property
    def data_dir(self) -> Path:
        return self.path / ".journeyman"

    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        return {**inherited, "HOME": str(self.path), **self.variables}

    def run(self, *arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """A command from start to end."""
        return subprocess.run(
            [self.command, *arguments],
            cwd=self.path,
            env=self.environment(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )

    @contextmanager
    def serving(self, *arguments: str | Path) -> Iterator["Served"]:
        """`journeyman serve` on a free port, stopped by SIGTERM on leaving."""
        process = subprocess.Popen(
            [self.command, "serve", "--port", "0", *arguments],
            cwd=self.path,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield Served(process, _read_greeting(process))
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=_SECONDS)


@dataclass(frozen=True, slots=True)
class Served:
    """A server that answers, and what it said."""

    process: subprocess.Popen[str]
    greeting: str

    @property
    def url(self) -> str:
        return self.greeting.splitlines()[0].split()[-1]

    def exported(self) -> tuple[str, str]:
        """Base URL and key, as a shell has them that runs the lines a client is told to run."""
        exports = "\n".join(line for line in self.greeting.splitlines() if line.strip().startswith("export "))
        script = f'{exports}\nprintf "%s %s" "$ANTHROPIC_BASE_URL" "$ANTHROPIC_API_KEY"'
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
        url, key = done.stdout.split()
        return url, key


def _read_greeting(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    assert process.stderr is not None
    watchdog = threading.Timer(_SECONDS, process.kill)
    watchdog.start()
    lines: list[str] = []
    try:
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C stops it" in line:
                return "".join(lines)
    finally:
        watchdog.cancel()
    raise RuntimeError(f"The server did not start: {''.join(lines)}{process.stderr.read()}")
