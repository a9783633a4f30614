"""SearXNG: a metasearch engine that operators run themselves."""

from pydantic import BaseModel

from journeyman.tools.search.port import Hit, Query, SearchError, SearchSettings, with_sites
from journeyman.tools.search.request import get


class _Result(BaseModel):
    url: str = ""
    title: str | None = None
    content: str | None = None
    publishedDate: str | None = None  # noqa: N815 - the engine's name


class _Answer(BaseModel):
    results: list[_Result] = []


class SearXNG:
    """Takes no place of the user: a location is left out."""

    def __init__(self, settings: SearchSettings) -> None:
        self._base = settings.base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}

    async def search(self, query: Query) -> list[Hit]:
        if not self._base:
            raise SearchError("unavailable", "this server's operator must set the base_url of its SearXNG")
        params = {"q": with_sites(query), "format": "json"}
        answer = await get(f"{self._base}/search", _Answer, params=params, headers=self._headers)
        return [_hit(result) for result in answer.results]


def _hit(result: _Result) -> Hit:
    dated = f"Published: {result.publishedDate}" if result.publishedDate else ""
    return Hit(result.url, result.title or "", [result.content or "", dated])
