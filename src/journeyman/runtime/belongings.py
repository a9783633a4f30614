"""What sessions bring along into their computers."""

from dataclasses import dataclass

from journeyman.runtime.attachments import Attachments
from journeyman.runtime.memory import MemoryRows
from journeyman.runtime.outputs import Outputs
from journeyman.runtime.repositories import Repositories
from journeyman.runtime.secrets import Secrets
from journeyman.runtime.skills import SkillFiles
from journeyman.runtime.sources import Sources
from journeyman.runtime.transcripts import Transcripts


@dataclass(frozen=True, slots=True)
class Belongings:
    """One of each for all sessions of a process; None where there is no such thing."""

    attachments: Attachments | None = None
    secrets: Secrets | None = None
    outputs: Outputs | None = None
    sources: Sources | None = None
    repositories: Repositories | None = None
    skills: SkillFiles | None = None
    memories: MemoryRows | None = None
    transcripts: Transcripts | None = None
