"""`journeyman run`, without a person and with one at a terminal of the test's own."""

import os
import pty
import re
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from anthropic import Anthropic

from cli.command import COMMAND, Home

_SECONDS = 90
_FIBONACCI = "Generate the first 20 Fibonacci numbers and save them to fibonacci.txt"
_LINES = '[[models]]\nmatch = "lines"\nprotocol = "scripted"\noptions = {script = "lines"}\n'


class Person:
    """Reads the screen of a `journeyman run`, and types."""

    def __init__(self, process: subprocess.Popen[bytes], descriptor: int) -> None:
        self.process = process
        self._descriptor = descriptor
        self._seen = ""
        self._read = 0

    def sees(self, text: str) -> str:
        """Wait until it appears after what was seen before; all since then."""
        end = time.monotonic() + _SECONDS
        while (found := self._seen.find(text, self._read)) < 0:
            assert self._more(end - time.monotonic()), f"no {text!r} in {self._seen!r}"
        between = self._seen[self._read : found]
        self._read = found + len(text)
        return between

    def types(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    def sees_the_end(self) -> int:
        end = time.monotonic() + _SECONDS
        while self._more(end - time.monotonic()):
            pass
        return self.process.wait(_SECONDS)

    def _more(self, seconds: float) -> bool:
        if not select.select([self._descriptor], [], [], max(0, seconds))[0]:
            return False
        try:
            data = os.read(self._descriptor, 65_536)
        except OSError:  # how Linux reports that nobody has the terminal open any more
            return False
        self._seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", data.decode(errors="replace")).replace("\r\n", "\n")
        return bool(data)


@contextmanager
def at_terminal(home: Home, *arguments: str) -> Iterator[Person]:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, "run", *arguments],
        cwd=home.path,
        env={**home.environment(), "TERM": "xterm", "COLUMNS": "120"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Person(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_a_task_from_start_to_end(home: Home) -> None:
    done = home.run("run", "--yes", _FIBONACCI)
    assert (done.returncode, done.stderr) == (0, "")
    assert "`demo` plays a script" in done.stdout
    assert "\n  4181\n" in done.stdout
    assert re.search(r"tokens in, \d+ out · under \$0\.01 · ", done.stdout)


def test_the_task_comes_through_a_pipe(home: Home) -> None:
    done = home.run("run", stdin="What can you do?")
    assert done.returncode == 0
    assert "I am `demo`, a scripted model" in done.stdout


def test_nobody_is_there_to_approve(home: Home) -> None:
    done = home.run("run", _FIBONACCI)
    assert done.returncode == 0
    assert "Allow it with --yes" in done.stdout
    assert "Permission to use bash has been rejected" in done.stdout
    assert "4181" not in done.stdout


def test_it_works_on_the_server_that_runs(home: Home) -> None:
    with home.serving() as server:
        url, key = server.exported()
        done = home.run("run", "hello", "--system", "Be brief.")
        assert done.returncode == 0
        assert server.url in done.stdout
        with Anthropic(base_url=url, api_key=key) as client:
            session = client.beta.sessions.retrieve(done.stdout.split(" · ")[0].split()[-1])
            assert (session.status, session.agent.system) == ("idle", "Be brief.")


def test_an_unknown_model_is_explained(home: Home) -> None:
    done = home.run("run", "--model", "mystery", "hello")
    assert done.returncode == 1
    assert "No model 'mystery' is configured" in done.stdout


def test_escape_sequences_are_shown_not_obeyed(home: Home) -> None:
    (home.path / "journeyman.toml").write_text(_LINES)
    done = home.run("run", "--yes", "--model", "lines", r"SCRIPT: bash printf '\033[2Jgone' | say done")
    assert done.returncode == 0
    assert r"\x1b[2Jgone" in done.stdout
    assert "\x1b" not in done.stdout


def test_a_person_approves_and_goes_on(home: Home) -> None:
    with at_terminal(home, _FIBONACCI) as person:
        person.sees("$ cd /workspace && python3 fibonacci.py && cat fibonacci.txt\n")
        person.sees("Allow? [y]es, [n]o, [a]lways for bash: ")
        person.types("hm\n")
        person.sees("Answer y, n or a")
        person.sees("Allow? ")
        person.types("y\n")
        person.sees("4181")
        person.sees("you> ")
        person.types("What else can you do?\n")
        person.sees("I am `demo`, a scripted model")
        person.sees("you> ")
        person.types("\n")
        assert person.sees_the_end() == 0


def test_a_person_refuses_with_a_reason_then_allows_always(home: Home) -> None:
    (home.path / "journeyman.toml").write_text(_LINES)
    with at_terminal(
        home, "--model", "lines", "SCRIPT: bash echo one | bash echo two | bash echo three | say done"
    ) as person:
        person.sees("Allow? ")
        person.types("n not now\n")
        person.sees("Rejection message: not now")
        person.sees("$ echo two")
        person.sees("Allow? ")
        person.types("a\n")
        assert "Allow?" not in person.sees("you> ")
        person.types("\x04")
        assert person.sees_the_end() == 0


def test_ctrl_c_interrupts_and_one_can_go_on(home: Home) -> None:
    (home.path / "journeyman.toml").write_text(_LINES)
    with at_terminal(home, "--yes", "--model", "lines", "SCRIPT: bash sleep 1000 | say never") as person:
        person.sees("$ sleep 1000")
        person.process.send_signal(signal.SIGINT)
        person.sees("Interrupting the agent")
        assert "never" not in person.sees("you> ")
        person.types("SCRIPT: say back again\n")
        person.sees("back again")
        person.sees("you> ")
        person.process.send_signal(signal.SIGINT)
        assert person.sees_the_end() == 0


def test_ctrl_c_at_an_approval_interrupts(home: Home) -> None:
    (home.path / "journeyman.toml").write_text(_LINES)
    with at_terminal(home, "--model", "lines", "SCRIPT: bash echo no | say never") as person:
        person.sees("Allow? ")
        person.process.send_signal(signal.SIGINT)
        assert "never" not in person.sees("you> ")


def test_ctrl_c_twice_quits(home: Home) -> None:
    (home.path / "journeyman.toml").write_text(_LINES)
    with at_terminal(home, "--yes", "--model", "lines", "SCRIPT: bash sleep 1000") as person:
        person.sees("$ sleep 1000")
        os.kill(person.process.pid, signal.SIGINT)
        person.sees("Interrupting")
        os.kill(person.process.pid, signal.SIGINT)
        assert person.sees_the_end() in (0, 130)


def test_it_goes_on_when_the_server_is_killed_and_started_again(home: Home) -> None:
    (home.path / "journeyman.toml").write_text(_LINES)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    script = "SCRIPT: bash sleep 2; echo slept | say done"
    with (
        home.serving("--port", port) as first,
        at_terminal(home, "--yes", "--model", "lines", script) as person,
    ):
        person.sees("$ sleep 2; echo slept\n")
        first.process.kill()
        first.process.wait()
        with home.serving("--port", port):
            person.sees("  slept\n")
            person.sees("done")
            person.sees("you> ")
