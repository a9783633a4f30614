"""The skills of a session: told to the model by name, purpose and place, and put whole into its sandbox."""

import hashlib
import logging
from collections.abc import Sequence
from typing import Any

from journeyman.blobs.port import BlobMissing, Blobs
from journeyman.sandboxes.port import Run, SandboxError, Sandboxes
from journeyman.skills.bundle import File, pack_tar, unpack_zip
from journeyman.skills.catalogue import Catalogue

JsonObject = dict[str, Any]

_log = logging.getLogger("journeyman.skills")

PLACE = "/workspace/skills"
_UNPACK = f"mkdir -p {PLACE} && tar -xf - -C {PLACE}"
_TIMEOUT = 120.0
_NO_SUCH_PROGRAM = 127

_INTRODUCTION = (
    "You have skills: folders of instructions, scripts and other material for particular kinds of work. Only what each "
    "is for is told here. When a task is of that kind, read the skill's SKILL.md first and follow it; read its other "
    "files when it sends you there. Skills:"
)


def announcement(skills: Sequence[JsonObject]) -> str:
    """What the system prompt says of them; `place` is where one is that did not come with the agent."""
    lines = [
        f"- {each['name']} ({each.get('place') or PLACE}/{each['directory']}/SKILL.md): {_line(each['description'])}"
        for each in skills
    ]
    return "\n".join([_INTRODUCTION, *lines])


class SkillFiles:
    """Puts skills into sandboxes, once each: told apart by their versions, so that a new sandbox gets them again."""

    def __init__(self, blobs: Blobs, catalogue: Catalogue, sandboxes: Sandboxes) -> None:
        self._blobs = blobs
        self._catalogue = catalogue
        self._sandboxes = sandboxes

    async def place(self, session_id: str, fence: int, skills: Sequence[JsonObject]) -> None:
        """Raises SandboxError."""
        if not skills:
            return
        run = Run(f"skills_{_mark(skills)}", fence)
        if await self._sandboxes.recorded(session_id, run) is not None:
            return
        for skill in skills:
            files = await self._files(session_id, skill)
            if files:
                await self._put(session_id, fence, skill, files)
        names = "".join(f"{skill['directory']}\t{skill['id']}\n" for skill in skills)
        await self._sandboxes.write(session_id, f"{PLACE}/.versions", names.encode(), run=run, note="placed")

    async def _put(self, session_id: str, fence: int, skill: JsonObject, files: Sequence[File]) -> None:
        packed = pack_tar(files, skill["directory"])
        done = await self._sandboxes.exec(session_id, ["sh", "-c", _UNPACK], cwd="/", stdin=packed, timeout=_TIMEOUT)
        if done.exit_code == _NO_SUCH_PROGRAM:
            await self._put_singly(session_id, fence, skill, files)
        elif done.exit_code:
            why = done.stderr[-500:].decode(errors="replace").strip()
            raise SandboxError(f"The skill {skill['name']} could not be put into the sandbox: {why}")

    async def _put_singly(self, session_id: str, fence: int, skill: JsonObject, files: Sequence[File]) -> None:
        """For images without tar."""
        folder = f"{PLACE}/{skill['directory']}"
        for number, file in enumerate(files):
            run = Run(f"skills_{skill['id']}_{skill['directory']}_{number}", fence)
            await self._sandboxes.write(session_id, f"{folder}/{file.path}", file.data, run=run, note="placed")
        programs = [f"{folder}/{file.path}" for file in files if file.executable]
        if programs:
            await self._sandboxes.exec(session_id, ["chmod", "+x", *programs], cwd="/")

    async def _files(self, session_id: str, skill: JsonObject) -> Sequence[File]:
        """None of a skill that was deleted since the session was made."""
        if skill["blob"] is None:
            builtin = self._catalogue.skills.get(skill["skill_id"])
            return [] if builtin is None else builtin.bundle().files
        try:
            return unpack_zip(b"".join([piece async for piece in self._blobs.get(skill["blob"])]))
        except BlobMissing:
            _log.warning("session %s: the files of the skill %s are gone", session_id, skill["name"])
            return []
        except OSError as error:
            raise SandboxError(f"The skill {skill['name']} could not be read: the file store failed.") from error


def _mark(skills: Sequence[JsonObject]) -> str:
    told = "\n".join(f"{skill['directory']} {skill['skill_id']} {skill['id']}" for skill in skills)
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _line(text: str) -> str:
    return " ".join(text.split())
