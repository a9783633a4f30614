"""API keys: only their hashes are kept. A key belongs to one workspace."""

import hashlib
import secrets
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from journeyman.store.database import Database
from journeyman.store.tables import api_keys
from journeyman.wire.ids import new_id
from journeyman.wire.times import now_us

PREFIX = "sk-journeyman-"
"""What our own keys begin with: such a key never is an upstream's."""


class Keys:
    """Made, listed, revoked, looked up."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, workspace: str, name: str) -> tuple[str, str]:
        """A new key: its id and the secret, which is not seen again."""
        secret = PREFIX + secrets.token_urlsafe(32)
        return await self.add(workspace, name, secret), secret

    async def add(self, workspace: str, name: str, secret: str) -> str:
        """Know a key whose secret somebody else chose; its id. One that is known stays as it is, revoked or not."""
        row = {
            "id": new_id("apikey"),
            "workspace_id": workspace,
            "name": name,
            "hash": _hash(secret),
            "hint": f"…{secret[-4:]}",
            "created_at": now_us(),
        }
        known = select(api_keys.c.id).where(api_keys.c.hash == row["hash"])

        def work(connection: Connection) -> str:
            found = connection.execute(known).scalar_one_or_none()
            if found is None:
                connection.execute(insert(api_keys).values(row))
            return str(found or row["id"])

        try:
            return await self._database.write(work)
        except IntegrityError:  # another process was quicker
            return await self._database.write(work)

    async def find(self, secret: str) -> dict[str, Any] | None:
        """The living key with this secret."""
        statement = select(api_keys).where(api_keys.c.hash == _hash(secret), api_keys.c.revoked_at.is_(None))
        found = await self._database.read(lambda connection: connection.execute(statement).mappings().one_or_none())
        return None if found is None else dict(found)

    async def list(self) -> list[dict[str, Any]]:
        """All, revoked ones too, oldest first."""
        statement = select(api_keys).order_by(api_keys.c.id)
        return await self._database.read(
            lambda connection: [dict(row) for row in connection.execute(statement).mappings()]
        )

    async def revoke(self, key_id: str) -> bool:
        """Whether there was such a living key."""
        statement = update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
        changed = await self._database.write(
            lambda connection: connection.execute(statement.values(revoked_at=now_us())).rowcount
        )
        return changed > 0


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
