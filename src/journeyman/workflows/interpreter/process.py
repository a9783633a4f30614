"""The interpreter's process. It is started by `journeyman.workflows.runner`, and talks to it in lines of JSON."""

import json
import os
import sys
import unicodedata
from typing import Any

from journeyman.workflows.interpreter.branches import Outcome
from journeyman.workflows.interpreter.confinement import confine
from journeyman.workflows.interpreter.fault import Fault, too_much
from journeyman.workflows.interpreter.formatting import shown
from journeyman.workflows.interpreter.machine import Interpreter
from journeyman.workflows.limits import Limits
from journeyman.workflows.plan import Plan, Refused, check

_RECURSION = 12_000
_RESERVE = 2 * 2**20
_DETAIL = 2_000


class Pipes:
    """The line to the server: standard input and output."""

    def __init__(self, output: int) -> None:
        self._left = output
        self._heard = 0

    def say(self, kind: str, /, **fields: Any) -> None:
        text = json.dumps({"type": kind, **fields}, ensure_ascii=False, allow_nan=False)
        data = text.encode(errors="replace") + b"\n"
        self._left -= len(data)
        if self._left < 0:
            raise too_much("says too much")
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def read(self) -> Any:
        line = sys.stdin.buffer.readline()
        if not line.endswith(b"\n"):
            os._exit(0)  # the server is gone
        return json.loads(line)

    def wait(self) -> tuple[str, Outcome]:
        self.say("waiting", heard=self._heard)
        self._heard += 1
        return self.result()

    def result(self) -> tuple[str, Outcome]:
        said = self.read()
        return said["key"], Outcome(said["value"], said["error"])


def main() -> None:
    """Until the plan has ended."""
    assert unicodedata  # the parser asks for it when files can no longer be opened
    first = json.loads(sys.stdin.buffer.readline())
    limits = Limits(**first["limits"])
    reserve = [bytes(_RESERVE)]
    pipes = Pipes(limits.output)
    pipes.say("ready", confined=confine(limits))
    try:
        _serve(pipes, limits)
    except Fault as fault:
        _fail(limits, fault.kind, fault.message)
    except MemoryError:
        reserve.clear()
        _fail(limits, "program", f"The plan uses more than {limits.memory >> 20} MiB of memory.")
    except RecursionError:
        _fail(limits, "program", "The plan is nested too deeply.")
    except BaseException as error:
        _fail(limits, "unknown", "The interpreter failed.", detail=repr(error))
    os._exit(0)


def _serve(pipes: Pipes, limits: Limits) -> None:
    job = pipes.read()
    try:
        plan = check(job["plan"], limits)
    except Refused as refused:
        pipes.say("refused", problems=refused.problems)
        return
    pipes.say("checked", phases=plan.phases, agents=plan.agents)
    if job["run"]:
        known = dict(pipes.result() for _ in range(job["known"]))
        sys.setrecursionlimit(_RECURSION)
        _run(pipes, plan, limits, known)


def _run(pipes: Pipes, plan: Plan, limits: Limits, known: dict[str, Outcome]) -> None:
    interpreter = Interpreter(plan, limits, pipes, known)
    try:
        result = interpreter.run()
    except (MemoryError, RecursionError):
        raise
    except Exception as error:
        name, line = type(error).__name__, vars(error).get("line")
        message = f"The plan raised {name} and did not catch it."
        _fail(limits, "program", message, line=line, detail=f"{name}: {_told(interpreter, error)}")
    else:
        pipes.say("done", result=result)


def _told(interpreter: Interpreter, error: Exception) -> str:
    try:
        return shown(interpreter.heap, error)
    except Fault:
        return "(its text is too long)"


def _fail(limits: Limits, kind: str, message: str, *, line: int | None = None, detail: str | None = None) -> None:
    """The last thing that is said, whatever has been said before."""
    said = None if detail is None else detail[:_DETAIL]
    Pipes(limits.output).say("failed", kind=kind, message=message, line=line, detail=said)
    os._exit(0)
