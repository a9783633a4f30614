"""Prometheus metrics of one process."""

from collections.abc import Callable, Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from journeyman.telemetry.port import ModelRequest, Span, ToolRun, Turn

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"
_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_LONG = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)

Gauges = Callable[[], Iterable[tuple[str, dict[str, str], float]]]
"""What is so at the moment: names without `journeyman_`, labels, values."""


class Metrics:
    """An Observer that counts. Names begin with `journeyman_`; durations are in seconds."""

    def __init__(self, gauges: Gauges) -> None:
        self._registry = registry = CollectorRegistry()
        registry.register(_Now(gauges))

        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"journeyman_{name}", what, labels, registry=registry)

        def histogram(name: str, what: str, buckets: Sequence[float], *labels: str) -> Histogram:
            return Histogram(f"journeyman_{name}", what, labels, buckets=buckets, registry=registry)

        self._requests = counter("http_requests", "Answered requests", "method", "route", "status")
        self._answering = histogram("http_request_seconds", "Until the answer was sent", _QUICK, "route")
        self._models = counter("model_requests", "Model requests; outcome: ok, or the error", "model", "outcome")
        self._asking = histogram("model_request_seconds", "A model request", _LONG, "model")
        self._waiting = histogram("model_first_event_seconds", "Until an answer's first event", _LONG, "model")
        self._tokens = counter("model_tokens", "kind: input, output, cache_read, cache_write", "model", "kind")
        self._runs = counter("tool_runs", "Tool runs; outcome: ok, or error", "tool", "outcome")
        self._running = histogram("tool_run_seconds", "A tool run", _LONG, "tool")
        self._turns = counter("turns", "Ended turns", "stop_reason")
        self._turning = histogram("turn_seconds", "A turn", _LONG)
        self._events = counter("events", "Committed events")
        self._committing = histogram("commit_seconds", "A commit of events, waiting included", _QUICK)
        self._incidents = counter("sandbox_incidents", "What sandboxes ran into", "kind")

    def render(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self._registry)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._answering.labels(route).observe(seconds)

    def model_request(self, told: ModelRequest) -> None:
        self._models.labels(told.model, told.span.error or "ok").inc()
        self._asking.labels(told.model).observe(told.span.seconds)
        if told.first is not None:
            self._waiting.labels(told.model).observe(max(0, told.first - told.span.began) / 1e6)
        for kind, number in told.tokens.items():
            self._tokens.labels(told.model, kind).inc(number)

    def tool_run(self, told: ToolRun) -> None:
        self._runs.labels(told.name, "error" if told.span.error else "ok").inc()
        self._running.labels(told.name).observe(told.span.seconds)

    def turn(self, turn: Turn, span: Span, stop_reason: str, causes: Sequence[str]) -> None:  # noqa: ARG002
        self._turns.labels(stop_reason).inc()
        self._turning.observe(span.seconds)

    def commit(self, events: int, seconds: float) -> None:
        self._events.inc(events)
        self._committing.observe(seconds)

    def incident(self, kind: str) -> None:
        self._incidents.labels(kind).inc()


class _Now(Collector):
    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        families: dict[str, GaugeMetricFamily] = {}
        for name, labels, value in self._gauges():
            family = families.setdefault(name, GaugeMetricFamily(f"journeyman_{name}", name, labels=list(labels)))
            family.add_metric(list(labels.values()), value)
        return families.values()
