"""Vaults: what a client sends to make or change one."""

from typing import Annotated, Any, TypeAlias

from pydantic import Field, TypeAdapter

from journeyman.wire import metadata
from journeyman.wire.errors import ApiError, invalid
from journeyman.wire.metadata import Metadata, MetadataPatch
from journeyman.wire.strict import Strict, parse

JsonObject = dict[str, Any]

DisplayName: TypeAlias = Annotated[str, Field(min_length=1, max_length=255)]


class VaultCreate(Strict):
    """Body of vault create; null means omitted."""

    display_name: DisplayName
    metadata: Metadata | None = None


class VaultUpdate(Strict):
    """Body of vault update; omitted and null keep."""

    display_name: DisplayName | None = None
    metadata: MetadataPatch | None = None


VAULT_CREATE: TypeAdapter[VaultCreate] = TypeAdapter(VaultCreate)
VAULT_UPDATE: TypeAdapter[VaultUpdate] = TypeAdapter(VaultUpdate)


def parse_create(body: bytes) -> VaultCreate:
    """A checked create; raises ApiError."""
    create = parse(VAULT_CREATE, body)
    metadata.checked(create.metadata)
    return create


def parse_update(body: bytes) -> VaultUpdate:
    """Raises ApiError."""
    return parse(VAULT_UPDATE, body)


def no_vault() -> ApiError:
    return ApiError("not_found_error", "Vault not found.")


def vault_archived(vault_id: str) -> ApiError:
    return invalid(f"Vault {vault_id} is archived.")
