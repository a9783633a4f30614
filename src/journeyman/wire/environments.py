"""Environments: what a client sends to make or change one, and the stored body.

A stored body is the resource without `id` and the timestamps, which the store adds.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from journeyman.wire import metadata
from journeyman.wire.errors import invalid
from journeyman.wire.hosts import check_hosts
from journeyman.wire.json_value import Json
from journeyman.wire.metadata import Metadata, MetadataPatch
from journeyman.wire.parse_error import quote
from journeyman.wire.strict import NonEmpty, Strict, parse

PACKAGE_MANAGERS = ("apt", "cargo", "gem", "go", "npm", "pip")


class Unrestricted(Strict):
    """All outbound traffic."""

    type: Literal["unrestricted"]


class Limited(Strict):
    """Only the named hosts, and what the two switches open."""

    type: Literal["limited"]
    allowed_hosts: list[str] | None = None
    allow_mcp_servers: bool | None = None
    allow_package_managers: bool | None = None


class Packages(Strict):
    """Packages to install, by manager."""

    type: Literal["packages"] | None = None
    apt: list[NonEmpty] | None = None
    cargo: list[NonEmpty] | None = None
    gem: list[NonEmpty] | None = None
    go: list[NonEmpty] | None = None
    npm: list[NonEmpty] | None = None
    pip: list[NonEmpty] | None = None


class CloudConfig(Strict):
    """Sandboxes that this server runs; null or omitted parts keep their value, or take the default."""

    type: Literal["cloud"]
    networking: Annotated[Unrestricted | Limited, Field(discriminator="type")] | None = None
    packages: Packages | None = None


class SelfHostedConfig(Strict):
    """Sandboxes that the customer's workers run."""

    type: Literal["self_hosted"]


Config: TypeAlias = Annotated[CloudConfig | SelfHostedConfig, Field(discriminator="type")]
Scope: TypeAlias = Literal["organization", "account"]


class EnvironmentCreate(Strict):
    """Body of environment create; null means omitted."""

    name: NonEmpty
    config: Config | None = None
    description: str | None = None
    metadata: Metadata | None = None
    scope: Scope | None = None


class EnvironmentUpdate(Strict):
    """Body of environment update; omitted keeps, and only `description` is cleared by null."""

    name: NonEmpty | None = None
    config: Config | None = None
    description: str | None = None
    metadata: MetadataPatch | None = None
    scope: Scope | None = None


ENVIRONMENT_CREATE: TypeAdapter[EnvironmentCreate] = TypeAdapter(EnvironmentCreate)
ENVIRONMENT_UPDATE: TypeAdapter[EnvironmentUpdate] = TypeAdapter(EnvironmentUpdate)


def parse_create(body: bytes) -> EnvironmentCreate:
    """A checked create; raises ApiError."""
    create = parse(ENVIRONMENT_CREATE, body)
    _check(create)
    metadata.checked(create.metadata)
    return create


def parse_update(body: bytes) -> EnvironmentUpdate:
    """A checked update; what depends on the stored environment is checked by `apply_update`. Raises ApiError."""
    update = parse(ENVIRONMENT_UPDATE, body)
    _check(update)
    return update


def materialise(create: EnvironmentCreate) -> Json:
    """The stored body of a new environment; raises ApiError when its config does not fit together."""
    return {
        "type": "environment",
        "name": create.name,
        "description": create.description or "",
        "state": "active",
        "scope": "organization",
        "metadata": metadata.checked(create.metadata),
        "config": _config(None, create.config or CloudConfig(type="cloud")),
    }


def apply_update(current: Mapping[str, Any], update: EnvironmentUpdate) -> Json:
    """The stored body after `update`, equal to `current` when nothing changes. Other keys are kept.

    Raises ApiError when the result does not fit together; `invalid_config_type_change` when the type differs.
    """
    body: Json = dict(current)
    if update.name is not None:
        body["name"] = update.name
    if update.given("description"):
        body["description"] = update.description
    body["metadata"] = metadata.patched(body["metadata"], update.metadata)
    if update.config is not None:
        body["config"] = _config(body["config"], update.config)
    return body


def _check(environment: EnvironmentCreate | EnvironmentUpdate) -> None:
    if environment.scope == "account":
        raise invalid('scope: "account" is not supported; use "organization"')
    config = environment.config
    if isinstance(config, CloudConfig) and isinstance(config.networking, Limited):
        check_hosts(config.networking.allowed_hosts or [])


def _config(current: Json | None, config: CloudConfig | SelfHostedConfig) -> Json:
    if current is not None and current["type"] != config.type:
        raise invalid(
            f"config.type: cannot be changed from {quote(current['type'])} to {quote(config.type)}",
            code="invalid_config_type_change",
        )
    if isinstance(config, SelfHostedConfig):
        return {"type": "self_hosted"}
    stored = current or {}
    merged: Json = {
        "type": "cloud",
        "networking": _networking(stored.get("networking"), config.networking),
        "packages": _packages(stored.get("packages"), config.packages),
    }
    _check_packages(merged)
    return merged


def _networking(current: Json | None, networking: Unrestricted | Limited | None) -> Json:
    if networking is None:
        return current or {"type": "unrestricted"}
    if isinstance(networking, Unrestricted):
        return {"type": "unrestricted"}
    kept: Json = current if current and current["type"] == "limited" else {}
    defaults: Json = {"allowed_hosts": [], "allow_mcp_servers": False, "allow_package_managers": False}
    return {**defaults, **kept, **networking.model_dump(exclude_none=True)}


def _packages(current: Json | None, packages: Packages | None) -> Json:
    kept: Json = current or {"type": "packages", **{manager: [] for manager in PACKAGE_MANAGERS}}
    return kept if packages is None else {**kept, **packages.model_dump(exclude_none=True)}


def _check_packages(config: Json) -> None:
    networking, packages = config["networking"], config["packages"]
    wanted = any(packages[manager] for manager in PACKAGE_MANAGERS)
    if wanted and networking["type"] == "limited" and not networking["allow_package_managers"]:
        raise invalid(
            "config.networking.allow_package_managers: must be true when packages are specified"
            " under limited networking"
        )
