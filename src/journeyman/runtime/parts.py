"""What every brain of a process shares."""

from dataclasses import dataclass, field

from journeyman.engine.port import Always, Lease
from journeyman.models.port import Models
from journeyman.runtime.belongings import Belongings
from journeyman.runtime.carrying import Carrier
from journeyman.runtime.hub import Hub
from journeyman.runtime.plans import Plans
from journeyman.runtime.settings import RuntimeSettings
from journeyman.runtime.slots import Slots
from journeyman.sandboxes.port import Sandboxes
from journeyman.store.port import SessionLog
from journeyman.telemetry.port import Nobody, Observer
from journeyman.tools.mcp.servers import McpServers
from journeyman.tools.registry import Toolset


@dataclass(frozen=True, slots=True)
class Parts:
    """By their ports."""

    log: SessionLog
    hub: Hub
    models: Models
    toolset: Toolset
    sandboxes: Sandboxes
    settings: RuntimeSettings
    unpriced: set[str] = field(default_factory=set[str])
    """Models that cost nothing because their price is not known; each is said once."""
    lease: Lease = field(default_factory=Always)
    observer: Observer = field(default_factory=Nobody)
    belongings: Belongings = field(default_factory=Belongings)
    mcp: McpServers | None = None
    plans: Plans | None = None
    """Of workflows."""
    carrier: Carrier | None = None
    requests: Slots = field(default_factory=Slots)
    """For model requests."""
    runs: Slots = field(default_factory=Slots)
    """For tool runs."""
