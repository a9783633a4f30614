"""What is valid on the wire and not built yet is refused, after its shape was checked."""

import json
from typing import Any

import pytest

from journeyman.wire import agents, events

LATER = "is not supported by this version of Journeyman yet"


AGENT_PARTS = [
    (
        {"execution_identity": {"type": "aws_role", "role_arn": "arn:aws:iam::1:role/r"}},
        'execution_identity.type: "aws_role"',
    ),
]


def create_agent(body: bytes) -> dict[str, Any]:
    return agents.materialise(agents.parse_create(body))


def base() -> dict[str, Any]:
    return {**create_agent(b'{"name": "n", "model": "m"}'), "id": "agent_01", "version": 1}


@pytest.mark.parametrize(("fields", "feature"), AGENT_PARTS)
def test_agents(refused, fields, feature):
    assert refused(create_agent, {"name": "n", "model": "m", **fields}) == f"{feature} {LATER}"
    assert refused(lambda body: agents.apply_update(base(), agents.parse_update(body)), fields) == f"{feature} {LATER}"


@pytest.mark.parametrize(
    ("event", "feature"),
    [
        ({"type": "user.tool_result", "tool_use_id": "sevt_01"}, "events.0: user.tool_result"),
    ],
)
def test_events(refused, event, feature):
    assert refused(events.parse_send, {"events": [event]}) == f"{feature} {LATER}"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"multiagent": {"type": "coordinator", "agents": []}}, "multiagent.agents"),
        ({"skills": [{"type": "custom"}]}, "skills[0].skill_id"),
        ({"execution_identity": {"type": "aws_role"}}, "execution_identity.role_arn"),
        ({"tools": [{"type": "mcp_toolset", "mcp_server_name": ""}]}, "tools[0].mcp_server_name"),
    ],
)
def test_malformed_parts_get_the_error_of_their_shape(refused, fields, path):
    message = refused(create_agent, {"name": "n", "model": "m", **fields})
    assert message.startswith(f"Failed to parse request: {path}: ")


def test_default_service_account_is_accepted():
    """SDK: sending the default is the same as omitting it."""
    body = {"name": "n", "model": "m", "execution_identity": {"type": "service_account"}}
    assert create_agent(json.dumps(body).encode()) == create_agent(b'{"name": "n", "model": "m"}')
