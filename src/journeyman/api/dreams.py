"""/v1/dreams."""

from fastapi import APIRouter, Request, Response

from journeyman.api.answers import answer, answer_page
from journeyman.api.auth import ForDreams
from journeyman.api.body import read_body
from journeyman.api.services import Called, Services
from journeyman.models.port import ModelError
from journeyman.wire import dreams as wire
from journeyman.wire.errors import invalid

router = APIRouter(prefix="/v1/dreams", tags=["dreams"])


@router.post("")
async def create_dream(request: Request, caller: ForDreams, services: Called) -> Response:
    services.rates.count("creates", caller.key_id)
    create = wire.parse_create(await read_body(request))
    _check_model(services, create.model.id)
    made = await services.dreams.create(caller.workspace_id, create)
    services.dreamer.nudge()
    return answer(made)


@router.get("")
async def list_dreams(request: Request, caller: ForDreams, services: Called) -> Response:
    query = wire.dream_list(request.query_params.multi_items())
    return answer_page(await services.dreams.list(caller.workspace_id, query))


@router.get("/{dream_id}")
async def retrieve_dream(dream_id: str, caller: ForDreams, services: Called) -> Response:
    return answer(await services.dreams.retrieve(caller.workspace_id, dream_id))


@router.post("/{dream_id}/cancel")
async def cancel_dream(dream_id: str, caller: ForDreams, services: Called) -> Response:
    canceled, followed = await services.dreams.cancel(caller.workspace_id, dream_id)
    services.dreamer.follow(followed)
    return answer(canceled)


@router.post("/{dream_id}/archive")
async def archive_dream(dream_id: str, caller: ForDreams, services: Called) -> Response:
    return answer(await services.dreams.archive(caller.workspace_id, dream_id))


def _check_model(services: Services, model: str) -> None:
    try:
        services.models.find(model)
    except ModelError as error:
        raise invalid(f"model: {error.message}") from None
