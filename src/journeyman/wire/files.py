"""Files: names, types, expiry, and the list's query."""

import mimetypes
import re
from dataclasses import dataclass

from journeyman.wire.errors import ApiError, invalid, not_found
from journeyman.wire.lists import Query, files_page, text_of, values_of

MOST_BYTES = 500 * 1024 * 1024
"""Of one file."""
_EXPIRY = (3_600, 7_776_000)
_FORBIDDEN = re.compile(r'[<>:"|?*\\/\x00-\x1f]')
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,128}")
_UNKNOWN = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class FileList:
    """Files, newest first; `ids` makes one page of those that exist."""

    limit: int
    page: str | None
    ids: tuple[str, ...] | None
    scope_id: str | None
    after_id: str | None
    before_id: str | None


def file_list(query: Query) -> FileList:
    """Parse; raises ApiError naming the parameter."""
    limit, page = files_page(query)
    ids = tuple(dict.fromkeys(values_of(query, "ids")))
    after_id, before_id = text_of(query, "after_id"), text_of(query, "before_id")
    if ids and (page or text_of(query, "limit") or after_id or before_id):
        raise invalid("ids: cannot be combined with page, limit, after_id or before_id")
    if len(ids) > 100:
        raise invalid(f"ids: must have at most 100 values, got {len(ids)}")
    if sum(place is not None for place in (page, after_id, before_id)) > 1:
        raise invalid("page: only one of page, after_id and before_id may be given")
    return FileList(limit, page, ids or None, text_of(query, "scope_id"), after_id, before_id)


def file_name(sent: str | None, mime_type: str) -> str:
    """The last component of what a client calls its file. Raises ApiError for a name that cannot be."""
    name = re.split(r"[/\\]", sent)[-1] if sent else ""
    if not name:
        return "unnamed" + (mimetypes.guess_extension(mime_type) or "" if mime_type != _UNKNOWN else "")
    if len(name) > 255 or _FORBIDDEN.search(name):
        raise invalid(
            'file: the filename must have 1 to 255 characters and none of < > : " | ? * \\ / or control characters'
        )
    return name


def output_name(name: str) -> str:
    """What a file that the agent made is called: with `_` for what a name here cannot have."""
    text = name.encode(errors="surrogateescape").decode(errors="replace")
    return _FORBIDDEN.sub("_", text)[-255:]


def mime_type(declared: str | None, sent_name: str | None) -> str:
    """What the client says it is; when it does not, what its name says."""
    bare = (declared or "").partition(";")[0].strip().lower()
    if _TYPE.fullmatch(bare) and bare != _UNKNOWN:
        return bare
    return mimetypes.guess_type(sent_name or "")[0] or _UNKNOWN


def expiry(text: str | None) -> int | None:
    """Seconds. Raises ApiError."""
    if text is None:
        return None
    least, most = _EXPIRY
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise invalid(f"expires_in_seconds: must be an integer between {least} and {most}")
    return int(text)


def no_file(file_id: str) -> ApiError:
    return not_found(f"File `{file_id[:100]}` not found.")


def expired(file_id: str) -> ApiError:
    return ApiError("not_found_error", f"File `{file_id}` has expired.", code="file_expired")


def not_downloadable(file_id: str) -> ApiError:
    return invalid(f"File '{file_id}' is not downloadable", code="file_not_downloadable")


def too_large() -> ApiError:
    return ApiError("request_too_large", f"file: exceeds the maximum size of {MOST_BYTES >> 20} MB")


def storage_full(most: int) -> ApiError:
    return invalid(f"file: the storage limit of {most} bytes has been reached; delete files to make room")
