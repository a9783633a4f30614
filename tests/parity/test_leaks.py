"""A hunt for planted secrets: everything that a server, its database, its logs and its sandboxes have is searched."""

import base64
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from anthropic import Anthropic
from crash.fleet import fresh_database
from server import start_server

from journeyman.store.tables import metadata

from .conversation import TOOLSET, listening
from .git_host import BACKEND, TOKEN, serving

pytestmark = pytest.mark.ours_only
_NAMES = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'
VALUE, BEARER, ACCESS = "planted-value-51c2", "planted-bearer-51c2", "planted-access-51c2"
REFRESH, CLIENT = "planted-refresh-51c2", "planted-client-51c2"
CONTROL = b"planted-control-51c2"
"""What the agent itself writes: the hunt has to find it."""
SECRETS = (VALUE, BEARER, ACCESS, REFRESH, CLIENT, TOKEN)


def spellings(secret: str) -> Sequence[bytes]:
    """As it is, and as it may stand in a login."""
    logins = [secret, f"x-access-token:{secret}", f"user:{secret}"]
    return [secret.encode(), *(base64.b64encode(login.encode()).rstrip(b"=")[:-1] for login in logins)]


def found_in(data: bytes) -> list[str]:
    return [secret for secret in SECRETS if any(each in data for each in spellings(secret))]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_hunt(
    request: pytest.FixtureRequest, tmp_path: Path, sandbox_section: dict[str, dict[str, Any]], kind: str
) -> None:
    """The vault's secrets and the repository's token are used, rotated, and found nowhere."""
    if os.geteuid() != 0 or not BACKEND.exists():
        pytest.skip("needs root to give the server names of its own, and git's HTTP backend")
    database = fresh_database(request.getfixturevalue("postgres_url"), "leaks") if kind == "postgres" else None
    (tmp_path / "git").mkdir()
    (tmp_path / "hosts").write_text("127.0.0.1 localhost git.test\n")
    within = ["unshare", "--mount", "sh", "-c", _NAMES, "sh", str(tmp_path / "hosts")]
    with serving(tmp_path / "git") as git:
        git.repository("me/calc", {"a.txt": "a\n"})
        sections = {"egress": {"allow_private": ["git.test"]}, "repositories": {"hosts": [git.url]}}
        place = tmp_path / "home"
        place.mkdir()
        server = start_server(place, database_url=database, within=within, **sections, **sandbox_section)
        with server as running, Anthropic(base_url=running.url, api_key=running.api_key) as client:
            told = use(client, git.url)
            assert TOKEN in str([base64.b64decode(login.split()[-1]) for _, login in git.asked if login])
            assert not found_in(told.encode()), "in what clients are told"
            controls: list[str] = []
            for name, data in everything(place, database):
                assert not found_in(data), f"in {name}"
                controls += [name] if CONTROL in data else []
            assert controls


def use(client: Anthropic, url: str) -> str:
    """A session that uses all of them; everything that its client can be told."""
    vaults = client.beta.vaults
    vault = vaults.create(display_name="one").id
    hosts = {"type": "limited", "allowed_hosts": ["git.test"]}
    auths: Any = [
        {"type": "environment_variable", "secret_name": "SERVICE", "secret_value": "planted-old", "networking": hosts},
        {"type": "static_bearer", "mcp_server_url": "https://a.example", "token": BEARER},
        {
            "type": "mcp_oauth",
            "mcp_server_url": "https://b.example",
            "access_token": ACCESS,
            "refresh": {
                "client_id": "me",
                "refresh_token": REFRESH,
                "token_endpoint": "https://b.example/token",
                "token_endpoint_auth": {"type": "client_secret_post", "client_secret": CLIENT},
            },
        },
    ]
    made = [vaults.credentials.create(vault, auth=auth).id for auth in auths]
    rotated: Any = {"type": "environment_variable", "secret_value": VALUE}
    vaults.credentials.update(made[0], vault_id=vault, auth=rotated)
    environment = client.beta.environments.create(name="one").id
    agent = client.beta.agents.create(name="actor", model="scripted", tools=[TOOLSET])  # pyright: ignore
    resource: Any = {"type": "github_repository", "url": f"{url}/me/calc", "authorization_token": TOKEN}
    session = client.beta.sessions.create(
        agent=agent.id, environment_id=environment, vault_ids=[vault], resources=[resource]
    )
    searched = "/workspace /tmp /root /run /var /etc /proc/[0-9]*/environ /proc/[0-9]*/cmdline"
    hunted = "; ".join(f"grep -als {secret[:-1]}[{secret[-1]}] {searched}" for secret in SECRETS)
    asked = f'curl -sS -u "user:$SERVICE" -H "X: $SERVICE" {url}/me/calc/info/refs'
    scripts = [
        f"cd calc; git ls-remote; {asked}; env; cat .git/config; echo {CONTROL.decode()} >control; sync",
        f"{hunted}; ls -R /workspace",
    ]
    with listening(client, session.id) as talk:
        for script in scripts:
            talk.turn(f"SCRIPT: bash {script} | text done")
    told = [client.beta.sessions.events.list(session.id, limit=1000), client.beta.sessions.retrieve(session.id)]
    told += [vaults.credentials.list(vault), client.beta.sessions.resources.list(session.id)]
    return str([each.to_dict() for each in told])


def everything(place: Path, database: str | None) -> Iterator[tuple[str, bytes]]:
    """Names and contents: files and logs, disks of sandboxes, the database, what processes were started with."""
    for path in place.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield str(path), written(path)
    if database is not None:
        with psycopg.connect(database) as connection:
            for table in metadata.tables:
                yield table, str(connection.execute(f"SELECT * FROM {table}").fetchall()).encode()
    mine = {psutil.Process().pid}
    for process in psutil.process_iter():
        if process.pid not in mine:
            for name in ("environ", "cmdline"):
                yield f"{name} of {process.pid}", read(Path(f"/proc/{process.pid}/{name}"))
    listed = subprocess.run(["ps", "axww"], capture_output=True, check=True).stdout
    yield "ps", listed


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def written(path: Path) -> bytes:
    """What a file holds, without what was never written of it."""
    found, end = bytearray(), path.stat().st_size
    with path.open("rb") as file:
        place = 0
        while place < end:
            try:
                place = os.lseek(file.fileno(), place, os.SEEK_DATA)
            except OSError:  # no more
                break
            stop = os.lseek(file.fileno(), place, os.SEEK_HOLE)
            found += os.pread(file.fileno(), stop - place, place)
            place = stop
    return bytes(found)
