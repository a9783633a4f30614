"""Dreams: what a client sends to make one, and how dreams are asked for."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from journeyman.wire.errors import ApiError, invalid
from journeyman.wire.lists import Query, TimeRange, bounds, choices, flag, limit_of, text_of
from journeyman.wire.references import Id
from journeyman.wire.strict import Strict, parse, shorthand

STATUSES = ("canceled", "completed", "failed", "pending", "running")
OVER = ("canceled", "completed", "failed")
MOST_SESSIONS = 100


class MemoryStoreInput(Strict):
    """The store that is reworked."""

    type: Literal["memory_store"]
    memory_store_id: Id


class SessionsInput(Strict):
    """The sessions whose transcripts are read."""

    type: Literal["sessions"]
    session_ids: Annotated[list[Id], Field(min_length=1, max_length=MOST_SESSIONS)]


class CreateNew(Strict):
    """The result is a new store, which begins as a copy."""

    type: Literal["create_new"]


class UpdateExisting(Strict):
    """The result goes into the store that is read."""

    type: Literal["update_existing"]
    memory_store_id: Id


class DreamModel(Strict):
    """The model of a dream."""

    id: Annotated[str, Field(min_length=1, max_length=256)]
    speed: Literal["standard", "fast"] | None = None


DreamInput: TypeAlias = Annotated[MemoryStoreInput | SessionsInput, Field(discriminator="type")]
OutputBehavior: TypeAlias = Annotated[CreateNew | UpdateExisting, Field(discriminator="type")]


class DreamCreate(Strict):
    """Body of dream create; null means omitted."""

    inputs: list[DreamInput]
    model: Annotated[DreamModel, shorthand("id")]
    instructions: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    output_behavior: OutputBehavior | None = None

    @property
    def store(self) -> tuple[int, MemoryStoreInput]:
        """With its place among the inputs."""
        return next((place, each) for place, each in enumerate(self.inputs) if isinstance(each, MemoryStoreInput))

    @property
    def sessions(self) -> tuple[int, SessionsInput]:
        """With its place among the inputs."""
        return next((place, each) for place, each in enumerate(self.inputs) if isinstance(each, SessionsInput))

    @property
    def in_place(self) -> bool:
        return isinstance(self.output_behavior, UpdateExisting)


DREAM_CREATE: TypeAdapter[DreamCreate] = TypeAdapter(DreamCreate)


@dataclass(frozen=True, slots=True)
class DreamList:
    """Dreams, newest first; empty `statuses` means any."""

    limit: int
    page: str | None
    include_archived: bool
    statuses: frozenset[str]
    created_at: TimeRange


def parse_create(body: bytes) -> DreamCreate:
    """A checked create; raises ApiError."""
    create = parse(DREAM_CREATE, body)
    _check_inputs(create.inputs)
    if create.model.speed == "fast":
        raise invalid('model.speed: "fast" is not available for dreams; use "standard"')
    if create.instructions is not None and "\0" in create.instructions:
        raise invalid("instructions: must not contain a null character")
    behaviour = create.output_behavior
    if isinstance(behaviour, UpdateExisting) and behaviour.memory_store_id != create.store[1].memory_store_id:
        raise invalid("output_behavior.memory_store_id: must be the memory store of inputs")
    return create


def dream_list(query: Query) -> DreamList:
    """Parse; raises ApiError naming the parameter."""
    return DreamList(
        limit_of(query, 20, 100),
        text_of(query, "page"),
        flag(query, "include_archived"),
        frozenset(choices(query, "statuses", STATUSES)),
        bounds(query),
    )


def no_dream() -> ApiError:
    return ApiError("not_found_error", "Dream not found.")


def missing_store(place: int, store_id: str) -> ApiError:
    return ApiError("not_found_error", f"inputs.{place}.memory_store_id: memory store {store_id} not found")


def archived_store(place: int, store_id: str) -> ApiError:
    return invalid(f"inputs.{place}.memory_store_id: memory store {store_id} is archived")


def missing_session(place: int, number: int, session_id: str) -> ApiError:
    return ApiError("not_found_error", f"inputs.{place}.session_ids.{number}: session {session_id} not found")


def store_in_use(store_id: str, dream_id: str) -> ApiError:
    return ApiError(
        "conflict_error",
        f"output_behavior.memory_store_id: dream {dream_id} still updates memory store {store_id}",
        headers={"x-should-retry": "false"},
    )


def not_cancelable(dream_id: str, status: str) -> ApiError:
    return invalid(
        f'Dream {dream_id} cannot be canceled while its status is "{status}". '
        "Only pending or running dreams may be canceled."
    )


def not_archivable(dream_id: str, status: str) -> ApiError:
    return invalid(
        f'Dream {dream_id} cannot be archived while its status is "{status}". '
        "Only completed, failed or canceled dreams may be archived."
    )


def _check_inputs(inputs: Sequence[MemoryStoreInput | SessionsInput]) -> None:
    kinds = Counter(each.type for each in inputs)
    for kind in ("memory_store", "sessions"):
        if kinds[kind] != 1:
            raise invalid(f"inputs: must have exactly one {kind} entry, got {kinds[kind]}")
    for place, each in enumerate(inputs):
        if isinstance(each, SessionsInput):
            _check_unique(f"inputs.{place}.session_ids", each.session_ids)


def _check_unique(path: str, ids: Sequence[str]) -> None:
    seen: set[str] = set()
    for place, each in enumerate(ids):
        if each in seen:
            raise invalid(f"{path}.{place}: duplicate session {each}")
        seen.add(each)
