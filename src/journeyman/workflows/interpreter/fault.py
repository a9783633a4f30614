"""Ends of a run that the plan cannot catch."""

from typing import Literal

Kind = Literal["program", "thread_limit", "timeout", "unknown"]


class Fault(BaseException):
    """A limit was met. No `except` of the plan sees it."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.message = message


def too_much(what: str) -> Fault:
    return Fault("program", f"The plan {what}.")
