"""What a plan may use."""

from typing import NamedTuple


class Limits(NamedTuple):
    """Of one run. They go to the interpreter's process, which holds them; the server holds them again where it can."""

    plan: int = 65_536
    """Characters of the plan's text."""
    steps: int = 400_000
    """Nodes that are evaluated, and parts of values that are walked through."""
    text: int = 1_000_000
    """Characters of one string."""
    items: int = 100_000
    """Of one list, dict, tuple or set."""
    bits: int = 8_192
    """Of one integer."""
    nesting: int = 100
    """Of lists in lists."""
    depth: int = 60
    """Of functions of the plan that call each other."""
    calls: int = 1_000
    """Of agents, in all."""
    branches: int = 1_000
    """At one time, of all `parallel`."""
    logs: int = 1_000
    output: int = 16 * 2**20
    """Bytes that the interpreter says, in all."""
    memory: int = 384 * 2**20
    """Bytes of the process's address space."""
    cpu: int = 60
    """Seconds of processor time, in all."""
    silence: float = 10.0
    """Seconds of computing; waiting for agents does not count."""
