"""The `anthropic-beta` gate of each group of resources."""

import re

from journeyman.wire.errors import invalid, not_found

MANAGED_AGENTS = "managed-agents-2026-04-01"
_ENVIRONMENTS = "environments-2025-11-01"
_MEMORY = "agent-memory-2026-07-22"
_DREAMING = "dreaming-2026-04-21"

# The reference knows its betas by name; here a dated name is enough: clients send new ones before we hear of them.
_DATED = re.compile(r"[a-z0-9-]+-20\d\d-\d\d-\d\d")


def check_agents(betas: list[str]) -> None:
    """Agents and sessions exist only behind their beta; values beside it are ignored."""
    if MANAGED_AGENTS not in betas:
        raise not_found("not found")


def check_memory(betas: list[str]) -> None:
    """Memory stores have a beta of their own; the one before it, of managed agents, still opens them."""
    if not {MANAGED_AGENTS, _MEMORY} & set(betas):
        raise not_found("not found")
    if {MANAGED_AGENTS, _MEMORY} <= set(betas):
        raise invalid(f"`{_MEMORY}` and `{MANAGED_AGENTS}` cannot both be in the `anthropic-beta` header.")


def check_dreams(betas: list[str]) -> None:
    """Dreams have a beta of their own; values beside it are ignored."""
    if _DREAMING not in betas:
        raise not_found("not found")


def check_environments(betas: list[str]) -> None:
    """Environments accept either beta, not both, and refuse what they do not know beside it."""
    if not {MANAGED_AGENTS, _ENVIRONMENTS} & set(betas):
        raise not_found(f"The environments API requires the `{_ENVIRONMENTS}` value in the `anthropic-beta` header.")
    if {MANAGED_AGENTS, _ENVIRONMENTS} <= set(betas):
        raise invalid("Only one environments beta header may be specified per request.")
    unexpected = [value for value in betas if _DATED.fullmatch(value) is None]
    if unexpected:
        raise invalid(
            f"Unexpected value(s) `{', '.join(unexpected)}` for the `anthropic-beta` header. Please consult our "
            "documentation at docs.claude.com or try again without the header."
        )
