"""Whether a credential still works: asked of its MCP server, and of its token endpoint when that says no."""

from collections.abc import Iterable
from typing import Any, Literal

from journeyman.egress.addresses import AddressPolicy
from journeyman.egress.exchange import Answer
from journeyman.runtime.secrets import CredentialRows, Opened, Secrets
from journeyman.vault.oauth import Exchange
from journeyman.vault.probe import Failure, probe
from journeyman.wire.credentials import credential_archived, not_validatable
from journeyman.wire.times import now_us, to_wire

JsonObject = dict[str, Any]


class Validation:
    def __init__(self, rows: CredentialRows, secrets: Secrets, addresses: AddressPolicy) -> None:
        self._rows = rows
        self._secrets = secrets
        self._addresses = addresses

    async def validate(self, workspace: str, vault_id: str, credential_id: str) -> JsonObject:
        """Raises 404, 400. A token that was renewed on the way is kept."""
        row = await self._rows.row(workspace, vault_id, credential_id)
        if row["archived_at"] is not None:
            raise credential_archived()
        opened = await self._secrets.open(row)
        if opened.auth.shown["type"] != "mcp_oauth":
            raise not_validatable()
        secrets = set(opened.auth.secret.values())
        failure, found = await self._probe(opened), None
        if failure is not None and failure.answer is not None and failure.answer.status == 401:
            found, renewed = await self._secrets.renew(opened)
            if found.status == "succeeded":
                secrets |= set(renewed.auth.secret.values())
                failure = await self._probe(renewed)
        return {
            "type": "vault_credential_validation",
            "vault_id": vault_id,
            "credential_id": credential_id,
            "status": _verdict(failure, found),
            "has_refresh_token": "refresh_token" in opened.auth.secret,
            "mcp_probe": failure and {"method": failure.method, "http_response": _shown(failure.answer, secrets)},
            "refresh": found and {"status": found.status, "http_response": _shown(found.answer, secrets)},
            "validated_at": to_wire(now_us()),
        }

    async def _probe(self, opened: Opened) -> Failure | None:
        return await probe(opened.auth.shown["mcp_server_url"], opened.auth.secret["access_token"], self._addresses)


def _verdict(failure: Failure | None, found: Exchange | None) -> Literal["valid", "invalid", "unknown"]:
    if failure is None:
        return "valid"
    if found is None:
        return "unknown"
    gone = found.status == "no_refresh_token" or found.refused or found.status == "succeeded"
    return "invalid" if gone else "unknown"


def _shown(answer: Answer | None, secrets: Iterable[str]) -> JsonObject | None:
    if answer is None:
        return None
    text = answer.body.decode(errors="replace")
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "[redacted]")
    return {
        "status_code": answer.status,
        "content_type": answer.content_type,
        "body": text,
        "body_truncated": answer.cut,
    }
