"""Shell commands that only read the session's own files and say something. Anything else is not told apart here.

A command is what its name says: what an earlier call made of the name (a function, another PATH) was judged with that
call. Not here, though they read too: git (a repository's configuration names programs), awk, jq and interpreters.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from journeyman.permissions.commands import Command, Redirect, Script, Word
from journeyman.permissions.places import is_own


@dataclass(frozen=True, slots=True)
class Reader:
    """How a program is called to read. `options` is None where no option does anything but read."""

    options: re.Pattern[str] | None = None
    patterns: int = 0
    """So many operands before the paths are none."""
    most: int = 10_000
    """Operands: more would be written to."""
    texts: re.Pattern[str] | None = None
    """What operands look like where they are no paths."""


def only_reads(script: Script) -> bool:
    """Whether each of its commands is beyond doubt."""
    return script.plain and bool(script.pipelines) and all(_reads(each) for line in script.pipelines for each in line)


def _reads(command: Command) -> bool:
    if command.assigned or command.fed or not all(map(_is_harmless, command.redirects)):
        return False
    rest = command.words[1:]
    if _VERSIONED.fullmatch(command.name) and [word.text for word in rest] in (["--version"], ["-V"]):
        return True
    match command.name:
        case "cd":
            return len(rest) == 1 and not rest[0].text.startswith("-") and is_own(rest[0].text)
        case "find":
            return _finds(rest)
        case "sed":
            return _prints_lines(rest)
        case name:
            reader = _READERS.get(name)
            return reader is not None and _is_reading(reader, rest)


def _is_harmless(redirect: Redirect) -> bool:
    target = redirect.target.text
    if redirect.operator.endswith(">&"):
        return target in ("1", "2")
    return redirect.operator.lstrip("12") in (">", ">>", "&>") and target == "/dev/null"


def _is_reading(reader: Reader, words: tuple[Word, ...]) -> bool:
    options = [word for word in words if word.text.startswith("-") and word.text != "-"]
    operands = [word for word in words if not word.text.startswith("-")]
    if reader.options is None:
        fine = all("/" not in option.text for option in options)
    else:
        fine = all(reader.options.fullmatch(option.text) for option in options)
        # A name that a pattern finds may look like an option.
        fine = fine and not any(word.globs and word.text[0] in "*?[" for word in words)
    if reader.texts is not None:
        return fine and len(operands) <= reader.most and all(reader.texts.fullmatch(word.text) for word in operands)
    given = any(re.match(r"-(-file|-regexp|-files|[A-Za-z]*[ef])", option.text) for option in options)
    paths = operands if given else operands[reader.patterns :]
    return fine and len(operands) <= reader.most and all(is_own(word.text) for word in paths)


def _finds(words: tuple[Word, ...]) -> bool:
    """Where to look, then tests that only look."""
    place = next((i for i, word in enumerate(words) if word.text[:1] in ("-", "!")), len(words))
    if any(word.globs and word.text[0] in "*?[" for word in words) or not all(is_own(w.text) for w in words[:place]):
        return False
    tests = iter([word.text for word in words[place:]])
    return all(_is_test(test, tests) for test in tests)


def _is_test(test: str, following: Iterator[str]) -> bool:
    if _WITH_ARGUMENT.fullmatch(test):
        return not next(following, "-").startswith("-")
    if _WITH_NUMBER.fullmatch(test):
        return re.fullmatch(r"[+-]?\d+[bcwkMG]?", next(following, "")) is not None
    return _ALONE.fullmatch(test) is not None


def _prints_lines(words: tuple[Word, ...]) -> bool:
    texts = [word.text for word in words]
    prints = len(texts) > 1 and texts[0] == "-n" and re.fullmatch(r"\d+(,(\d+|\$))?p", texts[1]) is not None
    return prints and not any(text.startswith("-") for text in texts[2:]) and all(map(is_own, texts[2:]))


_ALONE = re.compile(r"-(print0?|or?|a|and|not|empty|prune|readable|writable|executable)")
_WITH_ARGUMENT = re.compile(r"-(i?name|i?path|wholename|i?regex|type)")
_WITH_NUMBER = re.compile(r"-(maxdepth|mindepth|size|links|[amc](time|min))")
_VERSIONED = re.compile(
    r"bash|cargo|cmake|curl|docker|gcc|g\+\+|git|go|java|make|node|npm|perl|php|pip3?|python3?|ruby|rustc|tsc|uv|yarn"
)

_FREELY = (
    "cat ls head tail wc nl tac rev cut fold paste join comm cmp diff stat du df cksum md5sum sha1sum sha256sum "
    "sha512sum b2sum od strings readlink realpath basename dirname expand"
)
_ANY_TEXT = re.compile(r"(?s).*")
_NOTHING = re.compile(r"(?!)")

_READERS: Mapping[str, Reader] = {
    **dict.fromkeys(_FREELY.split(), Reader()),
    **dict.fromkeys(["grep", "egrep", "fgrep"], Reader(patterns=1)),
    **dict.fromkeys(["true", "false", "pwd", "whoami", "nproc", "arch", "id", "uname"], Reader(texts=_NOTHING)),
    "echo": Reader(texts=_ANY_TEXT),
    "printf": Reader(options=_NOTHING, texts=_ANY_TEXT),
    "which": Reader(options=re.compile("-a"), texts=re.compile(r"[\w.+-]+")),
    "date": Reader(options=re.compile(r"-u|-R|-I\w*|--utc|--iso-8601(=\w+)?"), texts=re.compile(r"\+[\w%:. +-]*")),
    "seq": Reader(options=re.compile(r"-w|-?[\d.]+"), texts=re.compile(r"[\d.]+")),
    "tr": Reader(options=re.compile(r"-[cdst]+"), texts=_ANY_TEXT),
    "sort": Reader(options=re.compile(r"-[bdfghiMnRrVuczs]+|-[kt][\w.,:;|]*|--(reverse|unique|numeric-sort)")),
    "uniq": Reader(options=re.compile(r"-[cdDiu]+|--(count|repeated|unique|ignore-case)"), most=1),
    "file": Reader(options=re.compile(r"-[bikL]+|--(brief|mime|mime-type)")),
    "tree": Reader(options=re.compile(r"-[adfhpsuDFrt]+|-L|--(dirsfirst|noreport|du|si)")),
    "rg": Reader(
        options=re.compile(
            r"-[cFHhiLlNnopSsuvwx]+|-[ABCegmt][\w.*]*|--(files|hidden|no-ignore|ignore-case|count|line-number"
            r"|files-with-matches|fixed-strings|no-heading|multiline|sort=path|type=\w+|glob=[\w.*!/-]+)"
        ),
        patterns=1,
    ),
}
