"""/v1/memory_stores, their memories and the versions of those."""

from fastapi import APIRouter, Request, Response

from journeyman.api.answers import answer, answer_page
from journeyman.api.auth import Caller, ForMemory
from journeyman.api.body import read_body
from journeyman.api.services import Called
from journeyman.store.memories import Actor
from journeyman.wire import memories as memory_wire
from journeyman.wire import memory_stores as wire

router = APIRouter(prefix="/v1/memory_stores", tags=["memory stores"])
_MEMORY = "/{store_id}/memories/{memory_id}"
_VERSION = "/{store_id}/memory_versions/{version_id}"


@router.post("")
async def create_store(request: Request, caller: ForMemory, services: Called) -> Response:
    services.rates.count("creates", caller.key_id)
    create = wire.parse_create(await read_body(request))
    return answer(await services.memory_stores.create(caller.workspace_id, create))


@router.get("")
async def list_stores(request: Request, caller: ForMemory, services: Called) -> Response:
    query = wire.store_list(request.query_params.multi_items())
    return answer_page(await services.memory_stores.list(caller.workspace_id, query))


@router.get("/{store_id}")
async def retrieve_store(store_id: str, caller: ForMemory, services: Called) -> Response:
    return answer(await services.memory_stores.retrieve(caller.workspace_id, store_id))


@router.post("/{store_id}")
async def update_store(store_id: str, request: Request, caller: ForMemory, services: Called) -> Response:
    update = wire.parse_update(await read_body(request))
    return answer(await services.memory_stores.update(caller.workspace_id, store_id, update))


@router.post("/{store_id}/archive")
async def archive_store(store_id: str, caller: ForMemory, services: Called) -> Response:
    return answer(await services.memory_stores.archive(caller.workspace_id, store_id))


@router.delete("/{store_id}")
async def delete_store(store_id: str, caller: ForMemory, services: Called) -> Response:
    return answer(await services.memory_stores.delete(caller.workspace_id, store_id))


@router.post("/{store_id}/memories")
async def create_memory(store_id: str, request: Request, caller: ForMemory, services: Called) -> Response:
    services.rates.count("creates", caller.key_id)
    create = memory_wire.parse_create(await read_body(request))
    view = memory_wire.view_of(request.query_params.multi_items(), "basic")
    return answer(await services.memories.create(caller.workspace_id, store_id, create, _actor(caller), view))


@router.get("/{store_id}/memories")
async def list_memories(store_id: str, request: Request, caller: ForMemory, services: Called) -> Response:
    query = memory_wire.memory_list(request.query_params.multi_items())
    return answer_page(await services.memories.list(caller.workspace_id, store_id, query))


@router.get(_MEMORY)
async def retrieve_memory(
    store_id: str, memory_id: str, request: Request, caller: ForMemory, services: Called
) -> Response:
    view = memory_wire.view_of(request.query_params.multi_items(), "full")
    return answer(await services.memories.retrieve(caller.workspace_id, store_id, memory_id, view))


@router.post(_MEMORY)
async def update_memory(
    store_id: str, memory_id: str, request: Request, caller: ForMemory, services: Called
) -> Response:
    change = memory_wire.parse_update(await read_body(request))
    view = memory_wire.view_of(request.query_params.multi_items(), "basic")
    workspace, actor = caller.workspace_id, _actor(caller)
    return answer(await services.memories.update(workspace, store_id, memory_id, change, actor, view))


@router.delete(_MEMORY)
async def delete_memory(
    store_id: str, memory_id: str, request: Request, caller: ForMemory, services: Called
) -> Response:
    expected = memory_wire.expected_sha256(request.query_params.multi_items())
    workspace, actor = caller.workspace_id, _actor(caller)
    return answer(await services.memories.delete(workspace, store_id, memory_id, expected, actor))


@router.get("/{store_id}/memory_versions")
async def list_versions(store_id: str, request: Request, caller: ForMemory, services: Called) -> Response:
    query = memory_wire.version_list(request.query_params.multi_items())
    return answer_page(await services.memory_versions.list(caller.workspace_id, store_id, query))


@router.get(_VERSION)
async def retrieve_version(
    store_id: str, version_id: str, request: Request, caller: ForMemory, services: Called
) -> Response:
    view = memory_wire.view_of(request.query_params.multi_items(), "full")
    return answer(await services.memory_versions.retrieve(caller.workspace_id, store_id, version_id, view))


@router.post(_VERSION + "/redact")
async def redact_version(store_id: str, version_id: str, caller: ForMemory, services: Called) -> Response:
    workspace, key_id = caller.workspace_id, caller.key_id
    return answer(await services.memory_versions.redact(workspace, store_id, version_id, key_id))


def _actor(caller: Caller) -> Actor:
    return Actor("api_actor", caller.key_id)
