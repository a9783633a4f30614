"""The secrets of vaults: sealed on their way to the database, opened for those who use them, renewed in time."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import orjson

from journeyman.egress.addresses import AddressPolicy
from journeyman.vault.cipher import Cipher
from journeyman.vault.oauth import Exchange, exchange
from journeyman.vault.port import SecretUnreadable
from journeyman.wire import metadata
from journeyman.wire.credentials import (
    CredentialCreate,
    CredentialUpdate,
    Split,
    changed,
    credential_archived,
    refreshed,
    same_server,
    split,
)
from journeyman.wire.errors import ApiError
from journeyman.wire.ids import new_id
from journeyman.wire.times import now_us, to_us

JsonObject = dict[str, Any]
CredentialRow = Mapping[str, Any]

_EARLY = 60_000_000
"""Microseconds before its end in which a token is renewed."""


class CredentialRows(Protocol):
    """The store of credentials, as far as secrets are concerned."""

    async def create(self, workspace: str, vault_id: str, row: CredentialRow) -> JsonObject: ...
    async def row(self, workspace: str, vault_id: str, credential_id: str) -> CredentialRow: ...
    async def replace(self, seen: CredentialRow, values: Mapping[str, Any]) -> JsonObject | None: ...
    async def active(self, vault_ids: Sequence[str]) -> Sequence[CredentialRow]: ...
    async def sealed(self, after: str, limit: int) -> Sequence[CredentialRow]: ...


class Opened(NamedTuple):
    """A credential with its secret."""

    row: CredentialRow
    auth: Split


class Secrets:
    def __init__(self, rows: CredentialRows, cipher: Cipher, addresses: AddressPolicy) -> None:
        """`addresses`: where token endpoints may be."""
        self._rows = rows
        self._cipher = cipher
        self._addresses = addresses
        self._renewing: dict[str, asyncio.Lock] = {}

    async def create(self, workspace: str, vault_id: str, create: CredentialCreate) -> JsonObject:
        """Raises 404, 400, 409."""
        auth = split(create.auth)
        row = {"id": new_id("vcrd"), "workspace_id": workspace}
        fields = {"display_name": create.display_name, "metadata": create.metadata or {}, "auth": auth.shown}
        sealed = await self._seal(row, auth.secret)
        return await self._rows.create(workspace, vault_id, {"id": row["id"], **fields, "sealed": sealed})

    async def update(self, workspace: str, vault_id: str, credential_id: str, change: CredentialUpdate) -> JsonObject:
        """Raises 404, 400."""
        while True:
            row = await self._rows.row(workspace, vault_id, credential_id)
            if row["archived_at"] is not None:
                raise credential_archived()
            values: JsonObject = {
                "display_name": change.display_name or row["display_name"],
                "metadata": _dump(metadata.patched(orjson.loads(row["metadata"]), change.metadata)),
            }
            if change.auth is not None:
                auth = changed((await self.open(row)).auth, change.auth)
                values |= {"auth": _dump(auth.shown), "sealed": await self._seal(row, auth.secret)}
            done = await self._rows.replace(row, {**values, "updated_at": now_us()})
            if done is not None:
                return done

    async def open(self, row: CredentialRow) -> Opened:
        """Raises ApiError (500) when the secret cannot be read."""
        try:
            secret = await self._cipher.open(row["sealed"] or "", _place(row))
        except SecretUnreadable as error:
            raise ApiError("api_error", f"Credential {row['id']} cannot be read. {error}") from error
        return Opened(row, Split(orjson.loads(row["auth"]), orjson.loads(secret)))

    async def of(self, vault_ids: Sequence[str]) -> Sequence[Opened]:
        """The active credentials of these vaults, in their order."""
        return [await self.open(row) for row in await self._rows.active(vault_ids)] if vault_ids else ()

    async def authorization(self, vault_ids: Sequence[str], url: str, *, refused: str | None = None) -> str | None:
        """The header for an MCP server, from the first vault that knows it; None: it is asked without.

        `refused`: the header that it has just refused; the answer is another one, or None.
        """
        for row in await self._rows.active(vault_ids) if vault_ids else ():
            auth: JsonObject = orjson.loads(row["auth"])
            if auth["type"] == "environment_variable" or same_server(auth["mcp_server_url"]) != same_server(url):
                continue
            header = _header(await self._current(await self.open(row), refused))
            return None if header == refused else header
        return None

    async def renew(self, seen: Opened) -> tuple[Exchange, Opened]:
        """Ask for a new access token; what came of it, and the credential as it is now."""
        row = seen.row
        async with self._renewing.setdefault(row["id"], asyncio.Lock()):
            now = await self.open(await self._rows.row(row["workspace_id"], row["vault_id"], row["id"]))
            if now.auth.secret != seen.auth.secret:  # another was quicker
                return Exchange("succeeded"), now
            found = await exchange(now.auth.shown, now.auth.secret, self._addresses)
            if found.tokens is not None:
                now = await self._keep(now, refreshed(now.auth, found.tokens))
            return found, now

    async def reseal(self) -> int:
        """Bring all secrets under the newest master key; how many were not."""
        count, after = 0, ""
        while rows := await self._rows.sealed(after, 100):
            for row in rows:
                if not self._cipher.is_newest(row["sealed"]):
                    sealed = await self._seal(row, (await self.open(row)).auth.secret)
                    count += await self._rows.replace(row, {"sealed": sealed}) is not None
            after = rows[-1]["id"]
        return count

    async def _current(self, opened: Opened, refused: str | None) -> Opened:
        expires_at = opened.auth.shown.get("expires_at")
        over = expires_at is not None and to_us(datetime.fromisoformat(expires_at)) <= now_us() + _EARLY
        if "refresh" in opened.auth.shown and (over or _header(opened) == refused):
            _, opened = await self.renew(opened)
        return opened

    async def _keep(self, seen: Opened, auth: Split) -> Opened:
        values = {"auth": _dump(auth.shown), "sealed": await self._seal(seen.row, auth.secret), "updated_at": now_us()}
        await self._rows.replace(seen.row, values)
        return Opened({**seen.row, **values}, auth)

    async def _seal(self, row: CredentialRow, secret: JsonObject) -> str:
        return await self._cipher.seal(orjson.dumps(secret), _place(row))


def _header(opened: Opened) -> str:
    secret = opened.auth.secret
    return f"Bearer {secret.get('token') or secret.get('access_token')}"


def _place(row: CredentialRow) -> dict[str, str]:
    return {"workspace": row["workspace_id"], "credential": row["id"]}


def _dump(value: Any) -> str:
    return orjson.dumps(value).decode()
