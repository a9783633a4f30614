from cli.command import Home


def test_version(home: Home) -> None:
    done = home.run("--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "journeyman")


def test_migrate_twice(home: Home) -> None:
    for _ in range(2):
        done = home.run("migrate")
        assert done.returncode == 0
        assert "up to date" in done.stdout
    assert (home.data_dir / "journeyman.db").exists()


def test_migrate_postgres(home: Home, postgres_url: str) -> None:
    assert home.run("migrate", "--database-url", postgres_url).returncode == 0
    assert "revision" in home.run("doctor", "--database-url", postgres_url).stdout


def test_a_word_that_is_no_command(home: Home) -> None:
    done = home.run("sreve")
    assert done.returncode == 2
    assert "No such command 'sreve'" in done.stderr
