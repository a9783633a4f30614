"""Permission policies: whether a tool's calls run at once or wait for the client."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from journeyman.wire.json_value import Json
from journeyman.wire.strict import Strict


class AlwaysAllow(Strict):
    """Calls run at once."""

    type: Literal["always_allow"]


class AlwaysAsk(Strict):
    """Calls wait for a confirmation."""

    type: Literal["always_ask"]


class Auto(Strict):
    """The server judges each call."""

    type: Literal["auto"]


PermissionPolicy: TypeAlias = Annotated[AlwaysAllow | AlwaysAsk | Auto, Field(discriminator="type")]


class DefaultConfig(Strict):
    """What applies to every tool of a toolset that has no entry of its own."""

    enabled: bool | None = None
    permission_policy: PermissionPolicy | None = None


def resolved(config: DefaultConfig | None, policy: Literal["always_allow", "always_ask"]) -> Json:
    """The stored default configuration; `policy` is the toolset's own default."""
    enabled = True if config is None or config.enabled is None else config.enabled
    sent = config.permission_policy if config else None
    return {"enabled": enabled, "permission_policy": {"type": sent.type if sent else policy}}


def inherited(default: Json, enabled: bool | None, policy: PermissionPolicy | None) -> Json:
    """A tool's own settings, with the toolset's default where the client sent none."""
    return {
        "enabled": default["enabled"] if enabled is None else enabled,
        "permission_policy": dict(default["permission_policy"]) if policy is None else {"type": policy.type},
    }
