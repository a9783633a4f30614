"""One request to a search engine, its failures as errors the model can act on."""

from collections.abc import Mapping
from typing import Any, TypeVar

import aiohttp
from pydantic import BaseModel, ValidationError

from journeyman.tools.search.port import SearchError

_TIMEOUT = aiohttp.ClientTimeout(total=20)
AnswerT = TypeVar("AnswerT", bound=BaseModel)


async def get(url: str, model: type[AnswerT], *, params: Mapping[str, str], headers: Mapping[str, str]) -> AnswerT:
    """Raises SearchError."""
    return await _send("GET", url, model, headers, params=params)


async def post(url: str, model: type[AnswerT], *, body: Mapping[str, Any], headers: Mapping[str, str]) -> AnswerT:
    """Raises SearchError."""
    return await _send("POST", url, model, headers, body=body)


async def _send(
    method: str,
    url: str,
    model: type[AnswerT],
    headers: Mapping[str, str],
    params: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
) -> AnswerT:
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.request(method, url, params=params, json=body, headers=headers) as response,
        ):
            _check(response.status)
            return model.model_validate_json(await response.read())
    except TimeoutError:
        raise SearchError("unavailable", "the search engine did not answer in time; try again later") from None
    except ValidationError:
        raise SearchError("unavailable", "the search engine answered something that is not a result list") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise SearchError("unavailable", f"the search engine could not be reached: {error}") from error


def _check(status: int) -> None:
    match status:
        case 429:
            raise SearchError("too_many_requests", "the search engine limits how often it is asked; wait a little")
        case 400 | 414 | 422:
            raise SearchError("invalid_tool_input", f"the search engine refused the query (HTTP {status}); rephrase it")
        case 401 | 402 | 403:
            raise SearchError(
                "unavailable",
                f"the search engine refused this server's access (HTTP {status}); its operator must check the "
                "configuration",
            )
        case _ if status >= 400:
            raise SearchError("unavailable", f"the search engine answered HTTP {status}; try again later")
        case _:
            pass
