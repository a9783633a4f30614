"""What answers requests, and the life of sessions that both kinds of processes see to."""

from journeyman.api.rates import Rates
from journeyman.api.services import Services
from journeyman.app.house import House
from journeyman.config import Settings
from journeyman.runtime.costs import consumed
from journeyman.runtime.dreams import Dreamer
from journeyman.runtime.lifecycle import SessionLifecycle
from journeyman.runtime.rubrics import Rubrics
from journeyman.runtime.validation import Validation
from journeyman.store.agents import Agents
from journeyman.store.dreams import Dreams
from journeyman.store.environments import Environments
from journeyman.store.events import Events
from journeyman.store.keys import Keys
from journeyman.store.memories import Memories
from journeyman.store.memory_stores import MemoryStores
from journeyman.store.memory_versions import MemoryVersions
from journeyman.store.resources import Resources
from journeyman.store.skills import Skills
from journeyman.store.threads import Threads
from journeyman.store.vaults import Vaults


def make_lifecycle(house: House) -> SessionLifecycle:
    return SessionLifecycle(
        house.sessions, Events(house.database, consumed), Threads(house.database), house.engine, house.hub,
        house.sandboxes, house.repositories, house.carrier,
    )  # fmt: skip


def make_services(settings: Settings, house: House, lifecycle: SessionLifecycle, dreamer: Dreamer) -> Services:
    database, sessions, events = house.database, house.sessions, Events(house.database, consumed)
    return Services(
        agents=Agents(database, house.catalogue),
        dreams=Dreams(database),
        dreamer=dreamer,
        environments=Environments(database),
        files=house.files,
        resources=Resources(database),
        repositories=house.repositories,
        skills=Skills(database, house.catalogue),
        catalogue=house.catalogue,
        memory_stores=MemoryStores(database),
        memories=Memories(database),
        memory_versions=MemoryVersions(database),
        blobs=house.blobs,
        sessions=sessions,
        lifecycle=lifecycle,
        events=events,
        threads=Threads(database),
        vaults=Vaults(database),
        credentials=house.credentials,
        secrets=house.secrets,
        rubrics=Rubrics(house.files, house.blobs),
        validation=Validation(house.credentials, house.secrets, settings.addresses()),
        keys=Keys(database),
        models=house.models,
        hub=house.hub,
        rates=Rates(creates=settings.server.rate_limit_creates, reads=settings.server.rate_limit_reads),
    )
