"""The models endpoint."""

import anthropic
import httpx2
import pytest
from anthropic import Anthropic

from .test_gates import answered

pytestmark = pytest.mark.documented


def test_list(client: Anthropic) -> None:
    """The configured model ids are listed, in the SDK's shape."""
    listed = {model.id: model for model in client.beta.models.list()}
    assert {"scripted", "demo"} <= set(listed)
    assert listed["scripted"].type == "model"


def test_retrieve(client: Anthropic) -> None:
    """A model id that a pattern matches is known too; any other is a 404."""
    assert client.beta.models.retrieve("scripted").id == "scripted"
    assert client.models.retrieve("claude-opus-5-5").id == "claude-opus-5-5"
    with pytest.raises(anthropic.NotFoundError):
        client.beta.models.retrieve("no-such-model")


def test_no_beta_is_needed(http: httpx2.Client) -> None:
    """Models are not behind the managed agents' beta."""
    assert http.get("/v1/models", headers={"anthropic-beta": ""}).status_code == 200


def test_pages(http: httpx2.Client) -> None:
    """The older list envelope: `has_more`, `first_id`, `last_id`, and `after_id` to go on."""
    whole = http.get("/v1/models").json()
    first = http.get("/v1/models?limit=1").json()
    assert set(first) == {"data", "has_more", "first_id", "last_id"}
    assert (first["has_more"], len(first["data"])) == (True, 1)
    rest = http.get("/v1/models", params={"after_id": first["last_id"]}).json()
    assert first["data"] + rest["data"] == whole["data"]
    assert answered(http.get("/v1/models?limit=0"))[:2] == (400, "invalid_request_error")
