import os
import subprocess

import pytest

from cli.command import Home


def test_a_healthy_machine(home: Home) -> None:
    done = home.run("doctor")
    assert done.returncode == 0, done.stdout
    assert "ok    data directory" in done.stdout
    assert "ok    runtime" in done.stdout
    assert "ok    model: demo (scripted)" in done.stdout
    assert not home.data_dir.exists(), "it looks, and changes nothing"


def test_it_sees_the_running_server(home: Home) -> None:
    with home.serving() as server:
        done = home.run("doctor")
    assert done.returncode == 0
    assert f"a server works on it: {server.url}" in done.stdout


def test_a_database_that_is_away(home: Home) -> None:
    done = home.run("doctor", "--database-url", "postgresql://user:secret@127.0.0.1:1/db")
    assert done.returncode == 1
    assert "FAIL  database" in done.stdout
    assert "secret" not in done.stdout


def test_a_key_of_ours_in_the_providers_place(home: Home) -> None:
    done = Home(home.path, {"ANTHROPIC_API_KEY": "sk-journeyman-mine"}).run("doctor")
    assert done.returncode == 0
    assert "warn  model: claude-* (anthropic): ANTHROPIC_API_KEY holds a key of this server" in done.stdout
    assert "sk-journeyman-mine" not in done.stdout


def test_a_provider_without_a_key(home: Home) -> None:
    entry = '[[models]]\nmatch = "claude-*"\nprotocol = "anthropic"\napi_key_env = "MY_KEY"\n'
    (home.path / "journeyman.toml").write_text(entry)
    done = home.run("doctor")
    assert done.returncode == 1
    assert "MY_KEY" in done.stdout
    assert Home(home.path, {"MY_KEY": "sk-theirs"}).run("doctor").returncode == 0


def test_a_runtime_that_is_missing(home: Home) -> None:
    (home.path / "journeyman.toml").write_text('[sandbox]\nruntime = "no-such-runtime"\n')
    done = home.run("doctor")
    assert done.returncode == 1
    assert "FAIL  runtime" in done.stdout


def test_web_search(home: Home) -> None:
    (home.path / "journeyman.toml").write_text('[search]\nprovider = "searxng"\nbase_url = "http://127.0.0.1:8888"\n')
    assert "ok    web search: searxng" in home.run("doctor").stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_in_a_container_that_may_not_mount(home: Home) -> None:
    without = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]
    command = [*without, home.command, "doctor"]
    done = subprocess.run(command, cwd=home.path, env=home.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "FAIL  namespaces: Root may not mount anything here." in done.stdout
    assert "--cap-add SYS_ADMIN" in done.stdout
