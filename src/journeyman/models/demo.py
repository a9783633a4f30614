"""The `demo` model: it shows the whole machine at work without a key. It plays one task, and says so of any other."""

import re

from journeyman.models.conversation import answers, last_results, result_text, tool_names, user_texts
from journeyman.models.port import ModelRequest
from journeyman.models.scripted import Call, Say, Script, words

DEMO_PACE = 0.015
"""Seconds between the deltas of the demo."""

_PROGRAM = """\
def fibonacci(count: int) -> list[int]:
    numbers = []
    current, following = 0, 1
    for _ in range(count):
        numbers.append(current)
        current, following = following, current + following
    return numbers


with open("fibonacci.txt", "w") as file:
    for number in fibonacci(20):
        print(number, file=file)
"""

_WRITE = Call("write", {"file_path": "/workspace/fibonacci.py", "content": _PROGRAM})
_RUN = Call("bash", {"command": "cd /workspace && python3 fibonacci.py && cat fibonacci.txt"})

_PLAN = (
    "I'll write a Python script that computes the first 20 Fibonacci numbers and saves them to fibonacci.txt, "
    "run it, and look at the file."
)
_CHECK = "The script is in place. Now I'll run it and print the file it makes."
_INTRODUCTION = (
    "I am `demo`, a scripted model: I play one fixed task and understand nothing else. Ask me to "
    '"Create a Python script that generates the first 20 Fibonacci numbers and saves them to fibonacci.txt" '
    "and I will do it with the real tools.\n\n"
    "For any other work configure a real model: set ANTHROPIC_API_KEY (for claude-* models) or OPENAI_API_KEY "
    "(for gpt-* models) and restart the server, or add a [[models]] entry to journeyman.toml for another provider "
    "or a local server. Then create an agent with that model's id."
)


def demo(request: ModelRequest) -> Script:
    """The next answer, by the number of answers since the user last spoke."""
    spoken = next(user_texts(request.messages), None)
    if spoken is None or "fibonacci" not in spoken[1].lower():
        return _say(_INTRODUCTION)
    after = spoken[2]
    missing = sorted({"write", "bash"} - tool_names(request.tools))
    if missing:
        return _say(f"I cannot do this task: this agent does not offer the tool {' and '.join(missing)}.")
    results = last_results(after)
    failures = [result_text(result) for result in results if result.get("is_error")]
    if failures:
        return _say(f"That did not work, and being a script I cannot find out why. The tool said:\n\n{failures[0]}")
    output = "\n".join(result_text(result) for result in results)
    match answers(after):
        case 0:
            return Script([Say(words(_PLAN)), _WRITE], "tool_use")
        case 1:
            return Script([Say(words(_CHECK)), _RUN], "tool_use")
        case _:
            return _say(_report(output))


def _report(output: str) -> str:
    """The final answer, from what the file really holds."""
    numbers = re.findall(r"^\s*(?:\d+\t)?(\d+)\s*$", output, re.MULTILINE)
    if not numbers:
        return f"The script ran, but I see no numbers in what it printed:\n\n{output}"
    return (
        f"Done. `/workspace/fibonacci.py` ran, and fibonacci.txt holds {len(numbers)} numbers, "
        f"from {numbers[0]} to {numbers[-1]}:\n\n{', '.join(numbers)}"
    )


def _say(text: str) -> Script:
    return Script([Say(words(text))])
