"""Files (facts 13)."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic, BadRequestError, NotFoundError
from server import RunningServer

from .test_errors import refused
from .test_gates import answered

LARGE = bytes(range(256)) * 40_000
"""More than is held in memory of one upload."""
ENTIRE = 500 * 1024 * 1024


def upload(http: httpx2.Client, name: str = "a.txt", content: bytes = b"x", **fields: Any) -> httpx2.Response:
    return http.post("/v1/files", files={"file": (name, content)}, data=fields)


@pytest.mark.validated
def test_an_uploaded_file(client: Anthropic, server: RunningServer) -> None:
    """facts 13.1, 13.4: its shape; it cannot be downloaded; deleted, it and its bytes are gone."""
    made = client.beta.files.upload(file=("data.csv", LARGE, "text/csv"), expires_in_seconds=3600)
    assert (made.filename, made.mime_type, made.size_bytes) == ("data.csv", "text/csv", len(LARGE))
    assert (made.type, made.downloadable, made.scope) == ("file", False, None)
    assert made.expires_at is not None
    assert abs(made.expires_at - made.created_at - timedelta(hours=1)) < timedelta(seconds=5)
    assert (server.data_dir / "blobs" / "files" / made.id).read_bytes() == LARGE
    assert client.beta.files.retrieve_metadata(made.id) == made
    with pytest.raises(BadRequestError) as caught:
        client.beta.files.download(made.id)
    assert "not downloadable" in str(caught.value)
    deleted = client.beta.files.delete(made.id)
    assert deleted.to_dict() == {"id": made.id, "type": "file_deleted"}
    assert not (server.data_dir / "blobs" / "files" / made.id).exists()
    for call in (client.beta.files.retrieve_metadata, client.beta.files.download, client.beta.files.delete):
        with pytest.raises(NotFoundError, match=f"File `{made.id}` not found"):
            call(made.id)


@pytest.mark.documented
def test_names_and_types(http: httpx2.Client) -> None:
    """facts 13.4: the last component counts; some characters are refused; a type is guessed when none is told."""

    def kept(name: str, *declared: str) -> tuple[str, str]:
        made = http.post("/v1/files", files={"file": (name, b"x", *declared)}).json()
        return made["filename"], made["mime_type"]

    assert kept("../up/report.pdf") == ("report.pdf", "application/pdf")
    assert kept("ü.md", "text/plain") == ("ü.md", "text/plain")
    assert kept("strange.zzz") == ("strange.zzz", "application/octet-stream")
    for name in ("a:b", "a?", "x" * 256):
        assert "filename" in refused(upload(http, name))
    unnamed = (
        b'--b\r\ncontent-disposition: form-data; name="file"; filename=""\r\ncontent-type: text/csv\r\n\r\nx\r\n--b--'
    )
    made = http.post("/v1/files", content=unnamed, headers={"content-type": "multipart/form-data; boundary=b"}).json()
    assert made["filename"] == "unnamed.csv"


@pytest.mark.documented
def test_what_is_no_upload(http: httpx2.Client, server: RunningServer) -> None:
    """facts 13.4: expiry from an hour to ninety days, one file, a whole body, 500 MB at most; nothing stays."""
    kept = sorted((server.data_dir / "blobs").rglob("*"))
    for seconds in ("3599", "7776001", "soon"):
        assert refused(upload(http, expires_in_seconds=seconds)).startswith("expires_in_seconds:")
    assert refused(http.post("/v1/files", files={"other": ("a", b"x")})) == "file: Field required"
    assert "only one" in refused(http.post("/v1/files", files=[("file", ("a", b"x")), ("file", ("b", b"x"))]))
    assert "multipart" in refused(http.post("/v1/files", json={}))
    cut = {"content-type": "multipart/form-data; boundary=b"}
    head = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
    assert "valid multipart" in refused(http.post("/v1/files", content=head + b"half", headers=cut))

    def endless() -> Any:
        yield head
        for _ in range(501):
            yield bytes(1 << 20)

    assert answered(http.post("/v1/files", content=endless(), headers=cut))[:2] == (413, "request_too_large")
    assert sorted((server.data_dir / "blobs").rglob("*")) == kept


@pytest.mark.documented
def test_lists(client: Anthropic, http: httpx2.Client) -> None:
    """facts 13.3: newest first, in pages; `ids` is one page of those that exist."""
    made = [client.beta.files.upload(file=(f"{number}.txt", b"x")).id for number in range(5)][::-1]
    listed = [file.id for file in client.beta.files.list(limit=2)]
    assert listed[:5] == made
    assert len(listed) == len(set(listed))
    some = client.beta.files.list(ids=[made[3], "file_011CNha8iCJcU1wXNR6q4V8w", made[1], made[3]])
    assert ([file.id for file in some.data], some.next_page) == ([made[1], made[3]], None)
    assert refused(http.get(f"/v1/files?ids[]={made[0]}&limit=1")).startswith("ids:")
    older = {"anthropic-beta": "files-api-2025-04-14"}

    def ends(query: str) -> tuple[str, str, bool]:
        page = http.get(f"/v1/files?limit=2&{query}", headers=older).json()
        assert set(page) == {"data", "has_more", "first_id", "last_id"}
        return page["first_id"], page["last_id"], page["has_more"]

    assert ends(f"after_id={made[0]}") == (made[1], made[2], True)
    assert ends(f"before_id={made[2]}") == (made[0], made[1], False)
    assert ends(f"before_id={made[3]}") == (made[1], made[2], True)
    assert refused(http.get("/v1/files?scope_id=sesn_1", headers=older)).startswith("scope_id:")
    assert http.get("/v1/files?scope_id=sesn_1").json() == {"data": [], "next_page": None}
