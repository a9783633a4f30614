"""/v1/agents."""

from fastapi import APIRouter, Request, Response

from journeyman.api.answers import answer, answer_page
from journeyman.api.auth import ForAgents
from journeyman.api.body import read_body
from journeyman.api.services import Called
from journeyman.wire import agents as wire
from journeyman.wire.errors import invalid
from journeyman.wire.lists import agent_list, version_list

router = APIRouter(prefix="/v1/agents", tags=["agents"])


@router.post("")
async def create_agent(request: Request, caller: ForAgents, services: Called) -> Response:
    services.rates.count("creates", caller.key_id)
    body = wire.materialise(wire.parse_create(await read_body(request)))
    return answer(await services.agents.create(caller.workspace_id, body))


@router.get("")
async def list_agents(request: Request, caller: ForAgents, services: Called) -> Response:
    query = agent_list(request.query_params.multi_items())
    return answer_page(await services.agents.list(caller.workspace_id, query))


@router.get("/{agent_id}")
async def retrieve_agent(agent_id: str, request: Request, caller: ForAgents, services: Called) -> Response:
    version = request.query_params.get("version")
    if version is not None and (not version.isascii() or not version.isdigit() or not 0 < int(version) < 2**31):
        raise invalid("version: must be a positive integer")
    wanted = None if version is None else int(version)
    return answer(await services.agents.retrieve(caller.workspace_id, agent_id, wanted))


@router.post("/{agent_id}")
async def update_agent(agent_id: str, request: Request, caller: ForAgents, services: Called) -> Response:
    update = wire.parse_update(await read_body(request))
    body = await services.agents.update(
        caller.workspace_id, agent_id, lambda current: wire.apply_update(current, update), update.version
    )
    return answer(body)


@router.post("/{agent_id}/archive")
async def archive_agent(agent_id: str, caller: ForAgents, services: Called) -> Response:
    return answer(await services.agents.archive(caller.workspace_id, agent_id))


@router.get("/{agent_id}/versions")
async def list_agent_versions(agent_id: str, request: Request, caller: ForAgents, services: Called) -> Response:
    query = version_list(request.query_params.multi_items())
    return answer_page(await services.agents.versions(caller.workspace_id, agent_id, query))
