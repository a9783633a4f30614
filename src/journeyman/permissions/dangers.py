"""What no task makes right in a sandbox that somebody else runs. Only what is beyond doubt: a denial is final."""

import re

from journeyman.permissions.commands import Command, Script, parse
from journeyman.permissions.disks import wipes, writes_device
from journeyman.permissions.leaks import leaks
from journeyman.permissions.network import asks_metadata, gives_shell, runs_download
from journeyman.permissions.running import scripts, unwrapped

_DEPTH = 3
"""Of scripts in scripts."""


def is_dangerous(script: Script, depth: int = 0) -> bool:
    """Whether anything in it is."""
    if script.bombs:
        return True
    for pipeline in script.pipelines:
        line = tuple(map(unwrapped, pipeline))
        if leaks(line) or runs_download(line) or any(map(_is_harmful, line)):
            return True
        inner = [text for command in line for text in scripts(command)] if depth < _DEPTH else []
        if any(is_dangerous(parse(text), depth + 1) for text in inner):
            return True
    return False


def _is_harmful(command: Command) -> bool:
    kinds = (wipes, writes_device, gives_shell, asks_metadata, _rewrites_remote, _disarms)
    return any(kind(command) for kind in kinds)


def _rewrites_remote(command: Command) -> bool:
    """`git push` that throws away what is there. With a lease it is undecided."""
    texts = [word.text for word in command.words[1:]]
    while command.name == "git" and texts and texts[0].startswith("-"):
        texts = texts[2:] if texts[0] in ("-C", "-c", "--git-dir", "--work-tree", "--namespace") else texts[1:]
    if command.name != "git" or texts[:1] != ["push"] or {"-n", "--dry-run"} & set(texts):
        return False
    return any(re.fullmatch(r"--force|--mirror|-[vqud46]*f[vqufd46]*|\+.+", text) for text in texts[1:])


_DISARMING = re.compile(
    r"setenforce (0|[Pp]ermissive)|ufw( --force)? (disable|reset)|ip6?tables( .*)? (-F|--flush)( .*)?"
    r"|ip6?tables (-P|--policy) \w+ ACCEPT|nft flush ruleset|auditctl (-e ?0|-D)|kill -\w+ -1"
    r"|systemctl( --now)? (stop|disable|mask)( --now)? (firewalld|ufw|nftables|apparmor|auditd|fail2ban)(\.service)?"
    r"|service (firewalld|ufw|nftables|apparmor|auditd|fail2ban) stop"
)
_SWITCHES = ("/proc/sysrq-trigger", "/proc/sys/kernel/randomize_va_space")


def _disarms(command: Command) -> bool:
    """Safety settings of the machine, and all its processes."""
    told = " ".join(word.text for word in command.words)
    written = [each.target.text for each in command.redirects if ">" in each.operator]
    return _DISARMING.fullmatch(told) is not None or any(target in _SWITCHES for target in written)
