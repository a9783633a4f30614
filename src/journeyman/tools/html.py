"""A web page as readable text with its metadata and links."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser

from yarl import URL

MAX_LINKS = 500
MAX_MARKUP = 2_000_000
"""Characters; extraction takes seconds beyond, and more than linearly longer."""
_NAMES = {
    "author": "author",
    "article:author": "author",
    "date": "date",
    "article:published_time": "date",
    "description": "description",
    "og:description": "description",
    "og:site_name": "sitename",
    "og:title": "title",
}


@dataclass(frozen=True, slots=True)
class Page:
    text: str
    title: str | None
    links: tuple[str, ...]


class _Head(HTMLParser):
    """Collects title, metadata and links; never raises on broken markup."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.metadata: dict[str, str] = {}
        self.links: list[str] = []
        self.base = ""
        self._title: list[str] | None = None
        self._titled = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value}
        match tag:
            case "title" if not self._titled:
                self._title, self._titled = [], True
            case "meta":
                self._meta(given)
            case "a" if "href" in given:
                self.links.append(given["href"])
            case "base" if "href" in given:
                self.base = self.base or given["href"]
            case _:
                pass

    def _meta(self, given: dict[str, str]) -> None:
        name = _NAMES.get(given.get("name", given.get("property", "")).lower())
        if name and (value := " ".join(given.get("content", "").split())):
            self.metadata.setdefault(name, value)

    def handle_data(self, data: str) -> None:
        if self._title is not None:
            self._title.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "title" and self._title is not None:
            if title := " ".join("".join(self._title).split()):
                self.metadata["title"] = title
            self._title = None


def readable(markup: str, url: str) -> Page:
    """Extract the main text as markdown; slow (tens of milliseconds and more), so not for the event loop."""
    markup = markup[:MAX_MARKUP]
    head = _Head()
    head.feed(markup)
    metadata = head.metadata
    body = _body(markup, url)
    title = metadata.get("title")
    order = [key for key in ("author", "date", "description", "sitename", "title") if key in metadata]
    header = "".join(f"{key}: {metadata[key]}\n" for key in order)
    text = f"---\n{header}---\n\n{body}" if header else body
    return Page(text, title, _absolute(head.links, URL(url), head.base))


def _body(markup: str, url: str) -> str:
    import trafilatura  # noqa: PLC0415 - over half a second, and only pages need it

    extracted = trafilatura.extract(
        markup,
        url=url,
        output_format="markdown",
        include_links=True,
        include_tables=True,
        include_comments=True,
        favor_recall=True,
    )
    if extracted:
        return extracted
    plain = re.sub(r"\n{3,}", "\n\n", trafilatura.html2txt(markup)).strip()
    return plain or "(The page has no readable text; it may need JavaScript.)"


def _absolute(links: list[str], url: URL, base: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for link in links:
        try:
            target = url.join(URL(base)).join(URL(link.strip())).with_fragment(None)
        except ValueError:
            continue
        if target.scheme in {"http", "https"} and len(found) < MAX_LINKS:
            found[str(target)] = None
    return tuple(found)
