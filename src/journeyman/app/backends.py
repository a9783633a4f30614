"""Settings to backends."""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import make_url

from journeyman.app.data_dir import once
from journeyman.app.refusals import DataDirectoryUnusable, ExtraMissing
from journeyman.blobs.disk import DiskBlobs
from journeyman.blobs.port import Blobs
from journeyman.config import Settings
from journeyman.models.port import ModelError
from journeyman.models.registry import ConfiguredModels
from journeyman.runtime.judging import Judge
from journeyman.sandboxes.port import BaseImages, Sandboxes
from journeyman.store.database import Database
from journeyman.store.keys import PREFIX
from journeyman.store.sqlite import SQLiteDatabase
from journeyman.vault.keyring import BadKey, Keyring, new_key

_GB = 1 << 30

_log = logging.getLogger("journeyman.permissions")


def open_database(settings: Settings) -> Database:
    """The configured database, not yet open. Raises DataDirectoryUnusable."""
    url = make_url(settings.database_url())
    if url.get_backend_name() == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise DataDirectoryUnusable("database.url: a SQLite database needs a file.")
        path = Path(url.database)
        if path.parent != settings.data_dir() and not path.parent.is_dir():
            raise DataDirectoryUnusable(f"database.url: there is no folder {path.parent}.")
        return SQLiteDatabase(path)
    from journeyman.store.postgres import PostgresDatabase  # noqa: PLC0415 - its driver is slow to load

    return PostgresDatabase(settings.database_url())


def make_blobs(settings: Settings) -> Blobs:
    """The configured store. Raises ExtraMissing."""
    section, (access_key, secret_key) = settings.blobs, settings.blob_keys()
    if section.url is None or section.url.startswith("file:"):
        return DiskBlobs(settings.data_dir() / "blobs" if section.url is None else Path(urlsplit(section.url).path))
    with extra("s3"):
        from journeyman.blobs.s3 import S3Blobs, S3Settings  # noqa: PLC0415
    place = urlsplit(section.url)
    return S3Blobs(
        S3Settings(
            place.netloc,
            place.path.strip("/"),
            section.endpoint,
            section.region,
            access_key=access_key,
            secret_key=secret_key,
        )
    )


def make_keyring(settings: Settings) -> Keyring:
    """The master keys: the configured ones, else those of the data directory. Raises DataDirectoryUnusable."""
    lines = settings.vaults.keys or once(settings.data_dir() / "vault.keys", lambda: new_key() + "\n").split()
    try:
        return Keyring(lines)
    except BadKey as error:
        raise DataDirectoryUnusable(f"vaults.keys: {error}") from error


def make_sandboxes(settings: Settings) -> Sandboxes:
    """The configured provider. Raises ExtraMissing."""
    from journeyman.sandboxes.local import HOST, Limits, LocalSandboxes  # noqa: PLC0415

    section = settings.sandbox
    limits = Limits(
        memory=int(section.memory_gb * _GB),
        cpus=section.cpus,
        processes=section.processes,
        disk=int(section.disk_gb * _GB),
        free_disk=int(section.free_disk_gb * _GB),
        open_files=section.open_files,
        inotify_instances=section.inotify_instances,
        inotify_watches=section.inotify_watches,
    )
    if section.provider == "docker":
        with extra("docker"):
            from journeyman.sandboxes.docker import BASE, DockerSandboxes  # noqa: PLC0415
        return DockerSandboxes(
            settings.data_dir(),
            socket=section.docker.socket,
            idle_stop_seconds=section.idle_stop_seconds,
            limits=limits,
            idle_cap_seconds=section.idle_cap_seconds,
            base=section.base or BASE,
            allow_private=settings.egress.allow_private,
            ca_file=settings.egress.ca_file,
        )
    return LocalSandboxes(
        settings.data_dir(),
        runtime=section.runtime,
        idle_stop_seconds=section.idle_stop_seconds,
        limits=limits,
        idle_cap_seconds=section.idle_cap_seconds,
        base=section.base or HOST,
        allow_private=settings.egress.allow_private,
        ca_file=settings.egress.ca_file,
        own_disks=section.own_disks,
    )


def make_images(settings: Settings) -> BaseImages:
    """Of the configured provider. Raises ExtraMissing."""
    if settings.sandbox.provider == "docker":
        with extra("docker"):
            from journeyman.sandboxes.docker import BASE  # noqa: PLC0415
            from journeyman.sandboxes.docker.bases import EngineBases  # noqa: PLC0415
        return EngineBases(settings.data_dir(), settings.sandbox.docker.socket, settings.sandbox.base or BASE)
    from journeyman.sandboxes.local.bases import Bases  # noqa: PLC0415 - few commands need it

    return Bases(settings.data_dir(), settings.sandbox.base or "host")


@contextmanager
def extra(name: str) -> Generator[None]:
    try:
        yield
    except ImportError as error:
        raise ExtraMissing(f"{error.name} is not installed: pip install 'journeyman[{name}]'.") from error


def make_models(settings: Settings) -> ConfiguredModels:
    ours = frozenset(settings.server.api_keys)
    return ConfiguredModels(settings.routes(), own_keys=lambda key: key in ours or key.startswith(PREFIX))


def make_judge(settings: Settings, models: ConfiguredModels) -> Judge | None:
    """Of calls under the policy `auto`."""
    section = settings.permissions
    if section.judge_model is None:
        return None
    try:
        models.find(section.judge_model)
    except ModelError as error:
        _log.warning("permissions.judge_model: %s Until then undecided calls under the policy auto ask.", error.message)
    return Judge(models, section.judge_model, section.judge_seconds)
