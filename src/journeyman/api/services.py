"""What the endpoints call."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from journeyman.api.rates import Rates
from journeyman.blobs.port import Blobs
from journeyman.models.port import Models
from journeyman.runtime.dreams import Dreamer
from journeyman.runtime.hub import Hub
from journeyman.runtime.lifecycle import SessionLifecycle
from journeyman.runtime.repositories import Repositories
from journeyman.runtime.rubrics import Rubrics
from journeyman.runtime.secrets import Secrets
from journeyman.runtime.validation import Validation
from journeyman.skills.catalogue import Catalogue
from journeyman.store.agents import Agents
from journeyman.store.credentials import Credentials
from journeyman.store.dreams import Dreams
from journeyman.store.environments import Environments
from journeyman.store.events import Events
from journeyman.store.files import Files
from journeyman.store.keys import Keys
from journeyman.store.memories import Memories
from journeyman.store.memory_stores import MemoryStores
from journeyman.store.memory_versions import MemoryVersions
from journeyman.store.resources import Resources
from journeyman.store.sessions import Sessions
from journeyman.store.skills import Skills
from journeyman.store.threads import Threads
from journeyman.store.vaults import Vaults


@dataclass(frozen=True, slots=True)
class Services:
    """One of each, made by the composition root."""

    agents: Agents
    dreams: Dreams
    dreamer: Dreamer
    environments: Environments
    files: Files
    resources: Resources
    repositories: Repositories
    skills: Skills
    catalogue: Catalogue
    memory_stores: MemoryStores
    memories: Memories
    memory_versions: MemoryVersions
    blobs: Blobs
    sessions: Sessions
    lifecycle: SessionLifecycle
    events: Events
    threads: Threads
    vaults: Vaults
    credentials: Credentials
    secrets: Secrets
    rubrics: Rubrics
    validation: Validation
    keys: Keys
    models: Models
    hub: Hub
    rates: Rates


async def _services(request: Request) -> Services:
    return request.app.state.services


Called = Annotated[Services, Depends(_services)]
