"""/v1/sessions/{id}/threads."""

from fastapi import APIRouter, Request, Response

from journeyman.api.answers import answer, answer_rendered
from journeyman.api.auth import ForAgents
from journeyman.api.render import render_thread
from journeyman.api.services import Called
from journeyman.api.stream import EventStream
from journeyman.wire.lists import EventList, TimeRange, event_deltas, thread_event_list, thread_list
from journeyman.wire.times import now_us

router = APIRouter(prefix="/v1/sessions/{session_id}/threads", tags=["threads"])


@router.get("")
async def list_threads(session_id: str, request: Request, caller: ForAgents, services: Called) -> Response:
    query = thread_list(request.query_params.multi_items())
    page = await services.threads.list(caller.workspace_id, session_id, query)
    now = now_us()
    return answer({"data": [render_thread(row, now) for row in page.items], "next_page": page.next_page})


@router.get("/{thread_id}")
async def retrieve_thread(session_id: str, thread_id: str, caller: ForAgents, services: Called) -> Response:
    row = await services.threads.retrieve(caller.workspace_id, session_id, thread_id)
    return answer(render_thread(row, now_us()))


@router.post("/{thread_id}/archive")
async def archive_thread(session_id: str, thread_id: str, caller: ForAgents, services: Called) -> Response:
    row = await services.lifecycle.archive_thread(caller.workspace_id, session_id, thread_id)
    return answer(render_thread(row, now_us()))


@router.get("/{thread_id}/events")
async def list_thread_events(
    session_id: str, thread_id: str, request: Request, caller: ForAgents, services: Called
) -> Response:
    query = thread_event_list(request.query_params.multi_items())
    await services.threads.retrieve(caller.workspace_id, session_id, thread_id)
    whole = EventList(query.limit, query.page, "asc", frozenset(), TimeRange())
    page = await services.events.list(caller.workspace_id, session_id, whole, thread_id=thread_id)
    return answer_rendered(page.items, page.next_page)


@router.get("/{thread_id}/stream")
async def stream_thread(
    session_id: str, thread_id: str, request: Request, caller: ForAgents, services: Called
) -> Response:
    previews = event_deltas(request.query_params.multi_items())
    subscriber = services.hub.subscribe(session_id, thread_id, previews)
    try:
        thread = await services.threads.retrieve(caller.workspace_id, session_id, thread_id)
        heads = await services.sessions.heads([session_id])
    except BaseException:
        services.hub.leave(subscriber)
        raise
    services.hub.follow(session_id, heads.get(session_id, 0))
    if thread["status"] == "terminated":
        subscriber.end()
    return EventStream(services.hub, subscriber)
