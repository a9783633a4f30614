"""What makes a dream, and how dreams are listed (facts 20; the page on dreams)."""

import json
from typing import Any

import pytest

from journeyman.wire import dreams
from journeyman.wire.errors import ApiError

STORE = {"type": "memory_store", "memory_store_id": "memstore_1"}
SESSIONS = {"type": "sessions", "session_ids": ["sesn_b", "sesn_a"]}
BODY: dict[str, Any] = {"inputs": [STORE, SESSIONS], "model": "scripted"}


def parsed(**fields: Any) -> dreams.DreamCreate:
    return dreams.parse_create(json.dumps({**BODY, **fields}).encode())


def test_least() -> None:
    """A model alone is an object's id; the default is a new store; null means omitted."""
    for create in (parsed(), parsed(instructions=None, output_behavior=None, model={"id": "scripted", "speed": None})):
        assert (create.model.id, create.instructions, create.in_place) == ("scripted", None, False)
        assert create.store == (0, dreams.MemoryStoreInput.model_validate(STORE))
        assert create.sessions == (1, dreams.SessionsInput.model_validate(SESSIONS))


def test_most() -> None:
    """facts 20.1: 100 sessions, 4,096 characters, in either order, into the store itself."""
    many = {"type": "sessions", "session_ids": [f"sesn_{number}" for number in range(100)]}
    behaviour = {"type": "update_existing", "memory_store_id": "memstore_1"}
    create = parsed(
        inputs=[many, STORE],
        instructions="ä" * 4096,
        output_behavior=behaviour,
        model={"id": "m" * 256, "speed": "standard"},
    )
    assert create.in_place
    assert (create.store[0], create.sessions[0]) == (1, 0)


WRONG = [
    ({"inputs": []}, "inputs: must have exactly one memory_store entry, got 0"),
    ({"inputs": [STORE]}, "inputs: must have exactly one sessions entry, got 0"),
    ({"inputs": [STORE, STORE, SESSIONS]}, "inputs: must have exactly one memory_store entry, got 2"),
    ({"inputs": [STORE, SESSIONS, SESSIONS]}, "inputs: must have exactly one sessions entry, got 2"),
    (
        {"inputs": [STORE, {"type": "files"}]},
        'Failed to parse request: inputs[1].type: "files" is not a valid value; expected one of memory_store, sessions',
    ),
    (
        {"inputs": [STORE, {**SESSIONS, "session_ids": []}]},
        "Failed to parse request: inputs[1].session_ids: must not be empty",
    ),
    (
        {"inputs": [STORE, {**SESSIONS, "session_ids": ["sesn_a"] * 101}]},
        "Failed to parse request: inputs[1].session_ids: must have at most 100 entries",
    ),
    (
        {"inputs": [STORE, {**SESSIONS, "session_ids": ["sesn_a", "sesn_b", "sesn_a"]}]},
        "inputs.1.session_ids.2: duplicate session sesn_a",
    ),
    (
        {"inputs": [{**STORE, "memory_store_id": ""}, SESSIONS]},
        "Failed to parse request: inputs[0].memory_store_id: not a valid ID",
    ),
    ({"instructions": ""}, "Failed to parse request: instructions: must not be empty"),
    (
        {"instructions": "x" * 4097},
        "Failed to parse request: instructions: must be at most 4096 characters long",
    ),
    ({"instructions": "a\0b"}, "instructions: must not contain a null character"),
    ({"model": ""}, "Failed to parse request: model: must not be empty"),
    ({"model": {"id": "m" * 257}}, "Failed to parse request: model.id: must be at most 256 characters long"),
    ({"model": {"id": "m", "speed": "fast"}}, 'model.speed: "fast" is not available for dreams; use "standard"'),
    (
        {"model": {"id": "m", "effort": "low"}},
        'Failed to parse request body: unknown field "effort" in model',
    ),
    ({"title": "x"}, 'Failed to parse request body: unknown field "title"'),
    (
        {"output_behavior": {"type": "update_existing", "memory_store_id": "memstore_2"}},
        "output_behavior.memory_store_id: must be the memory store of inputs",
    ),
    (
        {"output_behavior": {"type": "update_existing"}},
        "Failed to parse request: output_behavior.memory_store_id: field is required",
    ),
    (
        {"output_behavior": {"type": "overwrite"}},
        'Failed to parse request: output_behavior.type: "overwrite" is not a valid value; '
        "expected one of create_new, update_existing",
    ),
]


@pytest.mark.parametrize(("fields", "message"), WRONG)
def test_refused(refused, fields, message):
    """facts 2.7: the field is named, in the words of its family."""
    assert refused(dreams.parse_create, {**BODY, **fields}) == message


@pytest.mark.parametrize("field", ["inputs", "model"])
def test_required(refused, field):
    body = {key: value for key, value in BODY.items() if key != field}
    assert refused(dreams.parse_create, body) == f"Failed to parse request: {field}: field is required"


def test_list() -> None:
    """facts 4.5: 20 of them, 100 at most; any of several statuses, bounds on the time of making."""
    query = dreams.dream_list([])
    assert (query.limit, query.page, query.include_archived, query.statuses) == (20, None, False, frozenset())
    query = dreams.dream_list(
        [
            ("limit", "100"), ("include_archived", "true"), ("statuses[]", "pending"), ("statuses[]", "failed"),
            ("created_at[gt]", "2026-01-01T00:00:00Z"), ("created_at[lt]", "2026-01-01T00:00:01Z"),
        ]
    )  # fmt: skip
    assert (query.limit, query.include_archived, query.statuses) == (100, True, frozenset({"pending", "failed"}))
    assert query.created_at.gt is not None
    assert query.created_at.lt == query.created_at.gt + 1_000_000


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (("limit", "101"), "limit: must be between 1 and 100"),
        (("statuses", "done"), 'statuses: "done" is not a valid value; expected one of canceled, completed, failed, '),
        (("include_archived", "yes"), 'include_archived: "yes" is not a valid value'),
        (("created_at[gt]", "today"), 'created_at[gt]: "today" is not an RFC 3339 time'),
    ],
)
def test_list_refused(pair: tuple[str, str], message: str) -> None:
    with pytest.raises(ApiError) as caught:
        dreams.dream_list([pair])
    assert caught.value.message.startswith(message)
