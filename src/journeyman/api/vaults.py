"""/v1/vaults and the credentials in them."""

from fastapi import APIRouter, Request, Response

from journeyman.api.answers import answer, answer_page
from journeyman.api.auth import ForAgents
from journeyman.api.body import read_body
from journeyman.api.services import Called
from journeyman.wire import credentials as credential_wire
from journeyman.wire import vaults as wire
from journeyman.wire.lists import vault_list

router = APIRouter(prefix="/v1/vaults", tags=["vaults"])
_CREDENTIAL = "/{vault_id}/credentials/{credential_id}"


@router.post("")
async def create_vault(request: Request, caller: ForAgents, services: Called) -> Response:
    services.rates.count("creates", caller.key_id)
    create = wire.parse_create(await read_body(request))
    return answer(await services.vaults.create(caller.workspace_id, create))


@router.get("")
async def list_vaults(request: Request, caller: ForAgents, services: Called) -> Response:
    query = vault_list(request.query_params.multi_items())
    return answer_page(await services.vaults.list(caller.workspace_id, query))


@router.get("/{vault_id}")
async def retrieve_vault(vault_id: str, caller: ForAgents, services: Called) -> Response:
    return answer(await services.vaults.retrieve(caller.workspace_id, vault_id))


@router.post("/{vault_id}")
async def update_vault(vault_id: str, request: Request, caller: ForAgents, services: Called) -> Response:
    update = wire.parse_update(await read_body(request))
    return answer(await services.vaults.update(caller.workspace_id, vault_id, update))


@router.post("/{vault_id}/archive")
async def archive_vault(vault_id: str, caller: ForAgents, services: Called) -> Response:
    return answer(await services.vaults.archive(caller.workspace_id, vault_id))


@router.delete("/{vault_id}")
async def delete_vault(vault_id: str, caller: ForAgents, services: Called) -> Response:
    return answer(await services.vaults.delete(caller.workspace_id, vault_id))


@router.post("/{vault_id}/credentials")
async def create_credential(vault_id: str, request: Request, caller: ForAgents, services: Called) -> Response:
    services.rates.count("creates", caller.key_id)
    create = credential_wire.parse_create(await read_body(request))
    return answer(await services.secrets.create(caller.workspace_id, vault_id, create))


@router.get("/{vault_id}/credentials")
async def list_credentials(vault_id: str, request: Request, caller: ForAgents, services: Called) -> Response:
    query = vault_list(request.query_params.multi_items())
    return answer_page(await services.credentials.list(caller.workspace_id, vault_id, query))


@router.get(_CREDENTIAL)
async def retrieve_credential(vault_id: str, credential_id: str, caller: ForAgents, services: Called) -> Response:
    return answer(await services.credentials.retrieve(caller.workspace_id, vault_id, credential_id))


@router.post(_CREDENTIAL)
async def update_credential(
    vault_id: str, credential_id: str, request: Request, caller: ForAgents, services: Called
) -> Response:
    update = credential_wire.parse_update(await read_body(request))
    return answer(await services.secrets.update(caller.workspace_id, vault_id, credential_id, update))


@router.post(_CREDENTIAL + "/archive")
async def archive_credential(vault_id: str, credential_id: str, caller: ForAgents, services: Called) -> Response:
    return answer(await services.credentials.archive(caller.workspace_id, vault_id, credential_id))


@router.delete(_CREDENTIAL)
async def delete_credential(vault_id: str, credential_id: str, caller: ForAgents, services: Called) -> Response:
    return answer(await services.credentials.delete(caller.workspace_id, vault_id, credential_id))


@router.post(_CREDENTIAL + "/mcp_oauth_validate")
async def validate_credential(vault_id: str, credential_id: str, caller: ForAgents, services: Called) -> Response:
    return answer(await services.validation.validate(caller.workspace_id, vault_id, credential_id))
