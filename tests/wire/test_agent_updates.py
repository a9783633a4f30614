"""An agent's body after an update."""

import json
from typing import Any

import pytest

from journeyman.wire import agents

BASE = {
    "name": "n",
    "model": {"id": "m", "effort": "low", "speed": "fast", "inference_geo": "us"},
    "description": "d",
    "system": "s",
    "tools": [{"type": "agent_toolset_20260401", "configs": [{"name": "bash", "enabled": False}]}],
    "metadata": {"a": "1", "b": "2"},
}


def stored() -> dict[str, Any]:
    body = agents.materialise(agents.parse_create(json.dumps(BASE).encode()))
    return {**body, "id": "agent_01", "version": 3}


def updated(**fields: Any) -> dict[str, Any]:
    return agents.apply_update(stored(), agents.parse_update(json.dumps(fields).encode()))


def changed(**fields: Any) -> dict[str, Any]:
    before, after = stored(), updated(**fields)
    return {key: value for key, value in after.items() if before[key] != value}


def test_nothing_sent_changes_nothing():
    """Docs (facts 5.11)."""
    assert updated() == stored()
    assert updated(version=3) == stored()


def test_what_is_stored_sent_back_changes_nothing():
    """Docs (facts 5.11): a client that reads, then writes the same, makes no version."""
    fields = {key: stored()[key] for key in ("name", "model", "description", "system", "tools", "metadata")}
    fields |= {key: stored()[key] for key in ("mcp_servers", "skills", "multiagent", "execution_identity")}
    assert updated(**fields) == stored()


def test_update_does_not_touch_what_it_is_given():
    before = stored()
    agents.apply_update(before, agents.parse_update(b'{"metadata": {"a": null}, "tools": null, "name": "x"}'))
    assert before == stored()


@pytest.mark.parametrize("empty", [None, ""])
@pytest.mark.parametrize("field", ["system", "description"])
def test_null_or_empty_clears(field, empty):
    """Docs (facts 5.9)."""
    assert changed(**{field: empty}) == {field: None}


@pytest.mark.parametrize("field", ["name", "model"])
def test_name_and_model_cannot_be_cleared(refused, field):
    """Docs (facts 5.9)."""
    assert refused(agents.parse_update, {field: None}) == f"{field}: cannot be cleared"


@pytest.mark.parametrize("empty", [None, []])
def test_arrays_are_replaced_whole(empty):
    """Docs (facts 5.9): null is the empty array."""
    assert changed(tools=empty) == {"tools": []}


def test_metadata_is_merged_by_key():
    """Docs (facts 5.9): null or the empty string deletes a key."""
    assert updated(metadata={"a": None, "c": "3"})["metadata"] == {"b": "2", "c": "3"}
    assert updated(metadata={"a": "", "b": "4", "never": None})["metadata"] == {"b": "4"}
    assert updated(metadata=None) == stored()


def test_metadata_limit_holds_for_the_result(refused):
    patch = {f"k{number}": "v" for number in range(15)}
    message = refused(lambda body: agents.apply_update(stored(), agents.parse_update(body)), {"metadata": patch})
    assert message == "metadata: must have at most 16 pairs, got 17"


@pytest.mark.parametrize("model", ["m", {"id": "m"}])
def test_same_model_keeps_effort_and_nothing_else(model):
    """Docs (facts 5.12): the other settings are replaced along with the object."""
    assert updated(model=model)["model"] == {"id": "m", "speed": "standard", "effort": {"type": "low"}}


def test_other_model_resets_effort():
    """Docs (facts 5.12)."""
    assert updated(model="other")["model"] == {"id": "other", "speed": "standard", "effort": {"type": "high"}}


def test_effort_that_is_sent_wins():
    assert updated(model={"id": "m", "effort": "max"})["model"]["effort"] == {"type": "max"}
