"""Stands between the SDK's own tests and a real server.

Those tests name example objects that exist nowhere and send placeholders that the reference itself would refuse. The
proxy puts real objects in their place, a fresh one for every request that changes it, and takes the placeholders out.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

AGENT = "agent_011CZkYpogX7uDKUyvBTophP"
MEMBER = "agent_011CZkYqphY8vELVzwCUpqiQ"
ENVIRONMENT = "env_011CZkZ9X2dpNyB7HsEFoRfW"
SESSION = "sesn_011CZkZAtmR3yMPDzynEDxu7"
THREAD = "sthr_011CZkZVWa6oJjw1rgXZpnBt"
RESOURCE = "sesrsc_011CZkZBJq5dWxk9fVLNcPht"
FILE = "file_011CNha8iCJcU1wXNR6q4V8w"
VAULT = "vlt_011CZkZDLs7fYzm1hXNPeRjv"
CREDENTIAL = "vcrd_011CZkZEMt8gZan2iYPQfSkw"
MODEL = "model_id"
SKILL = "/v1/skills/skill_id"
STORE = "/v1/memory_stores/memory_store_id"
DREAM = "/v1/dreams/dream_id"
DREAM_INPUT = '"inputs":[{"memory_store_id":"x","type":"memory_store"}],"model":"string"'
SHA256 = "210b9798eb53baa4e69d31c1071cf03d212b8ad0ca30cf321e0ea82e120aac26"

_PLACEHOLDERS = {
    ("page", "page"), ("limit", "0"), ("version", "0"), ("agent_version", "0"),
    ("after_id", "after_id"), ("before_id", "before_id"), ("source", "source"),
    ("ids[]", "string"), ("scope_id", "scope_id"),
    ("path_prefix", "path_prefix"), ("expected_content_sha256", "expected_content_sha256"),
}  # fmt: skip
_PAST, _FUTURE = "2019-12-27T18:11:19.117000", "2099-12-27T18:11:19.117000"
_HEADERS = {"anthropic-version": "2023-06-01", "anthropic-beta": "managed-agents-2026-04-01"}
_DREAMING = {"anthropic-beta": "dreaming-2026-04-21"}
_HOP_BY_HOP = {"host", "connection", "content-length", "transfer-encoding", "content-encoding", "keep-alive", "date"}
_SCRIPT = 'SCRIPT: think hm && say looking && tool lookup {"order": "1234"} | text on its way'
_SKILL_FILE = ("suite/SKILL.md", "---\nname: suite\ndescription: For the suite.\n---\n")
_OAUTH = {
    "type": "mcp_oauth",
    "mcp_server_url": "https://127.0.0.1:9/mcp",
    "access_token": "x",
    "refresh": {
        "client_id": "x",
        "refresh_token": "x",
        "token_endpoint": "https://127.0.0.1:9/token",
        "token_endpoint_auth": {"type": "client_secret_post", "client_secret": "x"},
    },
}
_LOOKUP = {"type": "custom", "name": "lookup", "description": "Looks up.", "input_schema": {"type": "object"}}


@dataclass(frozen=True, slots=True)
class Objects:
    """Real ids in the place of the examples."""

    agent: str
    member: str
    environment: str
    session: str
    thread: str
    resource: str
    file: str
    skill: str
    version: str
    vault: str
    credential: str
    store: str
    memory: str
    memory_version: str
    sha256: str
    dream: str

    def into(self, text: str) -> str:
        """`text` with the examples replaced."""
        named = {AGENT: self.agent, ENVIRONMENT: self.environment, SESSION: self.session, THREAD: self.thread}
        named |= {
            MEMBER: self.member,
            RESOURCE: self.resource,
            FILE: self.file,
            VAULT: self.vault,
            CREDENTIAL: self.credential,
        }
        named |= {STORE: f"/v1/memory_stores/{self.store}", SHA256: self.sha256, DREAM: f"/v1/dreams/{self.dream}"}
        named |= {"/memories/memory_id": f"/memories/{self.memory}"}
        named |= {"/memory_versions/memory_version_id": f"/memory_versions/{self.memory_version}"}
        for example, real in named.items():
            text = text.replace(example, real)
        return text.replace(f"{SKILL}/versions/version", f"{SKILL}/versions/{self.version}").replace(
            SKILL, f"/v1/skills/{self.skill}"
        )


class Proxy:
    """One server's. `model` is the id that its scripted model answers to."""

    def __init__(self, server: str, api_key: str, model: str) -> None:
        self._server = server
        self._headers = {**_HEADERS, "x-api-key": api_key}
        self._model = model
        self._http: aiohttp.ClientSession
        self._shared: Objects

    async def start(self) -> None:
        """Make the objects that are only read; their session has had a turn."""
        self._http = aiohttp.ClientSession(auto_decompress=False)
        self._shared = await self._fresh()
        said = {"type": "user.message", "content": [{"type": "text", "text": _SCRIPT}]}
        path = f"/v1/sessions/{self._shared.session}"
        async with self._http.get(f"{self._server}{path}/events/stream", headers=self._headers) as stream:
            await self._post(f"{path}/events", {"events": [said]})
            async for line in stream.content:
                if line.strip() == b"event: session.status_idle":
                    break

    async def close(self) -> None:
        await self._http.close()

    async def forward(self, request: web.Request) -> web.StreamResponse:
        """Answer with what the server says to the mended request."""
        objects = await self._objects(request)
        path = objects.into(request.path).replace(f"/v1/models/{MODEL}", f"/v1/models/{self._model}")
        path = path.replace("/v1/files/file_id", f"/v1/files/{objects.file}")
        query = [(key, objects.into(value)) for key, value in request.query.items() if not _is_placeholder(key, value)]
        headers = {key: value for key, value in request.headers.items() if key.lower() not in _HOP_BY_HOP}
        headers["x-api-key"] = self._headers["x-api-key"]
        body = objects.into((await request.read()).decode()).replace(_PAST, _FUTURE)
        if path.startswith("/v1/agents") and body:
            body = json.dumps(_usable_agent(json.loads(body)))
        body = body.replace(DREAM_INPUT, json.dumps(self._dream_of(objects.store, objects.session))[1:-1])
        if path.startswith("/v1/skills"):
            named = f'name="files[]"; filename="{_SKILL_FILE[0]}"'
            body = body.replace('name="files[]"', named).replace("Example data", _SKILL_FILE[1])
        url = f"{self._server}{path}"
        async with self._http.request(
            request.method, url, params=query, headers=headers, data=body.encode() or None
        ) as answer:
            kept = {key: value for key, value in answer.headers.items() if key.lower() not in _HOP_BY_HOP}
            response = web.StreamResponse(status=answer.status, headers=kept)
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response

    async def _objects(self, request: web.Request) -> Objects:
        named = (AGENT, ENVIRONMENT, SESSION, THREAD, VAULT, STORE, DREAM, "/v1/files/file_id", SKILL)
        changes = request.method != "GET" and any(example in request.path for example in named)
        return await self._fresh() if changes else self._shared

    async def _fresh(self) -> Objects:
        agent = await self._post("/v1/agents", {"name": "suite", "model": self._model, "tools": [_LOOKUP]})
        member = await self._post("/v1/agents", {"name": "member", "model": self._model})
        environment = await self._post("/v1/environments", {"name": "suite"})
        file = (await self._upload("/v1/files", "file", "x", b"x"))["id"]
        skill = await self._upload("/v1/skills", "files[]", *_SKILL_FILE)
        await self._upload(f"/v1/skills/{skill['id']}/versions", "files[]", *_SKILL_FILE)
        resources = [{"type": "file", "file_id": file, "mount_path": "first"}]
        body = {"agent": agent["id"], "environment_id": environment["id"], "resources": resources}
        session = await self._post("/v1/sessions", body)
        path = f"{self._server}/v1/sessions/{session['id']}/threads"
        async with self._http.get(path, headers=self._headers) as answer:
            thread = (await answer.json())["data"][0]
        vault, credential = await self._fresh_vault()
        memory = await self._fresh_memory()
        return Objects(
            agent["id"], member["id"], environment["id"], session["id"], thread["id"], session["resources"][0]["id"],
            file, skill["id"], skill["latest_version_id"], vault, credential, *memory,
            await self._fresh_dream(memory[0], session["id"]),
        )  # fmt: skip

    async def _fresh_vault(self) -> tuple[str, str]:
        vault = await self._post("/v1/vaults", {"display_name": "suite"})
        credential = await self._post(f"/v1/vaults/{vault['id']}/credentials", {"auth": _OAUTH})
        return vault["id"], credential["id"]

    async def _fresh_memory(self) -> tuple[str, str, str, str]:
        """A store, a memory in it, a version of that which is not its last, and the content's hash."""
        store = await self._post("/v1/memory_stores", {"name": "suite"})
        path = f"/v1/memory_stores/{store['id']}/memories"
        first = await self._post(path, {"path": "/a", "content": "one"})
        second = await self._post(f"{path}/{first['id']}", {"content": "two"})
        return store["id"], first["id"], first["memory_version_id"], second["content_sha256"]

    async def _fresh_dream(self, store: str, session: str) -> str:
        """One that is over: it can be canceled again, and archived."""
        dream = await self._post("/v1/dreams", self._dream_of(store, session), **_DREAMING)
        await self._post(f"/v1/dreams/{dream['id']}/cancel", {}, **_DREAMING)
        return dream["id"]

    def _dream_of(self, store: str, session: str) -> dict[str, Any]:
        """The suite's own has no sessions, which the reference refuses."""
        inputs = [{"type": "memory_store", "memory_store_id": store}, {"type": "sessions", "session_ids": [session]}]
        return {"inputs": inputs, "model": self._model}

    async def _upload(self, path: str, field: str, name: str, content: str | bytes) -> dict[str, Any]:
        upload = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
        upload.add_field(field, content, filename=name)
        async with self._http.post(self._server + path, data=upload, headers=self._headers) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def _post(self, path: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
        headers = {**self._headers, **headers}
        async with self._http.post(self._server + path, json=body, headers=headers) as answer:
            answer.raise_for_status()
            return await answer.json()


@asynccontextmanager
async def serve_proxy(server: str, api_key: str, model: str) -> AsyncIterator[str]:
    """Run a proxy on loopback; its URL."""
    proxy = Proxy(server, api_key, model)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", proxy.forward)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    try:
        await proxy.start()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
        await proxy.close()


def _is_placeholder(key: str, value: str) -> bool:
    return (key, value) in _PLACEHOLDERS


def _usable_agent(agent: dict[str, Any]) -> dict[str, Any]:
    """Without a server that no toolset refers to, a version of a skill and a geography that are none, all of which the
    reference refuses too, and without an execution identity, which this version has not."""
    agent = {key: value for key, value in agent.items() if key not in ("mcp_servers", "execution_identity")}
    if isinstance(agent.get("model"), dict):
        agent["model"].pop("inference_geo", None)
    for skill in agent.get("skills", []):
        skill.pop("version", None)
    return agent
