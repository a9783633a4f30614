"""Credentials: what a client sends to make or change one, what of it is shown, and what is secret."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter

from journeyman.wire import metadata
from journeyman.wire.errors import ApiError, invalid
from journeyman.wire.hosts import check_hosts
from journeyman.wire.metadata import Metadata, MetadataPatch
from journeyman.wire.parse_error import quote
from journeyman.wire.strict import Strict, parse, refuse
from journeyman.wire.times import now_us, to_us, to_wire
from journeyman.wire.vaults import DisplayName

JsonObject = dict[str, Any]

MOST_CREDENTIALS = 20
"""Of a vault, not counting archived ones."""
_MOST_HOSTS = 16


def _url(url: str) -> str:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fine = False
    if not fine:
        raise refuse("must be an http or https URL")
    return url


def _name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise refuse("must be the name of an environment variable: letters, digits and underscores")
    return name


def _plain(secret: str) -> str:
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in secret):
        raise refuse("must not contain control characters")
    return secret


def _moment(value: object) -> object:
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            raise refuse("is not an RFC 3339 time") from None
    return value


Url: TypeAlias = Annotated[str, Field(max_length=2048), AfterValidator(_url)]
Secret: TypeAlias = Annotated[str, Field(min_length=1, max_length=65_536), AfterValidator(_plain)]
Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_name)]
Text: TypeAlias = Annotated[str, Field(max_length=2048)]
Time: TypeAlias = Annotated[datetime, BeforeValidator(_moment)]


class ClientAuth(Strict):
    """How the token endpoint is told who asks."""

    type: Literal["none", "client_secret_basic", "client_secret_post"]
    client_secret: Secret | None = None


class ClientAuthUpdate(Strict):
    """A new client secret; the type stays as it is."""

    type: Literal["client_secret_basic", "client_secret_post"]
    client_secret: Secret | None = None


class Refresh(Strict):
    """What gets a new access token."""

    client_id: Annotated[str, Field(min_length=1, max_length=2048)]
    refresh_token: Secret
    token_endpoint: Url
    token_endpoint_auth: ClientAuth
    resource: Text | None = None
    scope: Text | None = None


class RefreshUpdate(Strict):
    """An empty scope removes the stored one."""

    refresh_token: Secret | None = None
    scope: Text | None = None
    token_endpoint_auth: ClientAuthUpdate | None = None


class McpOAuth(Strict):
    type: Literal["mcp_oauth"]
    mcp_server_url: Url
    access_token: Secret
    expires_at: Time | None = None
    refresh: Refresh | None = None


class McpOAuthUpdate(Strict):
    type: Literal["mcp_oauth"]
    access_token: Secret | None = None
    expires_at: Time | None = None
    refresh: RefreshUpdate | None = None


class StaticBearer(Strict):
    type: Literal["static_bearer"]
    mcp_server_url: Url
    token: Secret


class StaticBearerUpdate(Strict):
    type: Literal["static_bearer"]
    token: Secret | None = None


class UnrestrictedHosts(Strict):
    type: Literal["unrestricted"]


class LimitedHosts(Strict):
    type: Literal["limited"]
    allowed_hosts: list[str]


Hosts: TypeAlias = Annotated[UnrestrictedHosts | LimitedHosts, Field(discriminator="type")]


class InjectionLocation(Strict):
    """Where a placeholder is looked for; what is omitted keeps its value."""

    header: bool | None = None
    body: bool | None = None


class EnvironmentVariable(Strict):
    type: Literal["environment_variable"]
    secret_name: Name
    secret_value: Secret
    networking: Hosts
    injection_location: InjectionLocation | None = None


class EnvironmentVariableUpdate(Strict):
    type: Literal["environment_variable"]
    secret_value: Secret | None = None
    networking: Hosts | None = None
    injection_location: InjectionLocation | None = None


Auth: TypeAlias = Annotated[McpOAuth | StaticBearer | EnvironmentVariable, Field(discriminator="type")]
AuthUpdate: TypeAlias = Annotated[
    McpOAuthUpdate | StaticBearerUpdate | EnvironmentVariableUpdate, Field(discriminator="type")
]


class CredentialCreate(Strict):
    """Body of credential create; null means omitted."""

    auth: Auth
    display_name: DisplayName | None = None
    metadata: Metadata | None = None


class CredentialUpdate(Strict):
    """Body of credential update; omitted and null keep."""

    auth: AuthUpdate | None = None
    display_name: DisplayName | None = None
    metadata: MetadataPatch | None = None


CREDENTIAL_CREATE: TypeAdapter[CredentialCreate] = TypeAdapter(CredentialCreate)
CREDENTIAL_UPDATE: TypeAdapter[CredentialUpdate] = TypeAdapter(CredentialUpdate)


class Split(NamedTuple):
    """A credential's authentication: what is shown of it, and what is secret in it."""

    shown: JsonObject
    secret: JsonObject


def parse_create(body: bytes) -> CredentialCreate:
    """A checked create; raises ApiError."""
    create = parse(CREDENTIAL_CREATE, body)
    _check(create.auth)
    metadata.checked(create.metadata)
    return create


def parse_update(body: bytes) -> CredentialUpdate:
    """A checked update; what depends on the stored credential is checked by `changed`. Raises ApiError."""
    update = parse(CREDENTIAL_UPDATE, body)
    if update.auth is not None:
        _check(update.auth)
    return update


def split(auth: McpOAuth | StaticBearer | EnvironmentVariable) -> Split:
    """Unset optional keys are absent from what is shown."""
    match auth:
        case StaticBearer():
            return Split({"type": auth.type, "mcp_server_url": auth.mcp_server_url}, {"token": auth.token})
        case EnvironmentVariable():
            shown = {
                "type": auth.type,
                "secret_name": auth.secret_name,
                "networking": auth.networking.model_dump(),
                "injection_location": _location({"header": True, "body": False}, auth.injection_location),
            }
            return Split(shown, {"secret_value": auth.secret_value})
        case McpOAuth():
            return _split_oauth(auth)


def changed(stored: Split, update: McpOAuthUpdate | StaticBearerUpdate | EnvironmentVariableUpdate) -> Split:
    """After an update. Raises ApiError for what does not fit what is stored."""
    kind = stored.shown["type"]
    if update.type != kind:
        raise invalid(f"auth.type: cannot be changed from {quote(kind)} to {quote(update.type)}")
    match update:
        case StaticBearerUpdate():
            return Split(stored.shown, _given(stored.secret, token=update.token))
        case EnvironmentVariableUpdate():
            shown = dict(stored.shown)
            if update.networking is not None:
                shown["networking"] = update.networking.model_dump()
            shown["injection_location"] = _location(shown["injection_location"], update.injection_location)
            return Split(shown, _given(stored.secret, secret_value=update.secret_value))
        case McpOAuthUpdate():
            return _changed_oauth(stored, update)


def refreshed(stored: Split, answer: Mapping[str, Any]) -> Split:
    """After the token endpoint's answer. Raises ValueError when it has no access token."""
    token, seconds = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(token, str) or not token:
        raise ValueError("The token endpoint's answer has no access_token.")
    shown, secret = dict(stored.shown), {**stored.secret, "access_token": token}
    shown.pop("expires_at", None)
    if isinstance(seconds, int | float) and seconds > 0:
        shown["expires_at"] = to_wire(now_us() + int(seconds * 1_000_000))
    if isinstance(answer.get("refresh_token"), str) and answer["refresh_token"]:
        secret["refresh_token"] = answer["refresh_token"]
    return Split(shown, secret)


def key_of(shown: Mapping[str, Any]) -> str:
    """What is unique among the active credentials of a vault."""
    if shown["type"] == "environment_variable":
        return f"variable {shown['secret_name']}"
    return f"server {same_server(shown['mcp_server_url'])}"


def same_server(url: str) -> str:
    """One spelling of a server's URL: lower-case scheme and host, no default port, no slash at the end."""
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    port = "" if parts.port in (None, {"http": 80, "https": 443}.get(scheme)) else f":{parts.port}"
    user, found, _ = parts.netloc.rpartition("@")
    query = f"?{parts.query}" if parts.query else ""
    return f"{scheme}://{user}{found}{host}{port}{parts.path.rstrip('/')}{query}"


def no_credential() -> ApiError:
    return ApiError("not_found_error", "Credential not found.")


def credential_archived() -> ApiError:
    return invalid("Credential is archived.")


def duplicate(shown: Mapping[str, Any]) -> ApiError:
    """The reference answers 409 with this type."""
    field = "secret_name" if shown["type"] == "environment_variable" else "mcp_server_url"
    message = f"auth.{field}: an active credential for {quote(shown[field])} already exists in this vault"
    return ApiError("invalid_request_error", message, status=409)


def too_many() -> ApiError:
    return invalid(f"A vault can have at most {MOST_CREDENTIALS} credentials.")


def not_validatable() -> ApiError:
    """In the reference's recorded words."""
    return invalid("The request was invalid: only credentials of type mcp_oauth can be validated")


def _check(auth: Strict) -> None:
    if isinstance(auth, McpOAuth | McpOAuthUpdate) and auth.expires_at and to_us(auth.expires_at) <= now_us():
        raise invalid("auth.expires_at must be in the future.")
    if isinstance(auth, McpOAuth) and auth.refresh is not None:
        client = auth.refresh.token_endpoint_auth
        path = "auth.refresh.token_endpoint_auth.client_secret"
        if client.type == "none" and client.client_secret is not None:
            raise invalid(f'{path}: not allowed with the type "none"')
        if client.type != "none" and client.client_secret is None:
            raise invalid(f"{path}: field required")
    if isinstance(auth, EnvironmentVariable | EnvironmentVariableUpdate) and isinstance(auth.networking, LimitedHosts):
        hosts = auth.networking.allowed_hosts
        if not 1 <= len(hosts) <= _MOST_HOSTS:
            raise invalid(f"auth.networking.allowed_hosts: must have 1 to {_MOST_HOSTS} entries, got {len(hosts)}")
        check_hosts(hosts)


def _split_oauth(auth: McpOAuth) -> Split:
    shown: JsonObject = {"type": auth.type, "mcp_server_url": auth.mcp_server_url}
    secret: JsonObject = {"access_token": auth.access_token}
    if auth.expires_at is not None:
        shown["expires_at"] = to_wire(to_us(auth.expires_at))
    if auth.refresh is not None:
        refresh = auth.refresh
        shown["refresh"] = refresh.model_dump(exclude_none=True, exclude={"refresh_token", "token_endpoint_auth"})
        shown["refresh"]["token_endpoint_auth"] = {"type": refresh.token_endpoint_auth.type}
        secret["refresh_token"] = refresh.refresh_token
        secret = _given(secret, client_secret=refresh.token_endpoint_auth.client_secret)
    return Split(shown, secret)


def _changed_oauth(stored: Split, update: McpOAuthUpdate) -> Split:
    shown, secret = dict(stored.shown), _given(stored.secret, access_token=update.access_token)
    if update.expires_at is not None:
        shown["expires_at"] = to_wire(to_us(update.expires_at))
    refresh = update.refresh
    if refresh is None:
        return Split(shown, secret)
    if "refresh" not in shown:
        raise invalid("auth.refresh: this credential was made without refresh")
    secret = _given(secret, refresh_token=refresh.refresh_token)
    kept: JsonObject = dict(shown["refresh"])
    if refresh.scope is not None:
        kept.pop("scope", None)
        kept |= {"scope": refresh.scope} if refresh.scope else {}
    if refresh.token_endpoint_auth is not None:
        if kept["token_endpoint_auth"]["type"] == "none":
            raise invalid("auth.refresh.token_endpoint_auth: this credential has no client secret")
        secret = _given(secret, client_secret=refresh.token_endpoint_auth.client_secret)
    return Split({**shown, "refresh": kept}, secret)


def _location(current: Mapping[str, bool], change: InjectionLocation | None) -> JsonObject:
    merged = {**current, **(change.model_dump(exclude_none=True) if change else {})}
    if not any(merged.values()):
        raise invalid("auth.injection_location: at least one of header and body must be true")
    return merged


def _given(secret: Mapping[str, Any], **new: str | None) -> JsonObject:
    return {**secret, **{key: value for key, value in new.items() if value is not None}}
