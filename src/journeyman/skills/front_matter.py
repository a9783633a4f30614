"""The head of a SKILL.md: what a skill is called and what it is for."""

import re
from typing import Any, NamedTuple

from journeyman.wire.errors import ApiError, invalid

_FENCED = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
_NAME = re.compile(r"[a-z0-9-]{1,64}")
_TAG = re.compile(r"<[/!?A-Za-z][^<>]*>")
_RESERVED = ("anthropic", "claude")
_MOST = 65_536


class FrontMatter(NamedTuple):
    name: str | None
    description: str


def read_front_matter(data: bytes) -> FrontMatter:
    """Checked but for the name's being there. Raises ApiError."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise _wrong("must be UTF-8 text") from error
    found = _FENCED.match(text)
    if found is None or len(found[1]) > _MOST:
        raise _wrong("must begin with YAML frontmatter between two lines of ---")
    fields = _parsed(found[1])
    description = fields.get("description")
    if not isinstance(description, str) or not description.strip():
        raise _wrong("the frontmatter must have a `description`")
    description = description.strip()
    if len(description) > 1024:
        raise _wrong(f"`description` must have at most 1024 characters, got {len(description)}")
    if _TAG.search(description):
        raise _wrong("`description` must not contain XML tags")
    name = fields.get("name")
    if name is not None and not isinstance(name, str):
        raise _wrong("`name` must be a string")
    return FrontMatter(None if name is None else check_name(name), description)


def check_name(name: str) -> str:
    """The name. Raises ApiError."""
    if not _NAME.fullmatch(name):
        raise _wrong("`name` must have 1 to 64 characters, of lower-case letters, digits and hyphens")
    for word in _RESERVED:
        if word in name:
            raise _wrong(f'`name` must not contain the reserved word "{word}"')
    return name


def _parsed(text: str) -> dict[str, Any]:
    import yaml  # noqa: PLC0415 - needed by uploads only

    try:
        fields: Any = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _wrong(f"the frontmatter is not valid YAML: {' '.join(str(error).split())[:300]}") from error
    if not isinstance(fields, dict):
        raise _wrong("the frontmatter must be a YAML mapping")
    return fields  # pyright: ignore[reportUnknownVariableType]


def _wrong(what: str) -> ApiError:
    return invalid(f"files: SKILL.md: {what}")
