"""Environments: the stored body, updates and the rules of limited networking."""

import json
from typing import Any

import pytest
from anthropic.types.beta import BetaEnvironment

from journeyman.wire import environments
from journeyman.wire.errors import ApiError

NO_PACKAGES = {"type": "packages", "apt": [], "cargo": [], "gem": [], "go": [], "npm": [], "pip": []}


def create(**fields: Any) -> dict[str, Any]:
    return environments.materialise(environments.parse_create(json.dumps({"name": "n", **fields}).encode()))


def update(current: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return environments.apply_update(current, environments.parse_update(json.dumps(fields).encode()))


def limited(**fields: Any) -> dict[str, Any]:
    return {"type": "cloud", "networking": {"type": "limited", **fields}}


@pytest.mark.parametrize("config", [None, {"type": "cloud"}, {"type": "cloud", "networking": None, "packages": None}])
def test_defaults(config):
    """Recorded (facts 6.1, 6.2): the description is empty, not null."""
    assert create(config=config) == {
        "type": "environment",
        "name": "n",
        "description": "",
        "state": "active",
        "scope": "organization",
        "metadata": {},
        "config": {"type": "cloud", "networking": {"type": "unrestricted"}, "packages": NO_PACKAGES},
    }


def test_limited_networking():
    """Recorded (facts 6.3): hosts stay as sent, upper case too; the switches are off."""
    hosts = ["API.Example.com", "*.example.org", "localhost"]
    assert create(config=limited(allowed_hosts=hosts))["config"]["networking"] == {
        "type": "limited",
        "allowed_hosts": hosts,
        "allow_mcp_servers": False,
        "allow_package_managers": False,
    }


def test_empty_host_list():
    """Recorded (facts 6.3)."""
    assert create(config=limited(allowed_hosts=[]))["config"]["networking"]["allowed_hosts"] == []


def test_self_hosted():
    assert create(config={"type": "self_hosted"})["config"] == {"type": "self_hosted"}


@pytest.mark.parametrize(
    ("host", "message"),
    [
        (
            "example.com:443",
            '`allowed_hosts` entry "example.com:443" contains a port. Entries must be bare hostnames without ports.',
        ),
        (
            "https://example.com",
            '`allowed_hosts` entry "https://example.com" contains a URL scheme.'
            ' Entries must be bare hostnames like "google.com".',
        ),
    ],
)
def test_recorded_host_messages(refused, host, message):
    """Recorded (facts 2.9)."""
    assert (
        refused(environments.parse_create, {"name": "n", "config": limited(allowed_hosts=["ok.com", host])}) == message
    )


@pytest.mark.parametrize(
    "host", ["", "example.com/path", "*", "a.*.com", "**.example.com", "*.com", "*.co.uk", "a b.com"]
)
def test_other_hosts_that_are_none(refused, host):
    message = refused(environments.parse_create, {"name": "n", "config": limited(allowed_hosts=[host])})
    assert message.startswith(f'`allowed_hosts` entry "{host}" ')


def test_packages_under_limited_networking(refused):
    """Facts 6.4: package managers must be allowed."""
    config = {**limited(), "packages": {"pip": ["pandas"]}}
    message = refused(lambda body: create(**json.loads(body)), {"config": config})
    assert message.startswith("config.networking.allow_package_managers: must be true")
    allowed = {**limited(allow_package_managers=True), "packages": {"pip": ["pandas"]}}
    assert create(config=allowed)["config"]["packages"] == {**NO_PACKAGES, "pip": ["pandas"]}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"scope": "account"}, 'scope: "account" is not supported; use "organization"'),
        (
            {"config": {"type": "cloud", "packages": {"brew": ["x"]}}},
            'Failed to parse request body: unknown field "brew" in config.packages',
        ),
        (
            {"config": {"type": "local"}},
            'Failed to parse request: config.type: "local" is not a valid value; expected one of cloud, self_hosted',
        ),
        (
            {"config": {"type": "cloud", "packages": {"pip": [""]}}},
            "Failed to parse request: config.packages.pip[0]: must not be empty",
        ),
    ],
)
def test_refused_bodies(refused, fields, message):
    assert refused(environments.parse_create, {"name": "n", **fields}) == message


def full() -> dict[str, Any]:
    config = {**limited(allowed_hosts=["a.com"], allow_package_managers=True), "packages": {"pip": ["p"], "npm": ["q"]}}
    return {**create(description="d", metadata={"a": "1", "b": "2"}, config=config), "id": "env_01"}


def test_nothing_sent_changes_nothing():
    assert update(full()) == full()
    assert update(full(), name=None, config=None, metadata=None, scope=None) == full()


@pytest.mark.parametrize(
    "config",
    [{"type": "cloud"}, limited(), {"type": "cloud", "packages": {"type": "packages"}}, limited(allowed_hosts=None)],
)
def test_omitted_parts_of_the_config_are_kept(config):
    """Facts 6.4 and the SDK: omitted fields preserve the existing value, at every level."""
    assert update(full(), config=config) == full()


def test_parts_of_the_config_are_replaced():
    after = update(full(), config={**limited(allowed_hosts=[]), "packages": {"pip": [], "apt": ["jq"]}})["config"]
    assert after["networking"] == {**full()["config"]["networking"], "allowed_hosts": []}
    assert after["packages"] == {**NO_PACKAGES, "npm": ["q"], "apt": ["jq"]}


def test_networking_of_another_type_starts_from_its_defaults():
    opened = update(full(), config={"type": "cloud", "networking": {"type": "unrestricted"}})
    assert opened["config"]["networking"] == {"type": "unrestricted"}
    closed = update(create(), config=limited())
    assert closed["config"]["networking"]["allowed_hosts"] == []


def test_closing_package_managers_under_stored_packages(refused):
    message = refused(
        lambda body: environments.apply_update(full(), environments.parse_update(body)),
        {"config": limited(allow_package_managers=False)},
    )
    assert message.startswith("config.networking.allow_package_managers: must be true")


def test_description_and_metadata():
    """Facts 6.4: null clears the description to null; null or empty deletes a key."""
    assert update(full(), description=None)["description"] is None
    assert update(full(), description="")["description"] == ""
    assert update(full(), metadata={"a": None, "b": "", "c": "3"})["metadata"] == {"c": "3"}


def test_config_type_cannot_change():
    """Facts 2.5 and 6.4."""
    with pytest.raises(ApiError) as caught:
        update(full(), config={"type": "self_hosted"})
    assert (caught.value.status, caught.value.code) == (400, "invalid_config_type_change")


@pytest.mark.parametrize("body", [create(), full(), create(config={"type": "self_hosted"})])
def test_client_reads_the_body(body):
    stamp = "2026-05-28T22:58:34.155897Z"
    resource = {**body, "id": "env_01", "created_at": stamp, "updated_at": stamp, "archived_at": None}
    environment = BetaEnvironment.model_validate_json(json.dumps(resource), strict=True)
    assert json.loads(environment.model_dump_json(exclude_unset=True)) == resource
    # `state` was recorded on the wire; the SDK's type does not have it.
    assert set(resource) == set(BetaEnvironment.model_fields) | {"state"}
