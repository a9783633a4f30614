"""Requests on their way out: what is put in, and where nothing is."""

import base64

import pytest

from journeyman.egress.injection import Injection, Login, Substitution
from journeyman.egress.rewriting import Garbled, Requests

HOST = "api.example.com"
MARK, SECRET = "jm_mark", "s3cr3t-value"
HEADER = Substitution(MARK, SECRET, (HOST,), header=True, body=False)
BOTH = Substitution(MARK, SECRET, (HOST,), header=True, body=True)
PAIR = base64.b64encode(f"user:{MARK}".encode()).decode()
LOGIN = Login("git.example.com", ("/me/repo.git", "/me/repo"), "Basic planted")


def sent(data: bytes, *injections: Injection, host: str = HOST, pieces: int = 0) -> bytes:
    """What the server gets, of a client that says `data`, in pieces of so many bytes."""
    requests = Requests(host, injections)
    size = pieces or len(data)
    steps = [requests.feed(data[place : place + size]) for place in range(0, len(data), size)]
    return b"".join(step.forward for step in steps) + requests.end()


def get(*headers: str, target: str = "/", host: str = HOST, method: str = "GET", body: str = "") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *headers]
    return "\r\n".join([*lines, "", body]).encode()


@pytest.mark.parametrize("pieces", [0, 1, 7])
def test_headers(pieces: int) -> None:
    """In any header's value, and inside Basic authentication; the rest is as it was."""
    request = get(f"X-Api-Key: {MARK}", f"authorization: Basic {PAIR}", f"Cookie: a={MARK}; b={MARK}", "Accept: */*")
    found = sent(request, HEADER, pieces=pieces).decode()
    basic = base64.b64encode(f"user:{SECRET}".encode()).decode()
    assert (
        found
        == get(
            f"X-Api-Key: {SECRET}", f"authorization: Basic {basic}", f"Cookie: a={SECRET}; b={SECRET}", "Accept: */*"
        ).decode()
    )


def test_no_other_place() -> None:
    """Not in the target, not in a header's name, and not in the body unless that is allowed."""
    request = get(f"{MARK}: x", f"Content-Length: {len(MARK)}", target=f"/?key={MARK}", method="POST", body=MARK)
    assert sent(request, HEADER) == request


@pytest.mark.parametrize("pieces", [0, 1, 5])
def test_a_body_of_known_length(pieces: int) -> None:
    """Its new length is said; a second request follows on the same connection."""
    body = f'{{"key": "{MARK}", "again": "{MARK}"}}'
    request = get(f"Content-Length: {len(body)}", method="POST", body=body) + get(f"X: {MARK}")
    new = body.replace(MARK, SECRET)
    assert sent(request, BOTH, pieces=pieces) == get(f"Content-Length: {len(new)}", method="POST", body=new) + get(
        f"X: {SECRET}"
    )


@pytest.mark.parametrize("pieces", [0, 1, 3])
def test_a_body_in_chunks(pieces: int) -> None:
    """Also where a chunk ends inside a placeholder."""
    first, second = f"a{MARK[:3]}", f"{MARK[3:]}b"
    chunks = f"{len(first):x}\r\n{first}\r\n{len(second):x}\r\n{second}\r\n0\r\n\r\n"
    found = sent(get("Transfer-Encoding: chunked", method="POST", body=chunks), BOTH, pieces=pieces)
    assert dechunked(found.partition(b"\r\n\r\n")[2]) == f"a{SECRET}b".encode()


def test_a_long_body_is_not_held_back() -> None:
    """What is too long to be kept until its length is known goes out in chunks."""
    body = "x" * (2 << 20) + MARK
    requests = Requests(HOST, [BOTH])
    head = get(f"Content-Length: {len(body)}", method="POST", body="")
    begun = requests.feed(head + b"x" * (1 << 20)).forward
    assert len(begun) > 1 << 20
    rest = requests.feed(body[1 << 20 :].encode()).forward
    found_head, _, found = (begun + rest).partition(b"\r\n\r\n")
    assert b"Content-Length" not in found_head
    assert dechunked(found) == body.replace(MARK, SECRET).encode()


def test_a_client_that_waits_to_send_its_body() -> None:
    requests = Requests(HOST, [BOTH])
    step = requests.feed(get("Expect: 100-continue", f"Content-Length: {len(MARK)}", method="PUT"))
    assert (step.forward, step.reply) == (b"", b"HTTP/1.1 100 Continue\r\n\r\n")
    assert requests.feed(MARK.encode()).forward == get(f"Content-Length: {len(SECRET)}", method="PUT", body=SECRET)


@pytest.mark.parametrize("request_", [get(f"X: {MARK}", host="other.example.com"), get(f"X: {MARK}", method="TRACE")])
def test_requests_that_get_nothing(request_: bytes) -> None:
    """One for another host behind the same address, and one that would be answered with itself."""
    assert sent(request_, HEADER) == request_


def test_after_an_upgrade_bytes_go_by() -> None:
    request = get("Connection: Upgrade", "Upgrade: websocket", f"Authorization: Bearer {MARK}")
    frames = b"\x81\x05" + MARK.encode() + b"\r\n\r\n"
    assert sent(request + frames, HEADER) == request.replace(MARK.encode(), SECRET.encode()) + frames


@pytest.mark.parametrize("data", [b"\x00\x01binary " + MARK.encode(), b"SSH-2.0-x\r\n" + MARK.encode()])
def test_another_protocol_goes_by(data: bytes) -> None:
    assert sent(data, HEADER) == data


def test_garbled_requests() -> None:
    with pytest.raises(Garbled):
        sent(b"GET / HTTP/1.1\r\nHost: api.example.com\r\nno header\r\n\r\n", HEADER)


@pytest.mark.parametrize(
    ("target", "covered"),
    [
        ("/me/repo.git/info/refs?service=git-upload-pack", True),
        ("/me/repo/info/refs", True),
        ("/me/repo.git", True),
        ("/me/repo.github/info/refs", False),
        ("/me/other.git/info/refs", False),
        ("/me/repo.git/../other.git/info/refs", False),
        ("/me/repo.git/%2e%2e/other.git", False),
        ("/me/repo.git//x", False),
        ("/", False),
    ],
)
def test_a_login_is_for_its_paths(target: str, covered: bool) -> None:
    request = get("Authorization: Basic guess", target=target, host="git.example.com")
    found = sent(request, LOGIN, host="git.example.com").decode()
    assert ("Authorization: Basic planted" in found) is covered
    assert ("guess" in found) is not covered


@pytest.mark.parametrize(
    ("hosts", "host", "concerned"),
    [
        (("api.example.com",), "API.example.com.", True),
        (("api.example.com",), "example.com", False),
        (("*.example.com",), "a.b.example.com", True),
        (("*.example.com",), "example.com", False),
        (("192.0.2.1",), "192.0.2.1", True),
        (None, "anything.example", True),
        ((), "anything.example", False),
    ],
)
def test_hosts(hosts: tuple[str, ...] | None, host: str, concerned: bool) -> None:
    """facts 12.5: a wildcard does not have the apex."""
    assert Substitution(MARK, SECRET, hosts, header=True, body=False).concerns(host) is concerned


def dechunked(data: bytes) -> bytes:
    found = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        if not int(size, 16):
            return found
        found, data = found + data[: int(size, 16)], data[int(size, 16) + 2 :]
