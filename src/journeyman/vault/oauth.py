"""Getting a new access token for a refresh token (RFC 6749, section 6)."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import aiohttp
import orjson

from journeyman.egress.addresses import AddressPolicy
from journeyman.egress.exchange import Answer, NoAnswer, post
from journeyman.wire.json_value import is_object

Json = Mapping[str, Any]


class Exchange(NamedTuple):
    status: Literal["succeeded", "failed", "connect_error", "no_refresh_token"]
    tokens: Json | None = None
    """What the token endpoint gave."""
    answer: Answer | None = None
    """Its answer, where it failed."""

    @property
    def refused(self) -> bool:
        """The grant is gone: asking again will not help."""
        return self.answer is not None and 400 <= self.answer.status < 500 and self.answer.status != 429


async def exchange(auth: Json, secret: Json, policy: AddressPolicy) -> Exchange:
    """Ask the token endpoint of a credential of type mcp_oauth: `auth` as shown, `secret` opened."""
    refresh: Json | None = auth.get("refresh")
    if refresh is None or "refresh_token" not in secret:
        return Exchange("no_refresh_token")
    form = {"grant_type": "refresh_token", "refresh_token": secret["refresh_token"], "client_id": refresh["client_id"]}
    form |= {key: refresh[key] for key in ("scope", "resource") if refresh.get(key)}
    headers = {"Accept": "application/json"}
    match refresh["token_endpoint_auth"]["type"]:
        case "client_secret_basic":
            login = aiohttp.BasicAuth(refresh["client_id"], secret["client_secret"])
            headers["Authorization"] = login.encode()
        case "client_secret_post":
            form["client_secret"] = secret["client_secret"]
        case _:
            pass
    try:
        answer = await post(refresh["token_endpoint"], policy, headers, data=form)
    except NoAnswer:
        return Exchange("connect_error")
    tokens = _tokens(answer)
    return Exchange("failed", answer=answer) if tokens is None else Exchange("succeeded", tokens)


def _tokens(answer: Answer) -> Json | None:
    if answer.status != 200:
        return None
    try:
        tokens: Any = orjson.loads(answer.body)
    except ValueError:
        return None
    return tokens if is_object(tokens) and tokens.get("access_token") else None
