from pathlib import Path

from cli.command import Home


def test_the_demo_works_and_leaves_nothing_behind(home: Home) -> None:
    before = set(Path("/var/tmp").glob("journeyman-demo-*"))
    done = home.run("demo")
    assert done.returncode == 0, done.stderr
    call, result = done.stdout.index("$ cd /workspace && python3 fibonacci.py"), done.stdout.index("\n  4181\n")
    assert call < result, "the shell's own output ends with the 20th number"
    assert "\x1b" not in done.stdout
    assert "export ANTHROPIC_BASE_URL=http://127.0.0.1:8000" in done.stdout
    assert list(home.path.iterdir()) == []
    assert set(Path("/var/tmp").glob("journeyman-demo-*")) <= before


def test_without_a_sandbox_it_fails_and_says_what_to_do(home: Home) -> None:
    (home.path / "journeyman.toml").write_text('[sandbox]\nruntime = "no-such-runtime"\n')
    done = home.run("demo")
    assert done.returncode == 1
    assert "FAIL  runtime" in done.stdout
    assert "no-such-runtime" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_does_not_depend_on_the_configured_database_or_models(home: Home) -> None:
    database = '[database]\nurl = "postgresql://127.0.0.1:1/none"\n'
    (home.path / "journeyman.toml").write_text(f'{database}[[models]]\nmatch = "*"\nprotocol = "openai"\n')
    done = home.run("demo")
    assert (done.returncode, done.stderr) == (0, "")
