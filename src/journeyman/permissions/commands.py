"""A shell script as its commands, read by a real parser of bash."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from journeyman.permissions.nodes import everything, text_of
from journeyman.permissions.plain import is_plain

if TYPE_CHECKING:
    from tree_sitter import Node


@dataclass(frozen=True, slots=True)
class Word:
    """One word. `text` has no quotes; what the shell would replace stands in it as it was written."""

    text: str
    known: bool = True
    """Nothing in it is replaced but, with `globs`, patterns of file names."""
    globs: bool = False
    inner: tuple["Pipeline", ...] = ()
    """What runs for its substitutions."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """`operator` such as `2>` or `>&`."""

    operator: str
    target: Word


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command: its name is the first of its words."""

    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...] = ()
    assigned: tuple[Word, ...] = ()
    """Values of variables, for it alone or for all that follows."""
    fed: str = ""
    """What a here-document or here-string gives it."""

    @property
    def name(self) -> str:
        """Empty when it is not known."""
        return self.words[0].text if self.words and self.words[0].known else ""


Pipeline = tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """Every pipeline anywhere in a script, those of substitutions too; a command alone is a pipeline of one."""

    pipelines: tuple[Pipeline, ...]
    plain: bool
    """It has nothing but commands of known words, one after the other or piped: no variable, substitution, function,
    background job, escape, or anything else that the parser may read otherwise than the shell does."""
    bombs: bool = False
    """A function starts itself twice over, piped and in the background."""


def parse(text: str) -> Script:
    """Never fails: what is not understood makes a script that is not plain."""
    # Half a tenth of a second to load: with the first call that is judged.
    import tree_sitter_bash  # noqa: PLC0415
    from tree_sitter import Language, Parser  # noqa: PLC0415

    source = text.encode("utf-8", "replace")
    root = Parser(Language(tree_sitter_bash.language())).parse(source).root_node
    bombs = any(_is_bomb(node) for node in everything(root) if node.type == "function_definition")
    return Script(tuple(_pipelines(root)), not root.has_error and is_plain(root, source), bombs)


def _pipelines(node: "Node") -> Iterator[Pipeline]:
    match node.type:
        case "pipeline" | "command" | "redirected_statement":
            commands = tuple(_commands(node))
            yield commands
            for command in commands:
                for word in (*command.words, *command.assigned, *(each.target for each in command.redirects)):
                    yield from word.inner
        case _:
            for child in node.named_children:
                yield from _pipelines(child)


def _commands(node: "Node") -> Iterator[Command]:
    """The simple commands of a pipeline's stages, in order."""
    match node.type:
        case "command":
            yield _command(node)
        case "redirected_statement":
            yield from _redirected(node)
        case _:
            for child in node.named_children:
                yield from _commands(child)


def _redirected(node: "Node") -> Iterator[Command]:
    """A redirection belongs to the last command that it stands behind. What the grammar takes for more targets of it
    are more words of that command."""
    body = node.child_by_field_name("body")
    commands = list(_commands(body)) if body is not None else []
    before = commands.pop() if commands else Command(())
    words, redirects, fed = before.words, before.redirects, before.fed
    after: list[Command] = []
    for part in _parts(node):
        match part.type:
            case "file_redirect":
                redirect, more = _redirect(part)
                words, redirects = (*words, *more), (*redirects, redirect)
            case "heredoc_body":
                fed += text_of(part)
            case "herestring_redirect":
                fed += "".join(_word(each).text for each in part.named_children)
            case "heredoc_start" | "heredoc_end":
                pass
            case _:
                after += _commands(part)
    yield from commands
    yield Command(words, redirects, before.assigned, fed)
    yield from after


def _parts(node: "Node") -> Iterator["Node"]:
    """What stands behind the body. What follows the beginning of a here-document is inside of it."""
    body = node.child_by_field_name("body")
    for child in node.named_children:
        if child.type == "heredoc_redirect":
            yield from child.named_children
        elif child != body:
            yield child


def _redirect(node: "Node") -> tuple[Redirect, list[Word]]:
    operator = "".join(text_of(child) for child in node.children if child.type in _OPERATORS)
    first, *more = [_word(child) for child in node.named_children if child.type != "file_descriptor"] or [Word("")]
    return Redirect(operator, first), more


def _command(node: "Node") -> Command:
    words: list[Word] = []
    redirects: list[Redirect] = []
    assigned: list[Word] = []
    fed = ""
    for child in node.named_children:
        match child.type:
            case "command_name":
                words.append(_word(child.named_children[0] if child.named_children else child))
            case "variable_assignment":
                value = child.child_by_field_name("value")
                assigned.append(_word(value) if value is not None else Word(""))
            case "file_redirect":
                redirect, more = _redirect(child)
                redirects.append(redirect)
                words += more
            case "herestring_redirect":
                fed += "".join(_word(part).text for part in child.named_children)
            case _:
                words.append(_word(child))
    return Command(tuple(words), tuple(redirects), tuple(assigned), fed)


def _word(node: "Node") -> Word:
    match node.type:
        case "word" | "number":
            text = text_of(node)
            return Word(re.sub(r"\\(?:\n|(.))", r"\1", text), globs=re.search(r"(?<!\\)[*?[]", text) is not None)
        case "raw_string" | "ansi_c_string":
            text = text_of(node)
            return Word(_escaped(text[2:-1]) if text.startswith("$") else text[1:-1])
        case "string":
            return _joined([_quoted(child) for child in node.children if child.type != '"'], node)
        case "concatenation":
            return _joined([_word(child) for child in node.children], node)
        case _:
            inner = tuple(_pipelines(node)) if node.named_child_count else ()
            return Word(text_of(node), known=False, inner=inner)


def _quoted(node: "Node") -> Word:
    if node.type == "string_content":
        return Word(re.sub(r'\\(?:\n|([$`"\\]))', r"\1", text_of(node)))
    return _word(node)


def _joined(parts: list[Word], node: "Node") -> Word:
    """The grammar leaves out blanks at the ends of quoted parts: a text that is all known keeps them."""
    text = "".join(part.text for part in parts)
    if node.type == "string" and len(parts) <= 1 and all(part.known for part in parts):
        text = re.sub(r'\\(?:\n|([$`"\\]))', r"\1", text_of(node)[1:-1])
    inner = tuple(pipeline for part in parts for pipeline in part.inner)
    return Word(text, all(part.known for part in parts), any(part.globs for part in parts), inner)


def _escaped(text: str) -> str:
    try:
        return text.encode("latin-1", "backslashreplace").decode("unicode_escape")
    except UnicodeDecodeError:
        return text


def _is_bomb(function: "Node") -> bool:
    name, body = function.child_by_field_name("name"), function.child_by_field_name("body")
    if name is None or body is None:
        return False
    for node in everything(body):
        behind = node.next_sibling
        if node.type == "pipeline" and behind is not None and behind.type == "&":
            return [command.name for command in _commands(node)].count(text_of(name)) > 1
    return False


_OPERATORS = frozenset({"file_descriptor", ">", ">>", "<", ">&", "<&", "&>", "&>>", ">|", "<>", ">&-", "<&-"})
