"""Who is told of what happens in a process, as configured."""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from journeyman.api.watching import ReadMetrics, Watching
from journeyman.app.backends import extra
from journeyman.config import Settings
from journeyman.runtime.hub import Hub
from journeyman.runtime.slots import Slots
from journeyman.sandboxes.port import Sandboxes
from journeyman.telemetry.port import All, Nobody, Observer


@dataclass(slots=True)
class Gauges:
    """What is so at the moment; its parts are given once they are there."""

    hub: Hub | None = None
    slots: dict[str, Slots] = field(default_factory=dict[str, Slots])

    def read(self) -> Iterable[tuple[str, dict[str, str], float]]:
        if self.hub is not None:
            yield "streams", {}, self.hub.listening
        for kind, slots in self.slots.items():
            yield "slots_used", {"kind": kind}, slots.used
            yield "slots_waiting", {"kind": kind}, slots.waiting


def make_watching(stack: AsyncExitStack, settings: Settings, gauges: Gauges) -> Watching:
    """Nothing is loaded that is not asked for. Raises ExtraMissing."""
    observers: list[Observer] = []
    metrics: ReadMetrics | None = None
    if settings.metrics.enabled:
        from journeyman.telemetry.metrics import CONTENT_TYPE, Metrics  # noqa: PLC0415

        counting = Metrics(gauges.read)
        observers.append(counting)
        metrics = ReadMetrics(counting.render, CONTENT_TYPE, settings.metrics_token())
    if settings.traces.endpoint is not None:
        with extra("otel"):
            from journeyman.telemetry.traces import Traces  # noqa: PLC0415
        traces = Traces(settings.traces.endpoint, settings.traces.headers)
        stack.push_async_callback(asyncio.to_thread, traces.close)
        observers.append(traces)
    observer = All(observers) if len(observers) > 1 else observers[0] if observers else Nobody()
    return Watching(observer, metrics, settings.log.requests)


async def tell_incidents(sandboxes: Sandboxes, observer: Observer) -> None:
    """Until it is cancelled."""
    async for event in sandboxes.events():
        observer.incident(event.incident.kind)
