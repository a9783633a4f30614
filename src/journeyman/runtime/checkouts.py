"""The repositories of one session: fetched before the model is asked, and put in place before a tool is run."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from journeyman.egress.injection import Login
from journeyman.git.place import RepositoryProblem
from journeyman.runtime.repositories import Repositories
from journeyman.sandboxes.port import SandboxError

JsonObject = dict[str, Any]

_log = logging.getLogger("journeyman.repositories")


class Missing(NamedTuple):
    """A repository that the session has to do without for now."""

    kind: str
    """Of the wire's error: authentication, forbidden, not_found, checkout or clone."""
    url: str
    message: str


class Checkouts:
    """Where a session has none, nothing is done, and nothing is asked."""

    def __init__(self, repositories: Repositories | None, session_id: str, fence: int, *, wanted: bool) -> None:
        self._repositories = repositories if wanted else None
        self._session = session_id
        self._fence = fence
        self._fetched: dict[str, JsonObject] = {}
        self._fresh: set[str] = set()
        """Those of which this machine's copy is known to be good."""
        self._put: set[str] = set()
        self._fetching = asyncio.Lock()

    async def fetch(self) -> Sequence[Missing]:
        """Those that are not there yet; what is missing still."""
        if self._repositories is None:
            return ()
        async with self._fetching:
            found = [each for each in await self._repositories.of(self._session) if each["id"] not in self._fetched]
            return [missing for each in found if (missing := await self._fetch(self._repositories, each))]

    async def put(self) -> None:
        """Raises SandboxError."""
        if self._repositories is None:
            return
        await self.fetch()
        for resource_id, repository in self._fetched.items():
            if resource_id not in self._put:
                if not await self._repositories.is_there(self._session, self._fence, repository):
                    await self._bring(self._repositories, repository)
                self._put.add(resource_id)

    async def logins(self) -> Sequence[Login]:
        """What opens them on the way out, as it is now."""
        if self._repositories is None:
            return ()
        found: list[Login] = []
        for each in await self._repositories.of(self._session):
            try:
                login = await self._repositories.login(each)
            except RepositoryProblem as error:
                _log.warning("session %s: %s", self._session, error)
                continue
            found += [login] if login else []
        return found

    def notes(self) -> Sequence[str]:
        """For the model."""
        return [
            f"The repository {each['url']} is in {each['mount_path']}, "
            + (f"on branch {each['branch']}." if each["branch"] else f"at commit {each['commit'][:12]}.")
            for each in sorted(self._fetched.values(), key=lambda each: each["id"])
        ]

    def skills(self) -> Sequence[JsonObject]:
        """What they bring along, as it is announced."""
        return [skill for _, each in sorted(self._fetched.items()) for skill in each["skills"]]

    async def _bring(self, repositories: Repositories, repository: JsonObject) -> None:
        """Raises SandboxError."""
        if repository["id"] not in self._fresh:  # another process, or another machine, has settled it
            try:
                await repositories.fetch(self._session, repository)
            except RepositoryProblem as error:
                raise SandboxError(str(error)) from error
        await repositories.put(self._session, self._fence, repository)

    async def _fetch(self, repositories: Repositories, repository: JsonObject) -> Missing | None:
        if "commit" in repository:  # settled in an earlier turn
            self._fetched[repository["id"]] = repository
            return None
        try:
            self._fetched[repository["id"]] = await repositories.fetch(self._session, repository)
            self._fresh.add(repository["id"])
        except RepositoryProblem as error:
            return Missing(error.kind, repository["url"], str(error))
        except Exception:
            _log.exception("session %s: %s could not be fetched", self._session, repository["url"])
            return Missing("clone", repository["url"], f"{repository['url']} cannot be cloned.")
        return None
