"""What a command says when it cannot go on."""


class Problem(Exception):
    """A failure that its message, one line for the person at the terminal, explains in full."""
