"""Commands that send credentials, or a whole environment, to another machine."""

import re
from itertools import pairwise

from journeyman.permissions.commands import Command, Pipeline
from journeyman.permissions.places import is_credential
from journeyman.permissions.running import unwrapped

_SENDERS = frozenset(["curl", "wget", "nc", "ncat", "netcat", "socat", "telnet", "http", "https", "xh", "ftp"])
_COPIERS = frozenset(["scp", "rsync", "sftp"])
_NEAR = re.compile(r"(?:^|//|@)(?:localhost|127\.\d+\.\d+\.\d+|\[::1\]|0\.0\.0\.0)(?:[:/]|$)")
_FILE_OPTION = re.compile(r"-T|--upload-file|--post-file|--body-file")
_FILE = re.compile(r"(?:-T|--upload-file=|--post-file=|--body-file=|[^@]*@)(.+)")
_ELSEWHERE = re.compile(r"[\w.@-]+:")


def leaks(line: Pipeline) -> bool:
    """`line` is unwrapped."""
    if any(map(_copies, line)):
        return True
    for place, command in enumerate(line):
        if not _sends(command):
            continue
        inner = [each for word in command.words for each in word.inner]
        # What is written to a connection is its own output.
        before = line[:place] if command.name in _SENDERS else line[: place + 1]
        if any(map(_tells, before)) or any(_tells(each) for part in inner for each in part):
            return True
        if command.name in _SENDERS and _gives_file(command):
            return True
    return False


def _sends(command: Command) -> bool:
    if any(re.match(r"/dev/(tcp|udp)/(?!localhost|127\.)", each.target.text) for each in command.redirects):
        return True
    return command.name in _SENDERS and not any(_NEAR.search(word.text) for word in command.words[1:])


def _tells(command: Command) -> bool:
    """It prints what should not leave."""
    command = unwrapped(command)
    texts = [word.text for word in command.words[1:]]
    if command.name in ("env", "printenv", "set"):
        return not texts or texts == ["-0"]
    if command.name in ("export", "declare", "typeset"):
        return all(re.fullmatch(r"-[px]+", text) for text in texts)
    if command.name in ("echo", "printf", "ls"):
        return False
    read = [each.target.text for each in command.redirects if each.operator.endswith("<")]
    return any(map(is_credential, [*texts, *read]))


def _gives_file(command: Command) -> bool:
    """A credential's file as what is sent; as what it signs in with it is none of ours."""
    texts = [word.text for word in command.words[1:]]
    given = [b for a, b in pairwise(texts) if _FILE_OPTION.fullmatch(a)]
    given += [found[1] for text in texts if (found := _FILE.fullmatch(text)) and "://" not in text]
    read = [each.target.text for each in command.redirects if each.operator.endswith("<")]
    return any(map(is_credential, [*given, *read]))


def _copies(command: Command) -> bool:
    texts = [word.text for word in command.words[1:] if not word.text.startswith("-")]
    there = command.name in _COPIERS and texts and _ELSEWHERE.match(texts[-1])
    signs = {b for a, b in pairwise(command.words) if a.text == "-i"}
    return bool(there) and any(is_credential(text) for text in texts[:-1] if text not in {word.text for word in signs})
