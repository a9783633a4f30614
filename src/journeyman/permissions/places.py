"""Which paths are the session's own, and which hold credentials. Of paths as they are written: nothing is looked at."""

import posixpath
import re

_ROOTS = ("/workspace", "/mnt/session", "/mnt/memory", "/tmp/tool-results")
"""Its files, what was uploaded and what it puts out, its memory, tool output that was too long to show."""

_CREDENTIALS = re.compile(
    r"(^|[/~@=])(\.ssh/?$|\.ssh/(?!.*\.pub$|known_hosts|config)|\.aws(/(credentials|config))?$|\.gnupg(/|$)"
    r"|\.netrc$|\.git-credentials$|\.pgpass$|\.npmrc$|\.pypirc$|\.env$|\.kube/config$|\.docker/config\.json$"
    r"|\.config/gcloud(/|$)|id_(rsa|dsa|ecdsa|ed25519)$)|^@?/etc/g?shadow-?$|^@?/proc/[^/]+/environ$"
)
_PRIVATE = re.compile(
    r"(?i)^(\.(env|ssh|aws|gnupg|kube|netrc|git-credentials|npmrc|pypirc)|id_\w+|.*\.(pem|key))(\.|$)"
)


def is_own(path: str, *, start: str = "/workspace") -> bool:
    """It lies in the session's own directories, whatever its patterns stand for, and is not named like a secret.
    Relative ones start at `start`."""
    parts = path.split("/")
    if path.startswith("~") or any(part == ".." or re.match(r"\.[*?\[]", part) for part in parts):
        return False
    whole = posixpath.normpath(posixpath.join(start, path))
    inside = any(whole == root or whole.startswith(f"{root}/") for root in _ROOTS)
    return inside and not any(_PRIVATE.match(part) for part in parts)


def is_credential(word: str) -> bool:
    """A file that holds keys of its owner, also as `@file` or `field=@file`."""
    return _CREDENTIALS.search(word) is not None
