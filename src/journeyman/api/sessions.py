"""/v1/sessions."""

from fastapi import APIRouter, Request, Response

from journeyman.api.answers import answer
from journeyman.api.auth import ForAgents
from journeyman.api.body import read_body
from journeyman.api.inbound import files_named, new_events
from journeyman.api.render import render_session
from journeyman.api.services import Called
from journeyman.wire import sessions as wire
from journeyman.wire.lists import session_list
from journeyman.wire.times import now_us

router = APIRouter(prefix="/v1/sessions", tags=["sessions"])


@router.post("")
async def create_session(request: Request, caller: ForAgents, services: Called) -> Response:
    services.rates.count("creates", caller.key_id)
    create = wire.parse_create(await read_body(request))
    given = await services.rubrics.resolved(caller.workspace_id, "initial_events", create.initial_events or [])
    initial = new_events(given)
    await services.files.check_sources(caller.workspace_id, files_named("initial_events", initial))
    row = await services.lifecycle.create(caller.workspace_id, create, initial)
    return answer(render_session(row, row["created_at"]))


@router.get("")
async def list_sessions(request: Request, caller: ForAgents, services: Called) -> Response:
    query = session_list(request.query_params.multi_items())
    page = await services.sessions.list(caller.workspace_id, query)
    now = now_us()
    data = [render_session(row, now) for row in page.items]
    return answer({"data": data, "next_page": page.next_page, "prev_page": page.prev_page})


@router.get("/{session_id}")
async def retrieve_session(session_id: str, caller: ForAgents, services: Called) -> Response:
    return answer(render_session(await services.sessions.retrieve(caller.workspace_id, session_id), now_us()))


@router.post("/{session_id}")
async def update_session(session_id: str, request: Request, caller: ForAgents, services: Called) -> Response:
    change = wire.parse_update(await read_body(request))
    return answer(render_session(await services.lifecycle.update(caller.workspace_id, session_id, change), now_us()))


@router.post("/{session_id}/archive")
async def archive_session(session_id: str, caller: ForAgents, services: Called) -> Response:
    return answer(render_session(await services.lifecycle.archive(caller.workspace_id, session_id), now_us()))


@router.delete("/{session_id}")
async def delete_session(session_id: str, caller: ForAgents, services: Called) -> Response:
    return answer(await services.lifecycle.delete(caller.workspace_id, session_id))
