"""Tavily."""

from typing import Any

from pydantic import BaseModel

from journeyman.tools.search.port import MAX_HITS, Hit, Query, SearchSettings
from journeyman.tools.search.request import post

_URL = "https://api.tavily.com"


class _Result(BaseModel):
    url: str
    title: str | None = None
    content: str | None = None


class _Answer(BaseModel):
    results: list[_Result] = []


class Tavily:
    """Takes no place of the user that is as fine as ours, so a location is added to the query in words."""

    def __init__(self, settings: SearchSettings) -> None:
        self._base = (settings.base_url or _URL).rstrip("/")
        self._key = settings.api_key

    async def search(self, query: Query) -> list[Hit]:
        body: dict[str, Any] = {"query": _localized(query), "max_results": MAX_HITS}
        if query.allowed:
            body["include_domains"] = [entry.partition("/")[0] for entry in query.allowed]
        if blocked := [entry for entry in query.blocked if "/" not in entry.removesuffix("/")]:
            body["exclude_domains"] = blocked
        headers = {"Authorization": f"Bearer {self._key}"}
        answer = await post(f"{self._base}/search", _Answer, body=body, headers=headers)
        return [Hit(result.url, result.title or "", [result.content or ""]) for result in answer.results]


def _localized(query: Query) -> str:
    place = ", ".join(query.location[key] for key in ("city", "region", "country") if query.location.get(key))
    return f"{query.text} (user is in {place})" if place else query.text
