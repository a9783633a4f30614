"""A session's events, shown as they come."""

from textwrap import indent

from anthropic.types.beta.beta_managed_agents_session_usage_event import BetaManagedAgentsSessionUsageEvent
from anthropic.types.beta.sessions import BetaManagedAgentsAgentMessageEvent as Message
from anthropic.types.beta.sessions import BetaManagedAgentsSessionErrorEvent as Failure
from anthropic.types.beta.sessions import BetaManagedAgentsStreamSessionEvents as Event
from rich.console import Console
from rich.text import Text

from journeyman.cli.calls import call_lines, result_lines
from journeyman.cli.flow import Flow
from journeyman.cli.printable import printable


class Screen:
    """Writes to a console. Text appears as it is generated; a message's final event completes what was previewed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._flow = Flow(console.width if console.is_terminal else 0)
        self._previewed = ""
        self._preview_of: str | None = None
        self._usage: BetaManagedAgentsSessionUsageEvent | None = None

    def show(self, event: Event) -> None:
        match event.type:
            case "event_start":
                self._start(event.event.type, event.event.id)
            case "event_delta":
                if event.event_id == self._preview_of and event.delta.content.type == "text":
                    self._type(event.delta.content.text)
            case "agent.message":
                self._message(event)
            case "agent.tool_use":
                self._call(event.name, event.input, whole=event.evaluated_permission == "ask")
            case "agent.mcp_tool_use":
                name = f"{event.mcp_server_name}/{event.name}"
                self._call(name, event.input, whole=event.evaluated_permission == "ask")
            case "agent.tool_result" | "agent.mcp_tool_result":
                self._body(result_lines(event.content), "red" if event.is_error else "dim")
            case "session.error":
                self._failure(event)
            case "session.usage":
                self._usage = event
            case "session.status_idle":
                self._idle(waits=event.stop_reason.type == "requires_action")
            case "span.model_request_end":
                self.end_line()
            case _:
                pass

    def note(self, text: str, style: str = "dim") -> None:
        """A line of our own."""
        self.end_line()
        self._console.print(Text(printable(text), style), soft_wrap=True)

    def question(self, name: str, values: dict[str, object]) -> None:
        """A call once more, in full, for somebody who has to decide on one of several."""
        self._call(name, values, whole=True)

    def end_line(self) -> None:
        self._write(self._flow.end())
        self._previewed, self._preview_of = "", None

    def _start(self, kind: str, event_id: str) -> None:
        self.end_line()
        if kind == "agent.thinking":
            self.note("thinking …", "dim italic")
        else:
            self._preview_of = event_id
            self._console.print()

    def _type(self, text: str) -> None:
        self._previewed += text
        self._write(self._flow.add(printable(text)))

    def _write(self, text: str) -> None:
        if text:
            self._console.print(Text(text), end="", soft_wrap=True)

    def _message(self, event: Message) -> None:
        whole = "".join(block.text for block in event.content if block.type == "text")
        if event.id != self._preview_of:
            self.end_line()
            self._console.print()
        if whole.startswith(self._previewed):
            self._type(whole[len(self._previewed) :])
        self.end_line()

    def _idle(self, *, waits: bool) -> None:
        self.end_line()
        if self._usage is not None and not waits:
            self.note(_cost(self._usage))

    def _call(self, name: str, values: dict[str, object], *, whole: bool) -> None:
        heading, body = call_lines(name, values, whole=whole)
        self.note("")
        self._console.print(Text.assemble(("● ", "green"), (heading, "bold")), soft_wrap=True)
        self._body(body, "")

    def _body(self, text: str, style: str) -> None:
        self.end_line()
        if text:
            self._console.print(Text(indent(text, "  "), style), soft_wrap=True)

    def _failure(self, event: Failure) -> None:
        again = event.error.retry_status.type == "retrying"
        self.note(event.error.message + (" (trying again)" if again else ""), "yellow" if again else "bold red")


def _cost(event: BetaManagedAgentsSessionUsageEvent) -> str:
    usage = event.usage
    cached = usage.cache_read_input_tokens or 0
    tokens = f"{(usage.input_tokens or 0) + cached:,} tokens in, {usage.output_tokens or 0:,} out"
    cents = int(usage.list_cost.amount) if usage.list_cost else 0
    cost = f"${cents // 100}.{cents % 100:02}" if cents else "under $0.01"
    return f"\n{tokens} · {cost} · {usage.active_seconds or 0:.1f} s"
