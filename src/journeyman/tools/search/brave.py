"""Brave Search."""

from html import unescape

from pydantic import BaseModel

from journeyman.tools.search.port import MAX_HITS, Hit, Query, SearchSettings, with_sites
from journeyman.tools.search.request import get

_URL = "https://api.search.brave.com"
_PLACE = (("city", "X-Loc-City"), ("region", "X-Loc-State-Name"), ("country", "X-Loc-Country"))


class _Result(BaseModel):
    url: str
    title: str = ""
    description: str | None = None
    extra_snippets: list[str] | None = None
    age: str | None = None


class _Web(BaseModel):
    results: list[_Result] = []


class _Answer(BaseModel):
    web: _Web | None = None


class Brave:
    def __init__(self, settings: SearchSettings) -> None:
        self._base = (settings.base_url or _URL).rstrip("/")
        self._key = settings.api_key

    async def search(self, query: Query) -> list[Hit]:
        params = {"q": with_sites(query), "count": str(MAX_HITS), "text_decorations": "false"}
        if country := query.location.get("country"):
            params["country"] = country
        headers = {"X-Subscription-Token": self._key, "Accept": "application/json", **_place(query)}
        answer = await get(f"{self._base}/res/v1/web/search", _Answer, params=params, headers=headers)
        return [_hit(result) for result in answer.web.results] if answer.web else []


def _place(query: Query) -> dict[str, str]:
    """Where the user is, as headers; values that a header cannot carry are left out."""
    given = [(header, query.location.get(key, "")) for key, header in (*_PLACE, ("timezone", "X-Loc-Timezone"))]
    return {header: value for header, value in given if value and value.isascii() and value.isprintable()}


def _hit(result: _Result) -> Hit:
    texts = [result.description or "", *(result.extra_snippets or [])]
    dated = f"Published: {result.age}" if result.age else ""
    return Hit(result.url, unescape(result.title), [*map(unescape, texts), dated])
