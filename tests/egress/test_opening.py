"""What is read from a client's first bytes."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeyman.egress import hello
from journeyman.egress.opening import Speech, check, speech
from journeyman.egress.policy import Allowed, Refused


def client_hello(name: str | None) -> bytes:
    """What OpenSSL really sends."""
    context = ssl.create_default_context()
    context.check_hostname = False
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


def in_records(data: bytes, size: int) -> bytes:
    """The same handshake message, cut into records of `size` bytes."""
    message = data[5:]
    pieces = [message[place : place + size] for place in range(0, len(message), size)]
    return b"".join(data[:3] + len(piece).to_bytes(2, "big") + piece for piece in pieces)


HELLO = client_hello("good.test")


@given(st.integers(0, len(HELLO) - 1))
def test_part_of_a_greeting_says_nothing_yet(size: int) -> None:
    assert check(HELLO[:size], "good.test") is None


@given(st.integers(1, 400), st.binary(max_size=20))
def test_a_greeting_in_any_number_of_records(size: int, more: bytes) -> None:
    data = in_records(HELLO, size) + more
    assert hello.parse(data).server_name == "good.test"
    assert check(data, "good.test") == Allowed()
    assert isinstance(check(data, "other.test"), Refused)


def test_who_names_nobody() -> None:
    assert isinstance(check(client_hello(None), "good.test"), Refused)
    assert check(client_hello(None), "1.1.1.1") == Allowed()


def test_spellings_of_the_server_name() -> None:
    assert check(client_hello("GOOD.test"), "good.test") == Allowed()


@given(st.binary(max_size=300))
def test_garbage_after_a_tls_start_never_passes(data: bytes) -> None:
    assert not isinstance(check(b"\x16\x03\x01" + data, "good.test"), Allowed)


@given(st.integers(0, len(HELLO) - 1), st.integers(0, 255))
def test_a_changed_byte_never_names_another_host(place: int, value: int) -> None:
    changed = HELLO[:place] + bytes([value]) + HELLO[place + 1 :]
    try:
        name = hello.parse(changed).server_name
    except (hello.Malformed, hello.Incomplete):
        return
    assert name is None or len(name) == len("good.test")


@given(st.binary(max_size=200))
def test_anything_is_understood_or_not_without_an_error(data: bytes) -> None:
    check(data, "good.test")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"GET / HTTP/1.1\r\n", Speech.HTTP),
        (b"get /\r\n", Speech.HTTP),
        (b"PROPFIND / HTTP/1.1\r\n", Speech.HTTP),
        (b"\r\n\r\nGET / HTTP/1.1\r\n", Speech.HTTP),
        (b"PRI * HTTP/2.0\r\n", Speech.HTTP),
        (b"GET /a b HTTP/1.1\r\n", Speech.HTTP),
        (b"get key\r\n", Speech.OTHER),
        (b"GET", None),
        (b"", None),
        (b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n", Speech.OTHER),
        (b"EHLO me\r\n", Speech.OTHER),
        (b"0032git-upload-pack /a.git\0host=x\0", Speech.OTHER),
        (b"*1\r\n$4\r\nPING\r\n", Speech.OTHER),
        (b"\0\0\0\x08", Speech.OTHER),
        (b"\x16", Speech.TLS),
    ],
)
def test_what_is_spoken(data: bytes, expected: Speech | None) -> None:
    assert speech(data) is expected
