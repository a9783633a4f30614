"""What is valid on the wire and not built yet: refused here, so that nothing is accepted and then ignored."""

from collections.abc import Mapping
from typing import Any

from journeyman.wire.errors import ApiError, invalid


def refuse_agent(*, identity: str | None) -> None:
    """Raise ApiError for parts of an agent that later versions bring."""
    if identity not in (None, "service_account"):
        raise _refusal("execution_identity.type", f'"{identity}"')


def refuse_environment(config: Mapping[str, Any]) -> None:
    """Raise ApiError for a session on an environment that later versions can run."""
    if config["type"] == "self_hosted":
        raise _refusal("environment_id", "a session on a self_hosted environment")


def refuse_event(path: str, type_: str) -> None:
    """Raise ApiError for an event that later versions bring."""
    if type_ == "user.tool_result":
        raise _refusal(path, type_)


def _refusal(path: str, feature: str) -> ApiError:
    return invalid(f"{path}: {feature} is not supported by this version of Journeyman yet")
