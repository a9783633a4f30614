"""Sessions and threads as the wire shows them, at a moment."""

from typing import Any

from journeyman.runtime.usage import render_usage, seconds
from journeyman.store.outcomes import outcomes_of
from journeyman.store.rendering import load
from journeyman.store.resources import render_resources
from journeyman.store.session_rows import budget_of, vault_ids_of
from journeyman.wire.times import to_wire

JsonObject = dict[str, Any]


def render_session(row: JsonObject, now: int) -> JsonObject:
    """A session's row at `now` (µs): a running one's times run."""
    active, used = _active(row, now), load(row["usage"])
    ran = active + used.get("overlap_us", 0)
    return {
        "id": row["id"],
        "type": "session",
        "title": row["title"],
        "status": row["status"],
        "agent": load(row["agent"]),
        "environment_id": row["environment_id"],
        "deployment_id": row["deployment_id"],
        "vault_ids": vault_ids_of(row),
        "resources": render_resources(row),
        "metadata": load(row["metadata"]),
        "outcome_evaluations": outcomes_of(row),
        "budget": budget_of(row),
        "stats": {"active_seconds": seconds(ran), "duration_seconds": _duration(row, now)},
        "usage": render_usage(used, active),
        "created_at": to_wire(row["created_at"]),
        "updated_at": to_wire(row["updated_at"]),
        "archived_at": _time(row["archived_at"]),
    }


def render_thread(row: JsonObject, now: int) -> JsonObject:
    """A thread's row at `now` (µs). Stats are null before it first ran, usage before it first rested."""
    active = _active(row, now)
    stats = {
        "active_seconds": seconds(active),
        "duration_seconds": _duration(row, now),
        "startup_seconds": seconds(row["startup_us"] or 0),
    }
    return {
        "id": row["id"],
        "type": "session_thread",
        "session_id": row["session_id"],
        "parent_thread_id": row["parent_thread_id"],
        "agent": load(row["agent"]),
        "status": row["status"],
        "stats": None if row["startup_us"] is None else stats,
        "usage": None if row["usage"] is None else render_usage(load(row["usage"]), active),
        "workflow_run_id": row["workflow_run_id"],
        "created_at": to_wire(row["created_at"]),
        "updated_at": to_wire(row["updated_at"]),
        "archived_at": _time(row["archived_at"]),
    }


def _active(row: JsonObject, now: int) -> int:
    since = row["running_since"]
    return row["active_us"] + (max(0, now - since) if since is not None and row["status"] == "running" else 0)


def _duration(row: JsonObject, now: int) -> float:
    return seconds(max(0, (row["archived_at"] or now) - row["created_at"]))


def _time(us: int | None) -> str | None:
    return None if us is None else to_wire(us)
