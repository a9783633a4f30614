"""The container engine behind a Unix socket: Docker, or podman's service of the same API."""

import base64
import contextlib
import tarfile
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from pathlib import Path
from typing import Any, cast

import aiohttp
import orjson
from aiodocker import Docker
from aiodocker.exceptions import DockerError

from journeyman.sandboxes.docker.facts import Facts
from journeyman.sandboxes.docker.refusal import EngineRefused, unless_missing
from journeyman.sandboxes.port import SandboxUnavailable

_UNREACHABLE = 900
_OLDEST = "1.41"
_STAT = "X-Docker-Container-Path-Stat"
_CHUNK = 1 << 20
_ENDING = 10.0
"""Seconds a killed container has to be gone."""


class Engine:
    """Belongs to one event loop from its first call on. Every call raises SandboxUnavailable, EngineRefused among it.

    Dictionaries are as the engine's API has them.
    """

    def __init__(self, socket: str) -> None:
        """`socket`: a path, or unix:// and a path."""
        self.socket = socket.removeprefix("unix://")
        self._client: Docker | None = None
        self._facts: Facts | None = None

    async def facts(self) -> Facts:
        """What it says about itself, asked once."""
        if self._facts is None:
            async with self._answering() as client:
                self._facts = Facts(await cast("Any", client.system).info())
        return self._facts

    async def container(self, name: str) -> dict[str, Any] | None:
        with unless_missing():
            async with self._container(name) as container:
                return await container.show()
        return None

    async def containers(self, label: str) -> list[dict[str, Any]]:
        """Running or not: `Labels` and `Names` of each."""
        async with self._answering() as client:
            found = await cast("Any", client.containers).list(
                all=True, filters=orjson.dumps({"label": [label]}).decode()
            )
            return [{"Labels": each["Labels"] or {}, "Names": each["Names"]} for each in found]

    async def create(self, name: str, config: Mapping[str, Any]) -> None:
        async with self._answering() as client:
            await client.containers.create(dict(config), name=name)

    async def start(self, name: str) -> None:
        async with self._container(name) as container:
            await container.start()

    async def kill(self, name: str) -> None:
        """Returns when it has ended. Idempotent."""
        with unless_missing(409, 500):  # it does not run
            async with self._container(name) as container:
                await container.kill()
        with unless_missing(), contextlib.suppress(TimeoutError):
            async with self._container(name) as container:
                await container.wait(timeout=aiohttp.ClientTimeout(total=_ENDING))

    async def remove(self, name: str) -> None:
        """With its files. Idempotent."""
        with unless_missing(409):  # somebody is removing it
            async with self._container(name) as container:
                await container.delete(force=True, v=True)

    async def put(self, name: str, archive: bytes) -> None:
        """Unpack a tar at a container's root."""
        async with self._container(name) as container:
            await container.put_archive("/", archive)

    async def link(self, name: str, path: str) -> str | None:
        """Where a path of a container leads, empty for one that is no link; None where nothing is."""
        async with self._asking("HEAD", f"containers/{name}/archive", params={"path": path}) as answer:
            told = answer.headers.get(_STAT)
        return str(orjson.loads(base64.b64decode(told)).get("linkTarget") or "") if told else None

    async def file(self, name: str, path: str, limit: int) -> bytes | None:
        """A regular file of a container; None where there is none, or a larger one."""
        archive = None
        with unless_missing(500):
            async with self._container(name) as container:
                archive = cast("tarfile.TarFile", await container.get_archive(path))
        member = archive.next() if archive else None
        file = archive.extractfile(member) if archive and member and member.isreg() and member.size <= limit else None
        return file.read() if file else None

    async def commit(self, name: str, repository: str, tag: str, labels: Mapping[str, str]) -> None:
        """Make an image of a container's files."""
        async with self._container(name) as container:
            changes = _changes(labels)
            await container.commit(repository=repository, tag=tag, changes=changes, pause=False, config={})

    async def image(self, name: str) -> dict[str, Any] | None:
        with unless_missing(400):
            async with self._answering() as client:
                return await client.images.inspect(name)
        return None

    async def images(self) -> list[dict[str, Any]]:
        async with self._answering() as client:
            return [dict(each) for each in await cast("Any", client.images).list()]

    async def load(self, archive: Path, repository: str, tag: str, labels: Mapping[str, str]) -> None:
        """Make an image of a tar of a root directory."""
        changes = [("changes", line) for line in _changes(labels)]
        where = [("fromSrc", "-"), ("repo", repository), ("tag", tag), *changes]
        headers = {"Content-Type": "application/x-tar"}
        async with self._asking(
            "POST", "images/create", params=where, data=_pieces(archive), headers=headers
        ) as answer:
            _check(await answer.text())

    async def remove_image(self, name: str) -> bool:
        """Whether there was one."""
        with unless_missing():
            async with self._answering() as client:
                await client.images.delete(name)
                return True
        return False

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    @contextlib.asynccontextmanager
    async def _container(self, name: str) -> AsyncGenerator[Any]:
        async with self._answering() as client:
            yield cast("Any", client.containers).container(name)

    @contextlib.asynccontextmanager
    async def _asking(self, method: str, path: str, **what: Any) -> AsyncGenerator[aiohttp.ClientResponse]:
        """For what the client has no words for."""
        async with self._answering() as client:
            address = f"{client.docker_host}/{client.api_version}/{path}"
            async with client.session.request(method, address, **what) as answer:
                yield answer

    @contextlib.asynccontextmanager
    async def _answering(self) -> AsyncGenerator[Docker]:
        try:
            if self._client is None:
                self._client = Docker(f"unix://{self.socket}", api_version=await self._version())
            yield self._client
        except (DockerError, aiohttp.ClientError, OSError) as error:
            if isinstance(error, DockerError) and error.status != _UNREACHABLE:
                raise EngineRefused(error.status, error.message) from None
            raise SandboxUnavailable(
                f"The container engine does not answer at {self.socket}: {error}. Start it (systemctl start docker), "
                "or say in journeyman.toml where its socket is: [sandbox.docker], socket."
            ) from None

    async def _version(self) -> str:
        """Of its API, as its answer to a ping says: podman takes a quarter of a second to say more about itself."""
        connector = aiohttp.UnixConnector(self.socket)
        async with aiohttp.ClientSession(connector=connector) as session, session.get("http://engine/_ping") as answer:
            return f"v{answer.headers.get('Api-Version', _OLDEST)}"


def _changes(labels: Mapping[str, str]) -> list[str]:
    """An image's labels as the lines of a Dockerfile."""
    return [f"LABEL {name}={orjson.dumps(value).decode()}" for name, value in labels.items()]


def _check(said: str) -> None:
    """Of what an import says line by line."""
    for line in said.splitlines():
        told = cast("dict[str, object]", orjson.loads(line)) if line.startswith("{") else {}
        problem = told.get("error") or (told.get("message") if "response" in told else None)
        if problem:
            raise EngineRefused(500, str(problem))


async def _pieces(archive: Path) -> AsyncIterator[bytes]:
    with archive.open("rb") as file:
        while piece := file.read(_CHUNK):
            yield piece
