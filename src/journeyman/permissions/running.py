"""What a command comes to: without the programs that only start another one, and with the scripts that it is given."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from journeyman.permissions.commands import Command, Word

SHELLS = frozenset(["sh", "bash", "dash", "zsh", "ksh", "ash", "fish"])
_TAKES: Mapping[str, str] = {
    "sudo": "ughpCDRTU", "doas": "uC", "env": "uCS", "nohup": "", "setsid": "", "time": "fo", "nice": "n",
    "ionice": "cnp", "timeout": "ks", "stdbuf": "ioe", "command": "", "builtin": "", "exec": "a", "busybox": "",
    "xargs": "IndLPEas", "chronic": "", "unbuffer": "",
}  # fmt: skip
"""Programs that start another one, and the letters of those options of theirs that take an argument."""


def unwrapped(command: Command) -> Command:
    """Raises nothing: a starter that starts nothing is left as it is. The name is without its directory."""
    words = command.words
    while words and words[0].known and (name := words[0].text.rpartition("/")[2]) in _TAKES:
        rest = _started(name, words[1:])
        if not rest:
            break
        words = rest
    if words and words[0].known:
        words = (Word(words[0].text.rpartition("/")[2]), *words[1:])
    return replace(command, words=words)


def _started(name: str, words: Sequence[Word]) -> tuple[Word, ...]:
    takes, place = _TAKES[name], 0
    while place < len(words):
        text = words[place].text
        if name == "command" and text in ("-v", "-V"):
            return ()
        if text.startswith("-") and len(text) > 1:
            # `-u root` and `-uroot`: only the former has its argument in a word of its own.
            place += 2 if len(text) == 2 and text[1] in takes else 1
        elif re.match(r"\w+=", text):
            place += 1
        else:
            break
    if name == "timeout":
        place += 1
    return tuple(words[place:])


def scripts(command: Command) -> Iterator[str]:
    """Texts that an unwrapped command runs as shell scripts. What is not known of them is as it was written."""
    texts = [word.text for word in command.words[1:]]
    if command.name == "eval":
        yield " ".join(texts)
    elif command.name in SHELLS or command.name == "su":
        for option, script in pairwise(texts):
            if re.fullmatch(r"-[a-z]*c|--command", option):
                yield script
        if command.fed and not any(not text.startswith("-") for text in texts):
            yield command.fed
