import httpx2
import pytest

from cli.command import Home


def _status(url: str, key: str) -> int:
    headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
    return httpx2.get(f"{url}/v1/models", headers=headers, trust_env=False).status_code


def test_a_key_made_beside_a_running_server_opens_it(home: Home) -> None:
    with home.serving() as server:
        made = home.run("keys", "create", "laptop")
        key = made.stdout.strip()
        assert key.startswith("sk-journeyman-")
        assert _status(server.url, key) == 200
        listed = home.run("keys", "list").stdout
        assert "laptop" in listed
        assert key not in listed


def test_a_revoked_key_opens_nothing(home: Home) -> None:
    with home.serving() as server:
        key = home.run("keys", "create", "laptop").stdout.strip()
        assert home.run("keys", "revoke", _id_of(home, "laptop")).returncode == 0
        assert _status(server.url, key) == 401
        assert "revoked" in home.run("keys", "list").stdout


def test_keys_without_a_server(home: Home) -> None:
    assert "no keys yet" in home.run("keys", "list").stderr
    assert not home.data_dir.exists()
    nameless = home.run("keys", "create", " ")
    assert (nameless.returncode, "needs a name" in nameless.stderr) == (1, True)
    key = home.run("keys", "create", "before").stdout.strip()
    with home.serving() as server:
        assert _status(server.url, key) == 200


def test_revoking_the_first_key_makes_room_for_another(home: Home) -> None:
    with home.serving() as server:
        _, old = server.exported()
    assert home.run("keys", "revoke", _id_of(home, "first")).returncode == 0
    with home.serving() as server:
        _, new = server.exported()
        assert (_status(server.url, old), _status(server.url, new)) == (401, 200)


def test_a_configured_key_is_not_revoked_behind_the_configuration(home: Home) -> None:
    (home.path / "journeyman.toml").write_text('[server]\napi_keys = ["of-my-own"]\n')
    with home.serving():
        done = home.run("keys", "revoke", _id_of(home, "configured"))
    assert done.returncode == 1
    assert "server.api_keys" in done.stderr


@pytest.mark.parametrize("key_id", ["apikey_unknown", ""])
def test_an_unknown_key_cannot_be_revoked(home: Home, key_id: str) -> None:
    done = home.run("keys", "revoke", key_id)
    assert done.returncode == 1
    assert "There is no living key" in done.stderr


def _id_of(home: Home, name: str) -> str:
    [line] = [line for line in home.run("keys", "list").stdout.splitlines() if line.endswith(f"  {name}")]
    return line.split()[0]
