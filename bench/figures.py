"""The table: what is measured, what it should be, and whether it is."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Result = Mapping[str, Any]
Base = Literal["direct-sdk", "stub"]


@dataclass(frozen=True, slots=True)
class Target:
    """At most `value`, or at least; of the figure itself, or of its ratio to another peer's."""

    value: float
    of: Base | None = None
    at_least: bool = False

    def __str__(self) -> str:
        number = f"{self.value:,.2f}".rstrip("0").rstrip(".")
        return f"{'≥' if self.at_least else '≤'} {number}{f'× {self.of}' if self.of else ''}"

    def met(self, found: float) -> bool:
        return found >= self.value if self.at_least else found <= self.value


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    path: str
    """Where the driver's result has it."""
    target: Target | None = None


FIGURES = (
    Figure("text: first event, ms", "single.text.first.p50", Target(2.2, "direct-sdk")),
    Figure("text: idle, ms", "single.text.idle.p50", Target(2.5, "direct-sdk")),
    Figure("1 tool: idle, ms", "single.tool1.idle.p50", Target(2.0, "direct-sdk")),
    Figure("each further tool, ms", "single.per_tool_round_trip.p50", Target(1.5, "direct-sdk")),
    Figure("text turns/s, 100 sessions", "conc.text.turns_per_s", Target(0.35, "stub", at_least=True)),
    Figure("1-tool turns/s, 100 sessions", "conc.tool1.turns_per_s", Target(0.7, "stub", at_least=True)),
    Figure("failed turns, 100 sessions", "conc.failed", Target(0)),
    Figure("text turns/s, 500 sessions", "many.text.turns_per_s", Target(0.35, "stub", at_least=True)),
    Figure("1-tool turns/s, 500 sessions", "many.tool1.turns_per_s", Target(0.7, "stub", at_least=True)),
    Figure("failed turns, 500 sessions", "many.failed", Target(0)),
    Figure("CPU, ms a text turn", "conc.text.server_cpu_ms_per_turn", Target(4)),
    Figure("CPU, ms a 1-tool turn", "conc.tool1.server_cpu_ms_per_turn", Target(12)),
    Figure("a text turn at 5,000 events : at 100", "long.growth", Target(5)),
    Figure("a page of a list of 5,000 events, ms", "long.page", Target(2)),
    Figure("a list of 5,000 events read whole, ms", "long.list_whole.total_ms", Target(150)),
    Figure("events missing from it", "long.missing", Target(0)),
    Figure("frames/s to 50 subscribers", "fanout.frames_per_s", Target(100_000, at_least=True)),
    Figure("frames lost", "fanout.lost", Target(0)),
    Figure("session creates/s, serial", "create.serial.per_s", Target(700, at_least=True)),
    Figure("session creates/s, 16 at once", "create.concurrent16.per_s", Target(1200, at_least=True)),
    Figure("start to first 200, ms", "cold.p50", Target(900)),
    Figure("idle memory, MiB", "rss_idle_mib", Target(90)),
    Figure("KiB a session that ran", "memory.kib_per_session_run", Target(80)),
)


def complete(result: dict[str, Any]) -> None:
    """Add the figures that follow from others."""
    for kind in ("conc", "many"):
        if found := result.get(kind):
            found["failed"] = sum(found[each]["turns"] - found[each]["ok"] for each in ("text", "tool1"))
    if (long := result.get("long")) and "list_asc" in long:
        at = {each["at_events"]: each["text_idle_ms"] for each in long["grow"]}
        early = next(value for events, value in at.items() if events >= 100)
        long["growth"] = long["grow"][-1]["text_idle_ms"] / early
        long["page"] = max(long[order]["page"]["p50"] for order in ("list_asc", "list_desc") if order in long)
        long["missing"] = long["list_asc"]["events"] - long["list_whole"]["events"]
    if fanout := result.get("fanout"):
        each, rest = divmod(fanout["frames_per_turn"], fanout["subs"])
        fanout["lost"] = rest if each >= fanout["deltas"] else fanout["deltas"] - each


def table(results: Mapping[str, Sequence[Result]]) -> str:
    """Markdown: medians over the rounds; ratios are the medians of the rounds' ratios."""
    lines = ["| measure | direct-sdk | stub | journeyman | target | |", "|---|---|---|---|---|---|"]
    for figure in FIGURES:
        values = [_median(results[peer], figure.path) for peer in results]
        if values[-1] is None:
            continue
        base = figure.target.of if figure.target is not None else None
        ratio = _ratio(results["journeyman"], results[base], figure.path) if base else None
        found = ratio if base else values[-1]
        cells = [_number(value) for value in values]
        cells[-1] += f" ({ratio:.2f}×)" if ratio is not None else ""
        verdict = "–" if figure.target is None or found is None else "yes" if figure.target.met(found) else "**no**"
        lines.append("| " + " | ".join([figure.name, *cells, str(figure.target or ""), verdict]) + " |")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}"


def _median(results: Sequence[Result], path: str) -> float | None:
    known = [value for result in results if (value := _at(result, path)) is not None]
    return statistics.median(known) if known else None


def _ratio(mine: Sequence[Result], bound: Sequence[Result], path: str) -> float | None:
    pairs = [(_at(result, path), _at(other, path)) for result, other in zip(mine, bound, strict=True)]
    ratios = [value / base for value, base in pairs if value is not None and base]
    return statistics.median(ratios) if ratios else None


def _at(result: Result, path: str) -> float | None:
    value: Any = result
    for key in path.split("."):
        if not isinstance(value, Mapping) or value.get(key) is None:
            return None
        value = value[key]
    return float(value)
