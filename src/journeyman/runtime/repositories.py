"""The repositories of sessions: fetched here, put into the sandbox, their tokens only on the way out."""

import contextlib
from collections.abc import Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

from journeyman.egress.injection import Login
from journeyman.git.command import authorization
from journeyman.git.mirrors import Found, Mirrors
from journeyman.git.place import Checkout, Place, RepositoryProblem
from journeyman.runtime.unpacking import unpack
from journeyman.sandboxes.port import Run, SandboxError, Sandboxes
from journeyman.skills.front_matter import read_front_matter
from journeyman.vault.cipher import Cipher
from journeyman.vault.port import SecretUnreadable
from journeyman.wire import repositories as wire
from journeyman.wire.errors import ApiError
from journeyman.wire.ids import new_id
from journeyman.wire.resources import GitHubRepositoryResource, ResourceParams
from journeyman.wire.times import now_us, to_wire

JsonObject = dict[str, Any]

_SKILLS = ".claude/skills"
_MOST_SKILLS = 50


class RepositoryRows(Protocol):
    """The store, as far as repositories are concerned."""

    async def repositories(self, session_id: str) -> Sequence[JsonObject]: ...
    async def settle(self, session_id: str, resource_id: str, found: JsonObject) -> None: ...
    async def rotate(self, workspace: str, session_id: str, resource_id: str, sealed: str) -> JsonObject: ...


class Repositories:
    def __init__(
        self, rows: RepositoryRows, cipher: Cipher, mirrors: Mirrors, sandboxes: Sandboxes, hosts: Sequence[str]
    ) -> None:
        """`hosts`: where repositories may be."""
        self._rows = rows
        self._cipher = cipher
        self._mirrors = mirrors
        self._sandboxes = sandboxes
        self._hosts = hosts

    async def prepare(self, resources: Sequence[ResourceParams]) -> Sequence[JsonObject]:
        """What of a new session's resources are repositories, as they are stored. Raises 400."""
        made: list[JsonObject] = []
        for place, resource in enumerate(resources):
            if isinstance(resource, GitHubRepositoryResource):
                path = f"resources.{place}"
                origin, name = wire.check(path, resource, self._hosts)
                mount_path = wire.resolve(path, resource, [each["mount_path"] for each in made])
                made.append(await self._stored(resource, origin, name, mount_path))
        return made

    async def rotate(self, workspace: str, session_id: str, resource_id: str, token: str) -> JsonObject:
        """Another token, from the next connection on. Raises 404, 400."""
        sealed = await self._cipher.seal(token.encode(), {"resource": resource_id})
        return await self._rows.rotate(workspace, session_id, resource_id, sealed)

    async def of(self, session_id: str) -> Sequence[JsonObject]:
        return await self._rows.repositories(session_id)

    async def fetch(self, session_id: str, repository: JsonObject) -> JsonObject:
        """Bring this machine's copy up to date, and settle which commit the session has. Raises RepositoryProblem."""
        found = await self._mirrors.fetch(_place(repository), await self._token(repository), _wanted(repository))
        if "commit" in repository:
            return repository
        settled = {"commit": found.commit, "branch": found.branch, "skills": await self._skills(repository, found)}
        await self._rows.settle(session_id, repository["id"], settled)
        return {**repository, **settled}

    async def is_there(self, session_id: str, fence: int, repository: JsonObject) -> bool:
        """Whether the sandbox has it, or had it."""
        return await self._sandboxes.recorded(session_id, Run(repository["id"], fence)) is not None

    async def _skills(self, repository: JsonObject, found: Found) -> Sequence[JsonObject]:
        """Those in its `.claude/skills`, as they are announced."""
        place = _place(repository)
        made: list[JsonObject] = []
        for name in (await self._mirrors.directories(place, found, _SKILLS))[:_MOST_SKILLS]:
            text = await self._mirrors.show(place, found, f"{_SKILLS}/{name}/SKILL.md")
            with contextlib.suppress(ApiError):
                head = read_front_matter((text or "").encode())
                where = f"{repository['mount_path']}/{_SKILLS}"
                about = {"name": head.name or name, "description": head.description}
                made.append({**about, "place": where, "directory": name})
        return made

    async def put(self, session_id: str, fence: int, repository: JsonObject) -> None:
        """Into the sandbox, from this machine's copy. Raises SandboxError."""
        run = Run(repository["id"], fence)
        found = Found(repository["commit"], repository["branch"])
        try:
            pieces = self._mirrors.archive(_place(repository), found)
            await unpack(self._sandboxes, session_id, pieces, repository["mount_path"])
        except RepositoryProblem as error:
            raise SandboxError(str(error)) from error
        about = f"{repository['mount_path']}/.git/description"
        await self._sandboxes.write(session_id, about, f"{repository['url']}\n".encode(), run=run, note="cloned")

    async def login(self, repository: JsonObject) -> Login | None:
        """What opens it on the way out. Raises RepositoryProblem."""
        token = await self._token(repository)
        if token is None:
            return None
        place = _place(repository)
        host = urlsplit(place.origin).hostname or ""
        return Login(host, (f"/{place.path}", f"/{place.path}.git"), authorization(token))

    async def _stored(self, resource: GitHubRepositoryResource, origin: str, name: str, mount_path: str) -> JsonObject:
        resource_id, token = new_id("sesrsc"), resource.authorization_token
        now = to_wire(now_us())
        return {
            "id": resource_id,
            "type": "github_repository",
            "url": resource.url,
            "mount_path": mount_path,
            "checkout": resource.checkout.model_dump() if resource.checkout else None,
            "created_at": now,
            "updated_at": now,
            "origin": origin,
            "name": name,
            "sealed": None if token is None else await self._cipher.seal(token.encode(), {"resource": resource_id}),
        }

    async def _token(self, repository: JsonObject) -> str | None:
        if repository["sealed"] is None:
            return None
        try:
            return (await self._cipher.open(repository["sealed"], {"resource": repository["id"]})).decode()
        except SecretUnreadable as error:
            raise RepositoryProblem(
                "authentication", f"The token of {repository['url']} cannot be read. {error}"
            ) from error


def _place(repository: JsonObject) -> Place:
    return Place(repository["origin"], repository["name"])


def _wanted(repository: JsonObject) -> Checkout:
    """What was settled once stays."""
    if "commit" in repository:
        return Checkout(commit=repository["commit"])
    checkout: JsonObject = repository["checkout"] or {}
    return Checkout(checkout.get("name"), checkout.get("sha"))
