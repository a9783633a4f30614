"""What an agent's multiagent configuration is after creates and updates, before its agents are looked up."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from anthropic.types.beta import BetaManagedAgentsMultiagent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from journeyman.wire import agents
from journeyman.wire.errors import ApiError
from journeyman.wire.rosters import advisor_model, entries_of, models_of, shown

ON, OFF = {"type": "enabled"}, {"type": "disabled"}
SELF = {"type": "self"}
ANY = {"type": "enabled", "inline_agents": ON, "predefined_agents": []}
ABSENT = object()


def created(multiagent: Any) -> Any:
    body = {"name": "n", "model": "m", "multiagent": multiagent}
    return agents.materialise(agents.parse_create(json.dumps(body).encode()))["multiagent"]


def updated(stored: Any, multiagent: Any) -> Any:
    before = {**agents.materialise(agents.parse_create(b'{"name": "n", "model": "m"}')), "multiagent": stored}
    update = agents.parse_update(json.dumps({"multiagent": multiagent}).encode())
    return agents.apply_update(before, update)["multiagent"]


def reference(agent_id: str, version: int | None = None) -> dict[str, Any]:
    return {"type": "agent", "id": agent_id, "version": version}


def test_every_form_of_an_entry():
    """facts 21.2: versions that are not sent are for the look-up to find; the order is as sent."""
    advisor = {"type": "advisor", "model": "m"}
    sent = [advisor, "agent_1", {"type": "agent", "id": "agent_2"}, reference("agent_3", 7), SELF]
    stored = created({"type": "coordinator", "agents": sent})
    assert stored == {
        "type": "coordinator",
        "agents": [advisor, reference("agent_1"), reference("agent_2"), reference("agent_3", 7), SELF],
    }


DEFAULTS: Mapping[str, Any] = {
    "advisor": OFF, "subagents": ANY, "workflows": ANY, "inline_agents": ON, "predefined_agents": [],
}  # fmt: skip
KEYS = {"advisor": (), "inline_agents": (), "subagents": ("inline_agents", "predefined_agents")}
KEYS["workflows"] = KEYS["subagents"]
KEYS["multiagent"] = ("advisor", "subagents", "workflows")


def merged(key: str, stored: Any, sent: Any) -> Any:
    """By the letter of the SDK's docstring: key by key, each object by itself."""
    if sent is ABSENT:
        return stored
    if sent is None:
        return DEFAULTS[key]
    if isinstance(sent, list):
        return [reference(entry) if isinstance(entry, str) else entry for entry in sent]
    same = stored is not None and stored["type"] == sent["type"]
    result = {"type": sent["type"]}
    if "model" in sent:
        result["model"] = sent["model"]
    if sent["type"] == "disabled":
        return result
    for inner in KEYS[key]:
        result[inner] = merged(inner, stored[inner] if same else DEFAULTS[inner], sent.get(inner, ABSENT))
    return result


def nobody(multiagent: Mapping[str, Any]) -> bool:
    members = (multiagent.get(name, OFF) for name in ("subagents", "workflows"))
    return any(member.get("inline_agents") == OFF and not member["predefined_agents"] for member in members)


entries = st.sampled_from(["agent_1", reference("agent_2", 2), SELF])
inner = {
    "inline_agents": st.sampled_from([ON, OFF, None]),
    "predefined_agents": st.lists(entries, max_size=3) | st.none(),
}
members = st.none() | st.just(OFF) | st.fixed_dictionaries({"type": st.just("enabled")}, optional=inner)
advisors = st.sampled_from([None, OFF, {**ON, "model": "a"}, {**ON, "model": "b"}])
newer = st.fixed_dictionaries(
    {"type": st.just("multiagent_20261001")},
    optional={"advisor": advisors, "subagents": members, "workflows": members},
)
coordinators = st.lists(entries, min_size=1, max_size=3).map(lambda agents: {"type": "coordinator", "agents": agents})


@given(st.lists(newer | coordinators | st.none(), min_size=1, max_size=6))
def test_updates_merge_level_by_level(sent):
    """SDK: omitted keeps, null takes the default, another type replaces; a coordinator replaces whole."""
    stored: Any = None
    for change in sent:
        if change is None:
            expected = None
        elif change["type"] == "coordinator":
            expected = {**change, "agents": merged("agents", None, change["agents"])}
        else:
            expected = merged("multiagent", stored, change)
        if expected is not None and nobody(expected):
            with pytest.raises(ApiError, match="must name at least one agent when inline_agents is disabled"):
                updated(stored, change)
            continue
        assert updated(stored, change) == expected
        assert updated(expected, expected) == expected
        stored = expected


@given(newer | coordinators)
def test_a_create_is_an_update_of_nothing(sent):
    try:
        expected = updated(None, sent)
    except ApiError as error:
        with pytest.raises(ApiError) as caught:
            created(sent)
        assert caught.value.message == error.message
    else:
        assert created(sent) == expected


@given(newer | coordinators)
def test_what_is_shown_has_the_shape_of_the_sdk(sent):
    """`self` is shown as a reference to the version that has it."""
    try:
        stored = created(sent)
    except ApiError:
        return
    for _, entry in entries_of(stored):
        entry.update({} if entry["type"] == "self" else {"version": 2})
    before = json.dumps(stored)
    wire = shown(stored, "agent_0", 5)
    TypeAdapter(BetaManagedAgentsMultiagent).validate_python(wire, strict=True)
    own = {"type": "agent", "id": "agent_0", "version": 5}
    for (path, entry), (where, seen) in zip(entries_of(stored), entries_of(wire), strict=True):
        assert (path, seen) == (where, own if entry == SELF else entry)
    assert json.dumps(stored) == before


def test_what_a_session_runs_on():
    """The models of all its agents, each once, the advisor's last."""

    def agent(agent_id: str, model: str) -> dict[str, Any]:
        return {"type": "agent", "id": agent_id, "version": 1, "model": {"id": model}, "multiagent": None}

    lead = agent("agent_0", "a")
    roster = [agent("agent_1", "b"), lead, agent("agent_2", "b")]
    coordinator = {"type": "coordinator", "agents": [*roster, {"type": "advisor", "model": "c"}]}
    assert models_of({**lead, "multiagent": coordinator}) == ["a", "b", "c"]
    newer = {
        "type": "multiagent_20261001", "advisor": {**ON, "model": "a"}, "subagents": OFF,
        "workflows": {**ANY, "predefined_agents": roster},
    }  # fmt: skip
    assert models_of({**lead, "multiagent": newer}) == ["a", "b"]
    assert models_of(lead) == ["a"]
    assert (advisor_model(coordinator), advisor_model({**newer, "advisor": OFF}), advisor_model(None)) == (
        "c", None, None,
    )  # fmt: skip
