"""/v1/skills."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from journeyman.api.answers import answer
from journeyman.api.auth import ForAll, speaks_early_skills
from journeyman.api.services import Called, Services
from journeyman.api.skill_dialects import Dialect, early, general
from journeyman.api.skill_uploads import SkillUpload
from journeyman.skills.bundle import Bundle, pack_zip
from journeyman.wire import skills as wire
from journeyman.wire.ids import new_id

router = APIRouter(prefix="/v1/skills", tags=["skills"])


def _dialect(request: Request) -> Dialect:
    return early if speaks_early_skills(request) else general


@router.post("")
async def create_skill(request: Request, caller: ForAll, services: Called) -> Response:
    services.rates.count("creates", caller.key_id)
    dialect = _dialect(request)
    upload = SkillUpload(request)
    bundle = await upload.bundle()
    label = wire.display_name(dialect.label, upload.fields.get(dialect.label))
    async with _kept(services, bundle) as (version_id, blob, size):
        row = await services.skills.create(caller.workspace_id, bundle, label, version_id, blob, size)
    return answer(dialect.skill(row))


@router.get("")
async def list_skills(request: Request, caller: ForAll, services: Called) -> Response:
    query, dialect = wire.skill_list(request.query_params.multi_items()), _dialect(request)
    page = await services.skills.list(caller.workspace_id, query, empty=dialect is early)
    return answer(dialect.page([dialect.skill(row) for row in page.items], page.next_page))


@router.get("/{skill_id}")
async def retrieve_skill(skill_id: str, request: Request, caller: ForAll, services: Called) -> Response:
    return answer(_dialect(request).skill(await services.skills.retrieve(caller.workspace_id, skill_id)))


@router.delete("/{skill_id}")
async def delete_skill(skill_id: str, caller: ForAll, services: Called) -> Response:
    for blob in await services.skills.delete(caller.workspace_id, skill_id):
        await services.blobs.delete(blob)
    return answer({"id": skill_id, "type": "skill_deleted"})


@router.post("/{skill_id}/versions")
async def create_version(skill_id: str, request: Request, caller: ForAll, services: Called) -> Response:
    services.rates.count("creates", caller.key_id)
    bundle = await SkillUpload(request).bundle()
    async with _kept(services, bundle) as (version_id, blob, size):
        row = await services.skills.add_version(caller.workspace_id, skill_id, bundle, version_id, blob, size)
    return answer(_dialect(request).version(row))


@router.get("/{skill_id}/versions")
async def list_versions(skill_id: str, request: Request, caller: ForAll, services: Called) -> Response:
    query, dialect = wire.version_list(request.query_params.multi_items()), _dialect(request)
    page = await services.skills.versions(caller.workspace_id, skill_id, query)
    return answer(dialect.page([dialect.version(row) for row in page.items], page.next_page))


@router.get("/{skill_id}/versions/{version}")
async def retrieve_version(skill_id: str, version: str, request: Request, caller: ForAll, services: Called) -> Response:
    return answer(_dialect(request).version(await services.skills.version(caller.workspace_id, skill_id, version)))


@router.get("/{skill_id}/versions/{version}/content")
async def download_version(skill_id: str, version: str, caller: ForAll, services: Called) -> Response:
    row = await services.skills.version(caller.workspace_id, skill_id, version)
    headers = {"content-disposition": f'attachment; filename="{row["name"]}.zip"', "x-content-type-options": "nosniff"}
    if row["blob"] is None:
        packed = pack_zip(services.catalogue.skills[row["name"]].bundle())
        return Response(packed, headers=headers, media_type="application/zip")
    return StreamingResponse(services.blobs.get(row["blob"]), headers=headers, media_type="application/zip")


@router.delete("/{skill_id}/versions/{version}")
async def delete_version(skill_id: str, version: str, request: Request, caller: ForAll, services: Called) -> Response:
    dialect = _dialect(request)
    row, blob = await services.skills.delete_version(caller.workspace_id, skill_id, version, last_too=dialect is early)
    await services.blobs.delete(blob)
    return answer({"id": dialect.place(row), "type": "skill_version_deleted"})


@asynccontextmanager
async def _kept(services: Services, bundle: Bundle) -> AsyncGenerator[tuple[str, str, int]]:
    """Keep a bundle for a version that is made meanwhile: its id, blob and size. Undone when it is not made."""
    version_id, packed = new_id("skver"), pack_zip(bundle)
    blob = f"skills/{version_id}"

    async def pieces() -> AsyncGenerator[bytes]:
        yield packed

    await services.blobs.put(blob, pieces())
    try:
        yield version_id, blob, len(packed)
    except BaseException:
        await services.blobs.delete(blob)
        raise
