"""A server at work is backed up, and goes on elsewhere: its sessions, their files, its keys."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from crash.fleet import fresh_database
from crash.house import House, results

COMMAND = Path(sys.executable).with_name("journeyman")
_WAIT = "timeout 20 sh -c 'until [ -e go ]; do sleep 0.1; done'"
_REST = "SCRIPT: bash cat notes; ls -l old; cat link | text ok"


@pytest.fixture
def places(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    found = tmp_path / "here", tmp_path / "there"
    for place in found:
        place.mkdir()
    yield found
    for place in found:
        House(place).close()


def journeyman(*words: str | Path) -> str:
    done = subprocess.run([COMMAND, *words], capture_output=True, text=True, check=False, timeout=120)
    return f"{done.returncode} {done.stdout}{done.stderr}"


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_server_at_work(
    places: tuple[Path, Path], tmp_path: Path, database: str, request: pytest.FixtureRequest
) -> None:
    urls: list[str | None] = [None, None]
    if database == "postgres":
        base = request.getfixturevalue("postgres_url")
        urls = [fresh_database(base, name) for name in ("kept", "restored")]
    here, there = House(places[0], urls[0]), House(places[1], urls[1])
    file = tmp_path / "backup.tar"
    dump = tmp_path / "database.dump"
    with here.open():
        here.prepare()
        idle, busy = here.session(), here.session()
        here.say(idle, "SCRIPT: bash echo a note > notes; ln -s notes link; touch old; chmod 4711 old | text ok")
        here.until_rest(idle)
        here.say(busy, f"SCRIPT: bash echo first > notes | bash {_WAIT}; echo 2nd >> notes | bash cat notes | text ok")
        here.until(busy, lambda events: events[-1]["type"] == "span.model_request_end" and len(results(events)) == 1)
        if urls[0]:
            subprocess.run(["pg_dump", "--format=custom", f"--file={dump}", urls[0]], check=True)
        said = journeyman("backup", file, "--config", places[0] / "journeyman.toml")
        assert said.startswith("0 "), said
        assert file.stat().st_mode & 0o777 == 0o600

        if urls[1]:
            subprocess.run(["pg_restore", f"--dbname={urls[1]}", dump], check=True)
        words = ["restore", file, "--data-dir", places[1] / "data", *(["--database-url", urls[1]] if urls[1] else [])]
        said = journeyman(*words)
        assert said.startswith("0 "), said
        again = journeyman(*words)
        assert again.startswith("1 ") and "would be overwritten" in again
        with there.open():  # while the first one works on: they share nothing
            there.say(idle, _REST)
            last = results(there.until_rest(idle))[-1]
            assert last.startswith("a note\n-rws--x--x 1 root root 0") and "old\na note\n" in last
            ended = results(there.until_rest(busy))
            assert (ended[0], ended[-1][:6]) == ("(no output)", "first\n")
        sandbox = (places[0] / "data" / "sandboxes" / "names" / busy).resolve()
        pid = json.loads((sandbox / "state.json").read_text())["process"][0]
        Path(f"/proc/{pid}/root/workspace/go").touch()
        assert results(here.until_rest(busy))[-1] == "first\n2nd\n"


def test_what_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert "There is no data directory" in journeyman("backup", tmp_path / "b.tar", "--data-dir", data)
    assert journeyman("migrate", "--data-dir", data).startswith("0 ")
    assert "lies in the data directory" in journeyman("backup", data / "b.tar", "--data-dir", data)
    assert journeyman("backup", tmp_path / "b.tar", "--data-dir", data).startswith("0 ")
    assert "is there already" in journeyman("backup", tmp_path / "b.tar", "--data-dir", data)
    elsewhere = ["--data-dir", tmp_path / "new", "--database-url", "postgresql://127.0.0.1:1/none"]
    assert "database.url" in journeyman("restore", tmp_path / "b.tar", *elsewhere)
    (tmp_path / "no.tar").write_text("nothing")
    assert "is no backup" in journeyman("restore", tmp_path / "no.tar", "--data-dir", tmp_path / "new")
    cut = (tmp_path / "b.tar").read_bytes()[:-20_000]
    (tmp_path / "cut.tar").write_bytes(cut)
    assert "tar failed" in journeyman("restore", tmp_path / "cut.tar", "--data-dir", tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"data", "new", "b.tar", "no.tar", "cut.tar"}
