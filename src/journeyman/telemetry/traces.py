"""OpenTelemetry traces, after its conventions for generative AI.

The ids of a turn's span follow from its session and beginning: whatever process tells a part of it, they meet in one
trace, and nothing has to be carried between them.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from journeyman.telemetry.port import ModelRequest, Span, ToolRun, Turn


class Traces:
    """An Observer that exports spans over OTLP (HTTP). `endpoint`: the collector's, such as http://host:4318."""

    def __init__(self, endpoint: str, headers: Mapping[str, str]) -> None:
        self._ids = _Ids()
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": "journeyman"}), id_generator=self._ids, shutdown_on_exit=False
        )
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", headers=dict(headers))
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
        self._tracer = self._provider.get_tracer("journeyman")

    def close(self) -> None:
        """Export what waits. Blocks for some seconds at most."""
        self._provider.shutdown()

    def request(self, method: str, route: str, status: int, seconds: float) -> None: ...
    def commit(self, events: int, seconds: float) -> None: ...
    def incident(self, kind: str) -> None: ...

    def model_request(self, told: ModelRequest) -> None:
        tokens = told.tokens
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": told.model,
            "gen_ai.usage.input_tokens": tokens.get("input", 0),
            "gen_ai.usage.output_tokens": tokens.get("output", 0),
            "gen_ai.usage.cache_read.input_tokens": tokens.get("cache_read", 0),
            "gen_ai.usage.cache_creation.input_tokens": tokens.get("cache_write", 0),
        }
        if told.stop_reason is not None:
            attributes["gen_ai.response.finish_reasons"] = [told.stop_reason]
        if told.first is not None:
            attributes["gen_ai.response.time_to_first_chunk"] = (told.first - told.span.began) / 1e6
        self._within(told.turn, f"chat {told.model}", SpanKind.CLIENT, told.span, attributes)

    def tool_run(self, told: ToolRun) -> None:
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": told.name,
            "gen_ai.tool.call.id": told.call_id,
            "gen_ai.tool.type": "function",
        }
        self._within(told.turn, f"execute_tool {told.name}", SpanKind.INTERNAL, told.span, attributes)

    def turn(self, turn: Turn, span: Span, stop_reason: str, causes: Sequence[str]) -> None:
        attributes = _of(turn) | {"gen_ai.operation.name": "invoke_agent", "journeyman.stop_reason": stop_reason}
        links = [Link(found) for cause in causes if (found := _parsed(cause)).is_valid]
        place = _place(turn)
        self._ids.next = place
        started = self._tracer.start_span(
            f"invoke_agent {turn.agent}",
            context=set_span_in_context(NonRecordingSpan(SpanContext(0, 0, is_remote=True))),
            kind=SpanKind.INTERNAL, attributes=attributes, links=links, start_time=span.began * 1000,
        )  # fmt: skip
        self._ids.next = None
        started.end(span.ended * 1000)

    def _within(self, turn: Turn, name: str, kind: SpanKind, span: Span, attributes: dict[str, Any]) -> None:
        trace, parent = _place(turn)
        context = SpanContext(trace, parent, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
        started = self._tracer.start_span(
            name, context=set_span_in_context(NonRecordingSpan(context)), kind=kind,
            attributes=_of(turn) | attributes, start_time=span.began * 1000,
        )  # fmt: skip
        if span.error is not None:
            started.set_attribute("error.type", span.error)
            started.set_status(Status(StatusCode.ERROR))
        started.end(span.ended * 1000)


class _Ids(IdGenerator):
    """Random ones, but for the next span, whose are told."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()
        self.next: tuple[int, int] | None = None

    def generate_trace_id(self) -> int:
        return self.next[0] if self.next is not None else self._random.generate_trace_id()

    def generate_span_id(self) -> int:
        return self.next[1] if self.next is not None else self._random.generate_span_id()


def _of(turn: Turn) -> dict[str, Any]:
    return {
        "gen_ai.provider.name": "journeyman",
        "gen_ai.agent.id": turn.agent_id,
        "gen_ai.agent.name": turn.agent,
        "gen_ai.conversation.id": turn.session_id,
    }


def _place(turn: Turn) -> tuple[int, int]:
    """The ids of its trace and its span."""
    digest = hashlib.sha256(f"{turn.session_id} {turn.began}".encode()).digest()
    return int.from_bytes(digest[:16]), int.from_bytes(digest[16:24])


def _parsed(traceparent: str) -> SpanContext:

    context = TraceContextTextMapPropagator().extract({"traceparent": traceparent})
    return get_current_span(context).get_span_context()
