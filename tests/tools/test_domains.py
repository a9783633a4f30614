"""Domain lists and the environment's hosts."""

import pytest

from journeyman.tools.domains import covers, environment_permits, narrowed, permitted


@pytest.mark.parametrize(
    ("entry", "host", "path", "result"),
    [
        ("example.com", "example.com", "/", True),
        ("example.com", "docs.example.com", "/", True),
        ("Example.com/", "example.com", "/", True),
        ("docs.example.com", "example.com", "/", False),
        ("www.example.com", "example.com", "/", False),
        ("example.com", "notexample.com", "/", False),
        ("example.com/blog", "example.com", "/blog/post-1", True),
        ("example.com/blog", "example.com", "/shop", False),
    ],
)
def test_a_listed_domain_covers_its_subdomains(entry: str, host: str, path: str, result: bool) -> None:
    assert covers(entry, host, path) is result


@pytest.mark.parametrize(
    ("host", "result"),
    [("a.test", True), ("b.a.test", False), ("wild.test", False), ("x.wild.test", True), ("x.y.wild.test", True)],
)
def test_an_environments_wildcard_means_subdomains_at_any_depth_and_not_the_apex(host: str, result: bool) -> None:
    networking = {"type": "limited", "allowed_hosts": ["A.test", "*.wild.test"]}
    assert environment_permits(host, networking) is result


def test_both_the_lists_and_the_environment_must_permit() -> None:
    networking = {"type": "limited", "allowed_hosts": ["a.test", "b.test"]}
    config = {"allowed_domains": ["b.test", "c.test"], "blocked_domains": None}
    hosts = [host for host in ("a.test", "b.test", "c.test") if permitted(host, "/", config, networking)]
    assert hosts == ["b.test"]
    assert permitted("c.test.", "/", config, {"type": "unrestricted"})
    assert not permitted("ads.c.test", "/", {"blocked_domains": ["c.test"]}, {})


def test_a_called_agents_lists_only_narrow_its_callers() -> None:
    """Allow lists combine to the domains that all of them cover, block lists add together."""
    caller = {"allowed_domains": ["example.com", "a.test"], "blocked_domains": ["x.example.com"]}
    own = {"allowed_domains": ["docs.example.com", "b.test"], "blocked_domains": ["y.test"], "max_content_tokens": 5}
    combined = narrowed(own, caller)
    assert combined["allowed_domains"] == ["docs.example.com"]
    assert combined["blocked_domains"] == ["y.test", "x.example.com"]
    assert combined["max_content_tokens"] == 5
    assert narrowed({}, caller)["allowed_domains"] == caller["allowed_domains"]
    assert narrowed({"allowed_domains": ["z.test"]}, caller)["allowed_domains"] == []
    assert narrowed({}, {})["allowed_domains"] is None
