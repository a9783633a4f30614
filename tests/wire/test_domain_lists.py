"""The domain lists of web_search and web_fetch, rule by rule as documented (docs: tools)."""

import pytest

from journeyman.wire.domains import check_domain_lists, domain_problem
from journeyman.wire.errors import ApiError

PLAIN = 'provide a plain hostname like "example.com"'


def problem(allowed=None, blocked=None):
    with pytest.raises(ApiError) as caught:
        check_domain_lists("p", allowed, blocked, with_path=False)
    return caught.value.message


def test_both_lists():
    """Documented text (facts 2.10)."""
    message = problem(allowed=["a.com"], blocked=["b.com"])
    assert message == "p: Only one of allowed_domains or blocked_domains may be set."


@pytest.mark.parametrize("name", ["allowed", "blocked"])
def test_empty_list(name):
    """Documented text (facts 2.10)."""
    assert problem(**{name: []}) == (
        f"p.{name}_domains: Empty list of domains is ambiguous. Provide at least one domain or null."
    )


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "::1", "[::1]", "127.1", "0x7f.1", "2130706433", "10.0.0.1:80", "0x7f000001"]
)
def test_addresses(address):
    """Documented text: the position of the entry is named."""
    assert problem(allowed=["example.com", address]) == f"p.allowed_domains.1: IP addresses are not supported; {PLAIN}"


@pytest.mark.parametrize(
    "domain",
    [
        "example.com",
        "docs.example.com",
        "EXAMPLE.com",
        "my_host.example.com",
        "example.com/",
        "example.co.uk",
        "xn--bcher-kva.example",
        "a-b.example.com",
        "1.example.com",
        "github.io",
        "docs.corp",
    ],
)
def test_accepted(domain):
    assert domain_problem(domain) is None


@pytest.mark.parametrize(
    ("domain", "reason"),
    [
        ("https://example.com", "URL schemes are not supported"),
        ("example.com:443", "ports are not supported"),
        ("user@example.com", "credentials and ports"),
        ("*.example.com", "wildcards are not supported"),
        ("exa mple.com", "must not contain whitespace"),
        ("-a.example.com", "not a valid hostname"),
        ("a-.example.com", "not a valid hostname"),
        ("a..example.com", "not a valid hostname"),
        ("example.com.", "not a valid hostname"),
        ("exämple.com", "must be ASCII"),
        ("com", "single-label names are not supported"),
        ("intranet", "single-label names are not supported"),
        ("co.uk", "a bare registry suffix is not supported"),
        ("GOV.UK", "a bare registry suffix is not supported"),
        ("localhost", "hosts under localhost are not supported"),
        ("a.localhost", "hosts under localhost are not supported"),
        ("printer.local", "hosts under local are not supported"),
        ("db.internal", "hosts under internal are not supported"),
        ("a.localdomain", "hosts under localdomain are not supported"),
        ("a.invalid", "hosts under invalid are not supported"),
        ("example.com/*", "paths are not supported"),
        ("example.com/blog", "paths are not supported"),
        ("", "must be 1 to 255 characters long"),
        ("a." * 127 + "ab", "must be 1 to 255 characters long"),
    ],
)
def test_refused(domain, reason):
    assert reason in (domain_problem(domain) or "")


@pytest.mark.parametrize("domain", ["example.com/blog", "example.com/a/b", "example.com/*"])
def test_path_suffix_for_search(domain):
    assert domain_problem(domain, with_path=True) is None


@pytest.mark.parametrize("char", " ?#$,|^!")
def test_path_suffix_characters(char):
    assert "the path must not contain" in (domain_problem(f"example.com/a{char}b", with_path=True) or "")


@pytest.mark.parametrize("second", ["example.com", "EXAMPLE.com", "example.com/"])
def test_duplicates(second):
    assert problem(blocked=["example.com", second]) == "p.blocked_domains.1: duplicate domain"


def test_www_is_another_domain():
    check_domain_lists("p", ["example.com", "www.example.com"], None, with_path=False)


def test_at_most_64():
    domains = [f"d{number}.example.com" for number in range(65)]
    check_domain_lists("p", domains[:64], None, with_path=False)
    assert problem(allowed=domains) == "p.allowed_domains: must have at most 64 domains, got 65"
