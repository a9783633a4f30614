"""What an operator can set about the machine."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RuntimeSettings:
    """Limits of a turn."""

    max_retries: int = 6
    """How often a failed model request is repeated before the turn ends."""
    backoff_base: float = 1.0
    """Seconds before the first retry; doubled each time."""
    backoff_cap: float = 60.0
    retry_after_cap: float = 600.0
    """Seconds: the longest wait that a provider can ask for."""
    compact_fraction: float = 0.8
    """Of the model's window: a longer context is compacted before the next request."""
    max_compactions: int = 3
    """In a row, without an answer between them."""
    evaluation_requests: int = 30
    """Of the grader's in one evaluation of an outcome; without a verdict by then it has failed."""
    evaluation_heartbeat: float = 10.0
    """Seconds between the signs of life of an evaluation."""
