"""/v1/environments."""

from fastapi import APIRouter, Request, Response

from journeyman.api.answers import answer, answer_page
from journeyman.api.auth import ForEnvironments, uses_legacy_environments
from journeyman.api.body import read_body
from journeyman.api.services import Called
from journeyman.wire import environments as wire
from journeyman.wire.lists import environment_list

router = APIRouter(prefix="/v1/environments", tags=["environments"])


@router.post("")
async def create_environment(request: Request, caller: ForEnvironments, services: Called) -> Response:
    services.rates.count("creates", caller.key_id)
    body = wire.materialise(wire.parse_create(await read_body(request)))
    return answer(await services.environments.create(caller.workspace_id, body))


@router.get("")
async def list_environments(request: Request, caller: ForEnvironments, services: Called) -> Response:
    query = environment_list(request.query_params.multi_items())
    page = await services.environments.list(caller.workspace_id, query)
    if not uses_legacy_environments(request):
        return answer_page(page)
    ids = [item["id"] for item in page.items]
    return answer(
        {
            "data": page.items,
            "has_more": page.next_page is not None,
            "first_id": ids[0] if ids else None,
            "last_id": ids[-1] if ids else None,
        }
    )


@router.get("/{environment_id}")
async def retrieve_environment(environment_id: str, caller: ForEnvironments, services: Called) -> Response:
    return answer(await services.environments.retrieve(caller.workspace_id, environment_id))


@router.post("/{environment_id}")
async def update_environment(
    environment_id: str, request: Request, caller: ForEnvironments, services: Called
) -> Response:
    update = wire.parse_update(await read_body(request))
    body = await services.environments.update(
        caller.workspace_id, environment_id, lambda current: wire.apply_update(current, update)
    )
    return answer(body)


@router.post("/{environment_id}/archive")
async def archive_environment(environment_id: str, caller: ForEnvironments, services: Called) -> Response:
    return answer(await services.environments.archive(caller.workspace_id, environment_id))


@router.delete("/{environment_id}")
async def delete_environment(environment_id: str, caller: ForEnvironments, services: Called) -> Response:
    return answer(await services.environments.delete(caller.workspace_id, environment_id))
