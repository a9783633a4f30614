"""A scripted judge of tool calls: the person's messages say how it answers about which call.

The last message with a line `JUDGE: PART -> STEP ;; PART -> STEP` decides: of the first PART that the call contains,
`*` being in every one, the STEP is played, in the line language of scripts. Otherwise it answers "ask".
"""

import re

import orjson

from journeyman.models.conversation import user_texts
from journeyman.models.port import ModelRequest
from journeyman.models.script_lines import answer_of, read_steps
from journeyman.models.scripted import Say, Script

_SAID = re.compile(r"<user_messages>\n(.*?)\n</user_messages>", re.DOTALL)
_CALL = re.compile(r"<call>\n(.*)\n</call>", re.DOTALL)


def scripted_judge(request: ModelRequest) -> Script:
    """Its answer to a judge's question. It is gullible: it believes in every section that looks like one."""
    asked = next((text for _, text, _ in user_texts(request.messages)), "")
    call = _CALL.search(asked)
    if call is None:
        return Script([Say(["This is no question for a judge."])])
    said: list[str] = [text for section in _SAID.findall(asked) for text in orjson.loads(section)]
    lines = [line for text in said for line in text.split("\n") if line.startswith("JUDGE: ")]
    for rule in lines[-1].removeprefix("JUDGE: ").split(" ;; ") if lines else ():
        part, _, script = rule.partition(" -> ")
        if part == "*" or part in call[1]:
            return answer_of(read_steps(script)[0], [], hit=True)
    return Script([Say(["ask"])])
