"""Whether a token opens a repository, asked of its host."""

from collections.abc import Sequence

from journeyman.egress.addresses import AddressPolicy
from journeyman.egress.exchange import NoAnswer, get
from journeyman.git.command import authorization
from journeyman.git.place import Place, RepositoryProblem


async def examine(place: Place, token: str | None, policy: AddressPolicy) -> Sequence[str]:
    """The addresses of a host that lets the token in. Raises RepositoryProblem."""
    headers = {} if token is None else {"Authorization": authorization(token)}
    try:
        answer = await get(f"{place.remote}/info/refs?service=git-upload-pack", policy, headers)
    except NoAnswer as error:
        raise RepositoryProblem("clone", f"{place.url} cannot be cloned. {error}") from error
    match answer.status:
        case 200 if answer.content_type == "application/x-git-upload-pack-advertisement":
            return answer.addresses
        case 401:
            told = "its token was rejected" if token else "it needs an authorization_token"
            raise RepositoryProblem("authentication", f"{place.url} cannot be cloned: {told}.")
        case 403:
            raise RepositoryProblem("forbidden", f"{place.url} cannot be cloned: its host refuses access.")
        case 404:
            raise RepositoryProblem(
                "not_found", f"{place.url} cannot be cloned: there is none, or the token does not open it."
            )
        case status if 300 <= status < 400:
            raise RepositoryProblem("clone", f"{place.url} cannot be cloned: it has moved.")
        case status:
            raise RepositoryProblem("clone", f"{place.url} cannot be cloned: its host answered HTTP {status}.")
