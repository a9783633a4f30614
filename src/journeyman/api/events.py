"""/v1/sessions/{id}/events and its stream."""

from fastapi import APIRouter, Request, Response

from journeyman.api.answers import answer, answer_rendered
from journeyman.api.auth import ForAgents
from journeyman.api.body import read_body
from journeyman.api.inbound import echoed, files_named, new_events
from journeyman.api.services import Called
from journeyman.api.stream import EventStream
from journeyman.wire.events import parse_send
from journeyman.wire.lists import event_deltas, event_list

router = APIRouter(prefix="/v1/sessions/{session_id}", tags=["events"])


@router.post("/events")
async def send_events(session_id: str, request: Request, caller: ForAgents, services: Called) -> Response:
    sent = parse_send(await read_body(request)).events
    new = new_events(await services.rubrics.resolved(caller.workspace_id, "events", sent))
    await services.files.check_sources(caller.workspace_id, files_named("events", new))
    await services.lifecycle.send(caller.workspace_id, session_id, new)
    return answer({"data": [echoed(event) for event in new]})


@router.get("/events")
async def list_events(session_id: str, request: Request, caller: ForAgents, services: Called) -> Response:
    query = event_list(request.query_params.multi_items())
    page = await services.events.list(caller.workspace_id, session_id, query)
    return answer_rendered(page.items, page.next_page)


@router.get("/stream")
@router.get("/events/stream")
async def stream_events(session_id: str, request: Request, caller: ForAgents, services: Called) -> Response:
    previews = event_deltas(request.query_params.multi_items())
    subscriber = services.hub.subscribe(session_id, None, previews)
    try:
        session = await services.sessions.retrieve(caller.workspace_id, session_id)
    except BaseException:
        services.hub.leave(subscriber)
        raise
    services.hub.follow(session_id, session["head"])
    if session["status"] == "terminated":
        subscriber.end()
    return EventStream(services.hub, subscriber)
