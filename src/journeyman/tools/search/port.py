"""What a search engine is asked and what it answers."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

MAX_HITS = 10


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """Which engine, and how to reach it; `base_url` is needed for searxng only."""

    provider: Literal["brave", "tavily", "searxng"]
    api_key: str = ""
    base_url: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    text: str
    allowed: tuple[str, ...] = ()
    """Only these domains (empty: all)."""
    blocked: tuple[str, ...] = ()
    location: dict[str, str] = field(default_factory=dict[str, str])
    """`city`, `region`, `country` (two letters), `timezone` of the user, as far as given."""


class Hit(NamedTuple):
    url: str
    title: str
    texts: list[str]


class SearchError(Exception):
    """A search that failed; `code` is the wire's error code, the message is for the model."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code} — {message}")
        self.code = code


class SearchEngine(Protocol):
    async def search(self, query: Query) -> list[Hit]:
        """The best hits first. Raises SearchError."""
        ...


def with_sites(query: Query) -> str:
    """The query with `site:` operators, for engines that have no domain parameters; paths are left to the filter."""
    allowed = " OR ".join(f"site:{entry.partition('/')[0]}" for entry in query.allowed)
    blocked = [f"-site:{entry}" for entry in query.blocked if "/" not in entry.removesuffix("/")]
    return " ".join([query.text, *([f"({allowed})"] if allowed else []), *blocked])
