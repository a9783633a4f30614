"""A workflow run as the log tells it: its plan, which calls of agents it has made, and what came of them."""

from dataclasses import dataclass, field
from typing import Any, Literal

from journeyman.store.port import Row

JsonObject = dict[str, Any]


@dataclass(slots=True)
class WorkflowRun:
    """Open until its status is `ended`. Calls are named by their places in the plan."""

    id: str
    name: str
    plan: str
    phases: list[JsonObject]
    """As the wire shows them."""
    began: int
    """µs since the epoch."""
    on_budget: bool
    """Whether its session had a budget as it began, whatever became of it: what a plan comes to must not change."""
    status: Literal["running", "idle", "ended"] = "running"
    threads: dict[str, str] = field(default_factory=dict[str, str])
    """Of each call, by its key."""
    outcomes: dict[str, JsonObject] = field(default_factory=dict[str, JsonObject])
    """Of each call that is over, by its key: its `value`, or an `error`."""
    entered: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """Phases it is in: by key, the event that says so and the phase's id."""
    left: list[str] = field(default_factory=list[str])
    """Keys of phases it has left."""

    @property
    def is_open(self) -> bool:
        return self.status != "ended"


def created(runs: dict[str, WorkflowRun], row: Row) -> None:
    body, private = row.body, row.private or {}
    run_id = body["workflow_run_id"]
    runs[run_id] = WorkflowRun(
        run_id, body["name"], private["plan"], body["phases"], row.processed_at, private["on_budget"]
    )


def changed(runs: dict[str, WorkflowRun], row: Row) -> None:
    """Any of its later events; of a run that is not known they change nothing."""
    run, private = runs.get(row.body["workflow_run_id"] or ""), row.private or {}
    if run is None:
        return
    match row.type.removeprefix("workflow_run."):
        case "status_running":
            run.status = "running"
        case "status_idle":
            run.status = "idle"
        case "status_ended":
            run.status = "ended"
        case "phase_started":
            run.entered[private["key"]] = (row.id, row.body["workflow_run_phase_id"])
        case "phase_ended":
            run.entered.pop(private["key"], None)
            run.left.append(private["key"])
        case _:
            pass
