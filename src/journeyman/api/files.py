"""/v1/files."""

from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from journeyman.api.answers import answer
from journeyman.api.auth import ForAll, lists_files_by_id, needs_managed_agents
from journeyman.api.services import Called
from journeyman.api.uploads import Upload
from journeyman.wire import files as wire
from journeyman.wire.errors import ApiError
from journeyman.wire.ids import new_id
from journeyman.wire.times import now_us

router = APIRouter(prefix="/v1/files", tags=["files"])


@router.post("")
async def upload_file(request: Request, caller: ForAll, services: Called) -> Response:
    services.rates.count("creates", caller.key_id)
    upload = Upload(request)
    await services.files.check_room(caller.workspace_id)
    file_id = new_id("file")
    blob = f"files/{file_id}"
    size = await services.blobs.put(blob, upload.content())
    try:
        seconds = wire.expiry(upload.fields.get("expires_in_seconds"))
        mime_type = wire.mime_type(upload.content_type, upload.filename)
        body = await services.files.create(
            {
                "id": file_id,
                "workspace_id": caller.workspace_id,
                "filename": wire.file_name(upload.filename, mime_type),
                "mime_type": mime_type,
                "size": size,
                "blob": blob,
                "downloadable": 0,
                "scope_id": None,
                "expires_at": None if seconds is None else now_us() + seconds * 1_000_000,
            }
        )
    except ApiError:
        await services.blobs.delete(blob)
        raise
    return answer(body)


@router.get("")
async def list_files(request: Request, caller: ForAll, services: Called) -> Response:
    query = wire.file_list(request.query_params.multi_items())
    if query.scope_id is not None:
        needs_managed_agents(request)
    page = await services.files.list(caller.workspace_id, query)
    if not lists_files_by_id(request):
        return answer({"data": page.items, "next_page": page.next_page})
    more = page.prev_page if query.before_id else page.next_page
    ids = [item["id"] for item in page.items]
    ends = {"first_id": ids[0] if ids else None, "last_id": ids[-1] if ids else None}
    return answer({"data": page.items, "has_more": more is not None, **ends})


@router.get("/{file_id}")
async def retrieve_file(file_id: str, caller: ForAll, services: Called) -> Response:
    return answer(await services.files.retrieve(caller.workspace_id, file_id))


@router.get("/{file_id}/content")
async def download_file(file_id: str, caller: ForAll, services: Called) -> Response:
    row = await services.files.downloadable(caller.workspace_id, file_id)
    headers = {
        "content-length": str(row["size"]),
        "content-disposition": f"attachment; filename*=UTF-8''{quote(row['filename'], safe='')}",
        "x-content-type-options": "nosniff",
    }
    return StreamingResponse(services.blobs.get(row["blob"]), headers=headers, media_type=row["mime_type"])


@router.delete("/{file_id}")
async def delete_file(file_id: str, caller: ForAll, services: Called) -> Response:
    blob = await services.files.delete(caller.workspace_id, file_id)
    if blob is not None:
        await services.blobs.delete(blob)
    return answer({"id": file_id, "type": "file_deleted"})
