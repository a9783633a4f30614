"""bash: one command in the thread's persistent shell."""

from pydantic import Field

from journeyman.sandboxes.port import ShellResult
from journeyman.tools.builtin import BuiltinTool, ToolError
from journeyman.tools.inputs import ToolInput
from journeyman.tools.port import ToolContext, ToolResult, text_result
from journeyman.tools.text import decode, size

DEFAULT_TIMEOUT_MS = 120_000
MAX_TIMEOUT_MS = 600_000
_OUTPUT_LIMIT = 4_000_000
_LONGER = (
    f"For longer work pass timeout_ms (at most {MAX_TIMEOUT_MS}), or start it in the background and look at its "
    "output later: nohup COMMAND > /tmp/out.log 2>&1 &"
)


class BashInput(ToolInput):
    command: str | None = Field(None, description="The command to run. Leave out only with restart.")
    restart: bool | None = Field(None, description="Start a fresh shell instead of running a command.")
    timeout_ms: int | None = Field(
        None,
        ge=0,
        description=f"Time limit in milliseconds (default {DEFAULT_TIMEOUT_MS}, at most {MAX_TIMEOUT_MS}).",
    )


class Bash(BuiltinTool[BashInput]):
    name = "bash"
    description = (
        "Run a command in a persistent bash shell in the sandbox. The working directory (first /workspace), variables "
        "and background jobs are kept between calls. Returns stdout and stderr together. Commands cannot ask for "
        f"input. The limit is {DEFAULT_TIMEOUT_MS // 1000} s unless timeout_ms says otherwise; start servers and other "
        "long-running programs in the background with their output in a file. restart: true gives a fresh shell. "
        "To read, write, edit or search files, prefer the tools made for it."
    )
    inputs = BashInput

    async def execute(self, given: BashInput, context: ToolContext) -> ToolResult:
        if given.restart:
            await context.sandboxes.restart_shell(context.sandbox, run=context.run, shell=context.shell)
            ignored = " The command was not run: call bash again with it." if given.command else ""
            return text_result("bash session restarted; the working directory is /workspace." + ignored)
        if not given.command or not given.command.strip():
            raise ToolError('bash: "command" is required (or restart: true)')
        timeout = min(given.timeout_ms or DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS) / 1000
        result = await context.sandboxes.shell(
            context.sandbox,
            given.command,
            run=context.run,
            timeout=timeout,
            output_limit=_OUTPUT_LIMIT,
            shell=context.shell,
        )
        return rendered(result, timeout)


def rendered(result: ShellResult, timeout: float) -> ToolResult:
    output = decode(result.output)
    notes = _notes(result, timeout)
    if not notes:
        return text_result(output or "(no output)")
    if output and not output.endswith("\n"):
        output += "\n"
    return text_result(output + "\n".join(notes), is_error=result.exit_code != 0)


def _notes(result: ShellResult, timeout: float) -> list[str]:
    notes: list[str] = []
    if result.total_bytes > len(result.output):
        notes.append(
            f"[The command wrote {size(result.total_bytes)}; the middle was dropped and {size(len(result.output))} "
            "were kept. Send the output to a file to keep all of it.]"
        )
    if result.timed_out:
        notes.append(f"The command was stopped at its time limit of {timeout:g} s. {_LONGER}")
    elif result.cancelled:
        notes.append("The command was cancelled before it finished.")
    elif result.exit_code is None and not result.restarted and not result.incidents:
        notes.append("The command ended without an exit code; whether it did its work is unknown.")
    elif result.exit_code:
        notes.append(f"Exit code {result.exit_code}")
    if result.restarted:
        notes.append(
            "The shell was lost and a fresh one was started in /workspace: its working directory, variables and "
            "background jobs are gone."
        )
    return [*notes, *(incident.detail for incident in result.incidents)]
