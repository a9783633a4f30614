"""/v1/models."""

from typing import Any

from fastapi import APIRouter, Request, Response

from journeyman.api.answers import answer
from journeyman.api.auth import ForAll
from journeyman.api.services import Called
from journeyman.models.port import ModelCard
from journeyman.wire.errors import not_found
from journeyman.wire.model_list import model_list

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.get("")
async def list_models(request: Request, _caller: ForAll, services: Called) -> Response:
    query = model_list(request.query_params.multi_items())
    cards = await services.models.list()
    page = query.cut(cards, [card.id for card in cards])
    ids = [card.id for card in page.items]
    return answer(
        {
            "data": [_render(card) for card in page.items],
            "has_more": page.has_more,
            "first_id": ids[0] if ids else None,
            "last_id": ids[-1] if ids else None,
        }
    )


@router.get("/{model_id:path}")
async def retrieve_model(model_id: str, _caller: ForAll, services: Called) -> Response:
    card = await services.models.retrieve(model_id)
    if card is None:
        raise not_found(f"model: {model_id}")
    return answer(_render(card))


def _render(card: ModelCard) -> dict[str, Any]:
    own = {
        "type": "model",
        "id": card.id,
        "display_name": card.display_name,
        "created_at": card.created_at,
        "max_input_tokens": card.max_input_tokens,
        "max_tokens": card.max_tokens,
        "lifecycle": "active",
        "capabilities": None,
        "line": None,
        "deprecated_at": None,
        "retires_at": None,
        "allowed_fallback_models": None,
    }
    return {**own, **card.raw}
