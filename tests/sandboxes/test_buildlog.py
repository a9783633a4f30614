"""Installing step by step, with real scripts in a bash of this machine."""

import asyncio
import logging
import os
from pathlib import Path

import pytest

from journeyman.sandboxes.local.buildlog import BuildLog
from journeyman.sandboxes.local.packages import Step, steps
from journeyman.sandboxes.port import EnvironmentFailed

pytestmark = pytest.mark.anyio


async def shell(script: str) -> tuple[int | None, bytes]:
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", script, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode, output


def _step(script: str, *packages: str, program: str = "bash") -> Step:
    return Step("pip", program, packages or ("pandas",), script)


async def test_steps_run_in_order_and_are_logged(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.INFO, "journeyman.environments")
    written = f"{tmp_path}/written"
    await BuildLog("k" * 64, "host", shell).install([_step(f"echo a >>{written}"), _step(f"echo b >>{written}")])
    assert Path(written).read_text() == "a\nb\n"
    records = [record for record in caplog.records if record.name == "journeyman.environments"]
    assert [record.getMessage().split(": ")[1].split(" (")[0] for record in records] == [
        "pip installs pandas",
        "pip is done",
    ] * 2
    assert {(getattr(record, "manager"), getattr(record, "environment")) for record in records} == {("pip", "k" * 64)}  # noqa: B009


async def test_a_long_step_shows_that_it_goes_on(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.INFO, "journeyman.environments")
    fifo = f"{tmp_path}/fifo"
    os.mkfifo(fifo)
    log = BuildLog("k", "host", shell, every=0.05)
    work = asyncio.create_task(log.install([_step(f"read -r _ <{fifo}")]))
    async with asyncio.timeout(30):
        while sum("still installing" in message for message in caplog.messages) < 2:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(lambda: Path(fifo).write_text(""))
        with pytest.raises(EnvironmentFailed):  # `read` found the end
            await work


async def test_a_failure_names_manager_and_package_and_ends_with_the_last_lines() -> None:
    said = "\\033[31mERROR: No matching distribution found for nosuch\\033[0m"
    script = f"seq 100; printf '10%%\\r100%%\\n'; printf '{said}\\n'; exit 3"
    with pytest.raises(EnvironmentFailed) as caught:
        await BuildLog("k", "host", shell).install([_step(script, "pandas==2", "nosuch>=1"), _step("touch /nowhere/x")])
    lines = str(caught.value).splitlines()
    assert lines[0] == "pip could not install nosuch>=1: it ended with exit code 3."
    assert lines[-2:] == ["100%", "ERROR: No matching distribution found for nosuch"]
    assert len(lines) == 16


async def test_a_manager_that_is_missing_is_said_before_anything_runs(tmp_path: Path) -> None:
    wanted = [_step(f"touch {tmp_path}/ran"), _step("true", program="nosuch-program")._replace(manager="cargo")]
    with pytest.raises(EnvironmentFailed, match=r"cargo: the base 'host' has no such package manager\."):
        await BuildLog("k", "host", shell).install(wanted)
    assert list(tmp_path.iterdir()) == []


async def test_a_cut_step_fails() -> None:
    async def cut(script: str) -> tuple[int | None, bytes]:
        return (None, b"half") if "install" in script else await shell(script)

    with pytest.raises(EnvironmentFailed, match=r"pip could not install a: it was cut before it was done\."):
        await BuildLog("k", "host", cut).install(steps((("pip", ("a",)),)))
