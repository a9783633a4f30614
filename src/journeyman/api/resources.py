"""/v1/sessions/{session_id}/resources."""

from fastapi import APIRouter, Request, Response

from journeyman.api.answers import answer
from journeyman.api.auth import ForAgents
from journeyman.api.body import read_body
from journeyman.api.services import Called
from journeyman.wire import mounts as wire
from journeyman.wire.errors import ApiError
from journeyman.wire.repositories import parse_token

router = APIRouter(prefix="/v1/sessions/{session_id}/resources", tags=["sessions"])


@router.post("")
async def add_resource(session_id: str, request: Request, caller: ForAgents, services: Called) -> Response:
    resource = wire.parse_add(await read_body(request))
    return answer(await services.resources.add(caller.workspace_id, session_id, resource))


@router.get("")
async def list_resources(session_id: str, request: Request, caller: ForAgents, services: Called) -> Response:
    limit, page = wire.resource_list(request.query_params.multi_items())
    found = await services.resources.listed(caller.workspace_id, session_id)
    ids = [resource_id for resource_id, _ in found]
    rest = found[ids.index(page) + 1 if page in ids else 0 :]
    shown = rest if limit is None else rest[:limit]
    more = len(rest) > len(shown)
    return answer({"data": [item for _, item in shown], "next_page": f"page_{shown[-1][0]}" if more else None})


@router.get("/{resource_id}")
async def retrieve_resource(session_id: str, resource_id: str, caller: ForAgents, services: Called) -> Response:
    return answer(await services.resources.retrieve(caller.workspace_id, session_id, resource_id))


@router.post("/{resource_id}")
async def update_resource(
    session_id: str, resource_id: str, request: Request, caller: ForAgents, services: Called
) -> Response:
    token = parse_token(await read_body(request))
    return answer(await services.repositories.rotate(caller.workspace_id, session_id, resource_id, token))


@router.delete("/{resource_id}")
async def remove_resource(session_id: str, resource_id: str, caller: ForAgents, services: Called) -> Response:
    file_id = await services.resources.remove(caller.workspace_id, session_id, resource_id)
    try:
        blob = await services.files.delete(caller.workspace_id, file_id)
    except ApiError:  # the client has deleted the copy already
        blob = None
    if blob is not None:
        await services.blobs.delete(blob)
    return answer({"id": resource_id, "type": "session_resource_deleted"})
