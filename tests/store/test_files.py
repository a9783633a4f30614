"""Files: who sees them, how much they may hold, when they end."""

from typing import Any

import pytest

from journeyman.store.database import Database
from journeyman.store.files import Files
from journeyman.wire.errors import ApiError
from journeyman.wire.files import file_list
from journeyman.wire.ids import new_id
from journeyman.wire.times import now_us

DAY = 86_400 * 1_000_000


def row(**fields: Any) -> dict[str, Any]:
    made = new_id("file")
    plain = {"id": made, "workspace_id": "default", "filename": "a", "mime_type": "text/plain", "size": 10}
    return {**plain, "blob": f"files/{made}", "downloadable": 1, "scope_id": None, "expires_at": None, **fields}


async def refusal(awaitable: Any) -> tuple[int, str | None]:
    with pytest.raises(ApiError) as caught:
        await awaitable
    return caught.value.status, caught.value.code


async def test_one_workspace_does_not_see_anothers(database: Database) -> None:
    files = Files(database, 0)
    made = await files.create(row())
    for call in (files.retrieve, files.downloadable, files.delete):
        assert (await refusal(call("elsewhere", made["id"])))[0] == 404
    assert (await files.list("elsewhere", file_list([]))).items == []
    assert (await files.list("elsewhere", file_list([("ids[]", made["id"])]))).items == []
    assert (await files.list("default", file_list([]))).items == [made]


async def test_a_quota_is_a_workspaces_and_copies_are_free(database: Database) -> None:
    files = Files(database, 25)
    first = await files.create(row())
    await files.create(row(scope_id="sesn_1", downloadable=0))
    await files.create(row())
    await files.create(row(workspace_id="elsewhere"))
    assert (await refusal(files.create(row())))[0] == 400
    await files.check_room("default")
    await files.create(row(size=5))
    assert (await refusal(files.check_room("default")))[0] == 400
    await files.delete("default", first["id"])
    await files.create(row())


async def test_the_last_of_a_blobs_files_frees_it(database: Database) -> None:
    files = Files(database, 0)
    blob = "files/shared"
    first, second = await files.create(row(blob=blob)), await files.create(row(blob=blob, scope_id="sesn_1"))
    assert await files.delete("default", first["id"]) is None
    assert await files.named([blob, "files/none"]) == {blob}
    assert await files.delete("default", second["id"]) == blob


async def test_expired_files_lose_their_bytes_and_later_their_names(database: Database) -> None:
    files = Files(database, 0)
    now = now_us()
    shared = "files/shared"
    over = await files.create(row(expires_at=now - 1))
    await files.create(row(expires_at=now - 1, blob=shared))
    kept = await files.create(row(blob=shared))
    long_ago = await files.create(row(expires_at=now - 31 * DAY))
    assert await refusal(files.downloadable("default", over["id"])) == (404, "file_expired")
    assert set(await files.expire()) == {f"files/{over['id']}", f"files/{long_ago['id']}"}
    assert set(await files.expire()) == set()
    assert await files.retrieve("default", over["id"]) == over
    assert await refusal(files.downloadable("default", over["id"])) == (404, "file_expired")
    assert (await files.downloadable("default", kept["id"]))["blob"] == shared
    assert await refusal(files.retrieve("default", long_ago["id"])) == (404, None)
