"""Paths as the model gives them, and filesystem errors as it should read them."""

import posixpath

from journeyman.tools.builtin import ToolError

WORKSPACE = "/workspace"


def absolute(path: str) -> str:
    """A path inside the sandbox; relative ones start at the working directory."""
    if not path:
        raise ToolError("the path is empty; give one such as src/main.py or /tmp/out.txt")
    if path == "~" or path.startswith("~/"):
        raise ToolError(f"{path}: ~ is not expanded here; give an absolute path or one relative to {WORKSPACE}")
    return posixpath.join(WORKSPACE, path)


def failure(tool: str, path: str, error: OSError) -> ToolError:
    """The error of a file operation, in words that do not depend on the platform."""
    return ToolError(f"{tool}: {path}: {_reason(error)}")


def _reason(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "no such file or directory"
        case IsADirectoryError():
            return "is a directory (list it with the glob tool or with ls in bash)"
        case NotADirectoryError():
            return "a parent of this path is a file, not a directory"
        case PermissionError():
            return "permission denied"
        case _:
            return (error.strerror or str(error) or "input/output error").lower()
