"""Commands that destroy what a machine stands on."""

import re
from posixpath import normpath

from journeyman.permissions.commands import Command

_VITAL = re.compile(r"|bin|boot|dev|etc|home|lib(64)?|opt|proc|root|run|sbin|srv|sys|usr|var")
_HOME = re.compile(r"(~|\$HOME|\$\{HOME\})(/\*?)?")
_DISK = re.compile(r"/dev/(sd|hd|vd|xvd|nvme|mmcblk|md|dm-|loop|ram|mapper/|disk/|mem$|kmem$|port$)")
_TOOLS = re.compile(r"wipefs|blkdiscard|shred|s?fdisk|sgdisk|parted|mkswap|tee|cp|mv|mkfs(\.\w+)?")


def _is_vital(text: str) -> bool:
    if _HOME.fullmatch(text):
        return True
    if not text.startswith("/"):
        return False
    whole = normpath(re.sub(r"(/(\*|\.\*))+$", "", text) or "/").lstrip("/")
    return _VITAL.fullmatch(whole) is not None


def wipes(command: Command) -> bool:
    """The root of the filesystem, a directory of the system's, a whole home."""
    texts = [word.text for word in command.words[1:]]
    options = [text for text in texts if text.startswith("-")]
    match command.name:
        case "rm":
            recursive = any(re.fullmatch(r"-[a-zA-Z]*[rR][a-zA-Z]*|--recursive|--no-preserve-root", o) for o in options)
            return recursive and any(_is_vital(text) for text in texts)
        case "find":
            place = next((i for i, text in enumerate(texts) if text[:1] in ("-", "(", "!")), len(texts))
            rest = [text for text in texts[place:] if text not in ("-xdev", "-mount", "-depth")]
            return any(map(_is_vital, texts[:place])) and rest[:1] == ["-delete"]
        case "chmod" | "chown":
            recursive = any(re.fullmatch(r"-[a-zA-Z]*R[a-zA-Z]*|--recursive", option) for option in options)
            return recursive and any(normpath(text.rstrip("*") or ".") in ("/", "//") for text in texts)
        case _:
            return False


def writes_device(command: Command) -> bool:
    """A disk or the memory, past its filesystem."""
    texts = [word.text for word in command.words[1:]]
    if any(">" in each.operator and _DISK.match(each.target.text) for each in command.redirects):
        return True
    if command.name == "dd":
        return any(text.startswith("of=") and _DISK.match(text[3:]) for text in texts)
    targets = texts[-1:] if command.name in ("cp", "mv") else texts
    return (
        _TOOLS.fullmatch(command.name) is not None
        and any(map(_DISK.match, targets))
        and not {"-l", "--list"} & set(texts)
    )
