"""The events of workflow runs."""

from collections.abc import Sequence
from typing import Any

from journeyman.runtime.draft import Draft
from journeyman.runtime.plans import Moment
from journeyman.runtime.workflow import WorkflowRun

JsonObject = dict[str, Any]


def created(
    run_id: str, name: str, description: str | None, phases: Sequence[JsonObject], private: JsonObject
) -> list[Draft]:
    fields = {"workflow_run_id": run_id, "name": name, "description": description, "phases": list(phases)}
    return [Draft("workflow_run.created", fields, private=private), resumed(run_id)]


def resumed(run_id: str) -> Draft:
    return Draft("workflow_run.status_running", {"workflow_run_id": run_id})


def idle(run_id: str) -> Draft:
    return Draft("workflow_run.status_idle", {"workflow_run_id": run_id})


def refused(kind: str, message: str) -> Draft:
    """No run was created."""
    return Draft("workflow_run.error", {"workflow_run_id": None, "error": {"type": kind, "message": message}})


def phase(run: WorkflowRun, moment: Moment) -> Draft | None:
    """A phase that was entered or left; None if that was told before."""
    return _phase_started(run, moment.key, moment.phase) if moment.enters else phase_ended(run, moment.key)


def _phase_started(run: WorkflowRun, key: str, place: int) -> Draft | None:
    if key in run.entered or key in run.left:
        return None
    fields = {"workflow_run_id": run.id, "workflow_run_phase_id": run.phases[place]["id"]}
    return Draft("workflow_run.phase_started", fields, private={"key": key})


def phase_ended(run: WorkflowRun, key: str) -> Draft | None:
    found = run.entered.get(key)
    if found is None:
        return None
    fields = {"workflow_run_id": run.id, "workflow_run_phase_id": found[1], "phase_started_id": found[0]}
    return Draft("workflow_run.phase_ended", fields, private={"key": key})


def ended(run: WorkflowRun, result: JsonObject, told: str, *, wakes: bool = True) -> list[Draft]:
    """Its open phases, its error if it had one, and its end; `told` is for the model, which goes on if it `wakes`."""
    drafts = [draft for key in reversed(run.entered) if (draft := phase_ended(run, key)) is not None]
    if result["type"] == "error":
        drafts.append(Draft("workflow_run.error", {"workflow_run_id": run.id, "error": result["error"]}))
    fields = {"workflow_run_id": run.id, "result": result}
    return [*drafts, Draft("workflow_run.status_ended", fields, private={"told": told, "wakes": wakes})]
