"""Query parameters of the lists."""

import pytest

from journeyman.wire import lists
from journeyman.wire.errors import ApiError
from journeyman.wire.lists import TimeRange

PARSERS = [
    lists.agent_list,
    lists.version_list,
    lists.environment_list,
    lists.session_list,
    lists.event_list,
    lists.thread_event_list,
    lists.thread_list,
]


@pytest.mark.parametrize(
    ("parse", "default", "most"),
    [
        (lists.agent_list, 20, 100),
        (lists.version_list, 20, 100),
        (lists.environment_list, 20, 100),
        (lists.session_list, 20, 100),
        (lists.event_list, 100, 1000),
        (lists.thread_event_list, 100, 1000),
        (lists.thread_list, 1000, 1000),
    ],
)
def test_limits(parse, default, most):
    """Facts 4.5; where the reference documents none, ours."""
    assert parse([]).limit == default
    assert parse([("limit", str(most))]).limit == most
    for limit in ("0", "-1", str(most + 1)):
        with pytest.raises(ApiError, match=rf"^limit: must be between 1 and {most}$"):
            parse([("limit", limit)])
    with pytest.raises(ApiError, match=r'^limit: expected an integer, got "1e2"$'):
        parse([("limit", "1e2")])


@pytest.mark.parametrize("parse", PARSERS)
def test_unknown_parameters_are_ignored(parse):
    """Facts 1.5: clients append `beta=true`."""
    assert parse([("beta", "true"), ("x", "y")]) == parse([])


def test_defaults():
    agents = lists.agent_list([])
    assert (agents.page, agents.include_archived, agents.created_at) == (None, False, TimeRange())
    assert lists.session_list([]).order == "desc"
    assert lists.event_list([]).order == "asc"
    assert lists.event_list([]).types == frozenset()


def test_sessions():
    query = lists.session_list(
        [
            ("agent_id", "agent_01"),
            ("agent_version", "3"),
            ("deployment_id", "depl_01"),
            ("memory_store_id", "memstore_01"),
            ("statuses[]", "idle"),
            ("statuses[]", "running"),
            ("order", "asc"),
            ("include_archived", "true"),
            ("page", "page_x"),
        ]
    )
    assert (query.agent_id, query.agent_version) == ("agent_01", 3)
    assert (query.deployment_id, query.memory_store_id) == ("depl_01", "memstore_01")
    assert query.statuses == {"idle", "running"}
    assert (query.order, query.include_archived, query.page) == ("asc", True, "page_x")


def test_version_needs_its_agent():
    """SDK: it only applies when agent_id is also set."""
    assert lists.session_list([("agent_version", "3")]).agent_version is None


def test_event_types():
    assert lists.event_list([("types[]", "user.message"), ("types", "agent.message")]).types == {
        "user.message",
        "agent.message",
    }


def test_event_deltas():
    """Facts 10.6."""
    assert lists.event_deltas([]) == frozenset()
    assert lists.event_deltas([("event_deltas[]", "agent.message")] * 100) == {"agent.message"}


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000),
        ("1970-01-01T00:00:00.000001Z", 1),
        ("1970-01-01T00:00:00.0000019Z", 1),
        ("1970-01-01t01:00:00+01:00", 0),
        ("1970-01-01T00:00:00", 0),
        ("1969-12-31T23:59:59Z", -1_000_000),
        ("0001-01-01T00:00:00+14:00", -62_135_596_800_000_000 - 14 * 3600 * 1_000_000),
    ],
)
def test_times(text, us):
    """RFC 3339; a time without a zone is UTC, since the clients print naive datetimes so."""
    assert lists.event_list([("created_at[gte]", text)]).created_at == TimeRange(gte=us)


def test_every_bound():
    bounds = [
        (f"created_at[{bound}]", f"1970-01-01T00:00:0{place}Z")
        for place, bound in enumerate(["gt", "gte", "lt", "lte"])
    ]
    assert lists.session_list(bounds).created_at == TimeRange(gt=0, gte=1_000_000, lt=2_000_000, lte=3_000_000)


@pytest.mark.parametrize(
    ("parse", "parameter", "message"),
    [
        (
            lists.agent_list,
            ("include_archived", "yes"),
            'include_archived: "yes" is not a valid value; expected one of false, true',
        ),
        (lists.agent_list, ("page", "a\0"), "page: must not contain a null character"),
        (lists.session_list, ("order", "up"), 'order: "up" is not a valid value; expected one of asc, desc'),
        (
            lists.session_list,
            ("statuses[]", "done"),
            'statuses: "done" is not a valid value; expected one of idle, rescheduling, running, terminated',
        ),
        (lists.session_list, ("agent_version", "0"), "agent_version: must be between 1 and 2147483647"),
        (lists.event_list, ("created_at[gt]", "2026-01-01"), 'created_at[gt]: "2026-01-01" is not an RFC 3339 time'),
        (lists.event_list, ("created_at[lt]", "2026-13-01T00:00:00Z"), "created_at[lt]: "),
        (lists.event_list, ("created_at[lte]", "yesterday"), "created_at[lte]: "),
        (lists.event_list, ("types[]", "session.deleted"), 'types: "session.deleted" is not a valid value'),
        (
            lists.event_deltas,
            ("event_deltas[]", "agent.tool_use"),
            'event_deltas: "agent.tool_use" is not a valid value; expected one of agent.message, agent.thinking',
        ),
    ],
)
def test_bad_values_name_the_parameter(parse, parameter, message):
    with pytest.raises(ApiError) as caught:
        parse([parameter])
    assert caught.value.message.startswith(message)
    assert caught.value.status == 400


def test_too_many_event_deltas():
    """Facts 10.6."""
    with pytest.raises(ApiError, match=r"^event_deltas: must have at most 100 values, got 101$"):
        lists.event_deltas([("event_deltas[]", "agent.message")] * 101)
