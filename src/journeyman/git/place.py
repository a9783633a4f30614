"""Where a repository is, and what can be wrong with it."""

from typing import Literal, NamedTuple

Kind = Literal["authentication", "forbidden", "not_found", "checkout", "clone"]


class Place(NamedTuple):
    """`origin` is a scheme and a host (and a port), `path` the owner's name and the repository's."""

    origin: str
    path: str

    @property
    def url(self) -> str:
        return f"{self.origin}/{self.path}"

    @property
    def remote(self) -> str:
        """As git is told."""
        return f"{self.url}.git"

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


class Checkout(NamedTuple):
    """What is wanted of it; neither: the head of its default branch."""

    branch: str | None = None
    commit: str | None = None


class RepositoryProblem(Exception):
    """The message is for the client; nothing secret is in it."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
