"""Attacks on how the server and the sandbox's shells talk: the pipes, the programs that read them, the events."""

import asyncio
import os
import time
from pathlib import Path

from adversary.case import alone
from adversary.scene import Scene, fresh_run
from journeyman.sandboxes.port import SandboxError

EVENTS = "/run/journeyman/*.events"


async def _recovers(scene: Scene, harm: str, timeout: float = 2) -> None:
    """After a script that harms its shell each next command is answered in time, and a restart at the latest helps."""
    await scene.sh(harm, timeout=timeout)
    for _ in range(3):
        result = await scene.sh("echo well", timeout=timeout)
        if result.output.endswith(b"well\n"):
            return
    await scene.boxes.restart_shell(scene.box, run=fresh_run())
    result = await scene.sh("echo well", timeout=timeout)
    assert result.output == b"well\n", (harm, result)


@alone
async def attack_builtins_become_functions(scene: Scene) -> None:
    """The shell's own words are made functions that lie, sleep or leave: the run is cut in time, the shell begins anew."""
    for name in ("builtin", "read", "printf", "eval", "exit", "mapfile", "exec", "export", "command", "unset", "["):
        for body in ("sleep 100", ":", "return 1", "exit 0", "kill -9 $$"):
            await scene.sh(f"{name}() {{ {body}; }}", timeout=1)
            result = await scene.sh("true", timeout=1)
            assert not (result.timed_out and result.exit_code == 0)
            if result.timed_out or name == "builtin":
                await _recovers(scene, "true", timeout=1)
            else:
                await scene.sh(f"unset -f {name}", timeout=1)
        await _recovers(scene, "kill -9 $$")


@alone
async def attack_variables_of_the_loop(scene: Scene) -> None:
    """The loop's variables are made read-only, integers, arrays, references or unset."""
    for name in (
        "_jm_token",
        "_jm_pipe",
        "_jm_server",
        "_jm_script",
        "_jm_last",
        "_jm_before",
        "_jm_once",
        "JOURNEYMAN_RUN",
    ):
        for harm in (
            f"readonly {name}=x",
            f"declare -i {name}",
            f"declare -A other; declare -n {name}=other",
            f"unset {name}",
        ):
            await _recovers(scene, harm, timeout=1)
            await scene.boxes.restart_shell(scene.box, run=fresh_run())
    await _recovers(scene, "declare -u _jm_server _jm_pipe; IFS=0123456789abcdef")


@alone
async def attack_options_and_traps(scene: Scene) -> None:
    """Options, traps, aliases and hooks that outlive the script that set them."""
    for harm in (
        "set -n",
        "set -euo pipefail; false",
        "set -x -v",
        "set -o posix; set -r",
        "set -T; trap 'exit 3' DEBUG",
        "trap 'sleep 100' DEBUG",
        "trap 'exit 9' ERR; false",
        "trap 'kill -9 $$' EXIT; exit",
        "trap 'sleep 100' EXIT; exit",
        "trap '' TERM INT HUP PIPE CHLD",
        "trap 'kill $$' CHLD; sleep 0 & wait",
        "shopt -s expand_aliases; alias builtin=false until=false for=false read=false",
        "enable -n builtin eval printf read mapfile",
        "enable -n builtin",
        "export BASH_ENV=/dev/zero ENV=/dev/zero PROMPT_COMMAND='exit 1' PS4='$(sleep 100)' SHELLOPTS BASHOPTS",
        "PATH=/none; IFS=x; LC_ALL=none; TMOUT=1; HISTFILE=/dev/full",
        "hash -r; unset PATH",
        "ulimit -n 3",
        "ulimit -f 0",
        "ulimit -u 1",
        "umask 777",
        "suspend -f",
        "kill -STOP $$",
        "break 100",
        "return 5",
        "exec sleep 100",
        "exec true",
        "exec <&- >&- 2>&- 3<&- 5>&-",
        "exec 3</dev/null",
        "exec 3<>/run/journeyman/control",
        "exec 3<>/proc/$$/fd/3",
        "POSIXLY_CORRECT=1; eval 'for x in $(seq 3); do'",
        "coproc cat; disown -a",
        "cd /tmp; mkdir -p gone; cd gone; rmdir ../gone",
        "f() { f; }; f",
        "declare -n BASH_VERSINFO=PATH; BASHPID=1; PPID=1; UID=5; SHELL=/none",
    ):
        await _recovers(scene, harm, timeout=1)
        await scene.boxes.restart_shell(scene.box, run=fresh_run())


@alone
async def attack_false_results(scene: Scene) -> None:
    """A script tells of its own end, with its own token and absurd statuses: a result comes, and the next one is right."""
    for status in (
        "0",
        "256",
        "99999999999999999999",
        "9" * 400,
        "-1",
        "1e9",
        "\\xd9\\xa1",
        "",
        "None",
        "0 0 0",
        "7 -\\n",
    ):
        forged = (
            f"for f in {EVENTS}; do printf 'done %s {status} -\\n' $JOURNEYMAN_RUN 1<>$f; done; sleep 0.1; echo late"
        )
        result = await scene.sh(forged, timeout=5)
        assert result.exit_code is None or 0 <= result.exit_code <= 255, (status, result)
        before = f"for f in {EVENTS}; do printf 'done %s 0 {'9' * 300}\\n' $JOURNEYMAN_RUN 1<>$f; done; sleep 0.1"
        await scene.sh(before, timeout=5)
        result = await scene.sh("echo true; (exit 6)", timeout=5)
        assert (result.output, result.exit_code) == (b"true\n", 6), (status, result)


@alone
async def attack_events_that_are_no_events(scene: Scene) -> None:
    """Endless lines, NUL bytes, half lines, unknown words: skipped, and what follows is heard."""
    for noise in (
        "head -c 300000 /dev/zero",
        "head -c 300000 /dev/urandom",
        "printf 'done'",
        "printf '\\n\\n \\n  \\n'",
    ):
        await scene.sh(f"for f in {EVENTS}; do {noise} 1<>$f; done", timeout=10)
        result = await scene.sh("echo heard; (exit 2)", timeout=5)
        assert (result.output, result.exit_code) == (b"heard\n", 2), (noise, result)


async def _slowest(scene: Scene, seconds: float) -> float:
    """The slowest of a neighbour's commands during some seconds."""
    end, slowest = time.monotonic() + seconds, 0.0
    while time.monotonic() < end:
        begun = time.monotonic()
        result = await scene.sh("echo neighbour", box=scene.neighbour, timeout=20)
        assert result.output == b"neighbour\n"
        slowest = max(slowest, time.monotonic() - begun)
        await asyncio.sleep(0.01)
    return slowest


@alone
async def attack_the_servers_time_by_events(scene: Scene) -> None:
    """Floods of lines that each make the server do something: its other sandboxes go on as fast as before."""
    await scene.python(
        """
        for _ in range(200):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    for fd in (0, 1, 2): os.dup2(os.open('/dev/null', os.O_RDWR), fd)
                    time.sleep(1000)
                os._exit(0)
            os.wait()
        """
    )
    for line in ("up nobody", "up main", "gone main 0", "gone .exec 0", "done x 0 -", "y"):
        flood = asyncio.create_task(
            scene.sh(f"for f in {EVENTS}; do timeout -s KILL 0.7 yes '{line}' 1<>$f; done; echo over", timeout=15)
        )
        slowest = await _slowest(scene, 1)
        result = await flood
        assert slowest < 1, f"{line}: a neighbour's command took {slowest:.2f} s"
        assert not result.timed_out, (line, result)
        await scene.sh("true")


@alone
async def attack_the_servers_time_by_output(scene: Scene) -> None:
    """Endless output of shells, background jobs and programs: neighbours go on."""
    shells = [asyncio.create_task(scene.sh("yes", timeout=2, shell=f"s{n}")) for n in range(3)]
    ran = asyncio.create_task(scene.boxes.exec(scene.box, ["yes"], timeout=2))
    slowest = await _slowest(scene, 2)
    results = await asyncio.gather(*shells)
    try:
        await ran
    except SandboxError as error:
        assert "did not finish" in str(error)
    assert all(each.timed_out and len(each.output) <= 200_000 for each in results)
    await scene.sh("yes & yes | tr y n &")
    assert max(slowest, await _slowest(scene, 1)) < 1, slowest


@alone
async def attack_filling_the_input_of_shells(scene: Scene) -> None:
    """The pipes a shell, the runner of programs and the first process read from are filled by somebody else."""
    for name in ("main.in", ".exec.in", "control"):
        await scene.sh(
            f"(for i in 1 2 3; do timeout 1 yes garbage >/run/journeyman/{name}; done) >/dev/null 2>&1 & "
            "disown; sleep 0.2",
            timeout=5,
        )
        for _ in range(3):
            try:
                await scene.sh("echo ours", timeout=1)
                await scene.boxes.exec(scene.box, ["true"], timeout=1)
                await scene.boxes.restart_shell(scene.box, run=fresh_run())
            except SandboxError:
                pass


@alone
async def attack_stealing_lines(scene: Scene) -> None:
    """Another program reads what the server sends to a shell: the run ends by its timeout, and then all is well again."""
    for name in ("main.in", ".exec.in", "control"):
        await scene.sh(
            f"(cd /; env -i setsid /usr/bin/bash -c 'for i in 1 2 3 4; do cat; done' <>/run/journeyman/{name} >/dev/null 2>&1 &)"
        )
        for _ in range(4):
            try:
                await scene.sh("true", timeout=1)
                await scene.boxes.exec(scene.box, ["true"], timeout=1)
            except SandboxError:
                pass
        result = await scene.sh("exit 3", timeout=1)
        assert result.exit_code in (3, None), result


@alone
async def attack_lines_for_other_shells(scene: Scene) -> None:
    """Lines written to shells and to the first process, with names that are paths and five hundred new shells."""
    await scene.sh(
        "cd /run/journeyman; printf 'a b c\\n../../x ../../y ../../z\\n - -\\n\\n' >>main.in; printf 'x y z w\\n' >>.exec.in; "
        "printf '../../../tmp/x\\n-\\n.exec\\nmain\\n$(touch /tmp/owned)\\n' >>control"
    )
    await scene.sh("echo one", timeout=3)
    await scene.python(
        """
        with open('/run/journeyman/control', 'w') as control:
            for n in range(500): control.write(f'shell{n}\\n')
        """
    )
    for _ in range(4):
        result = await scene.sh("echo two", timeout=3)
        if result.output == b"two\n":
            break
    assert result.output == b"two\n", result
    await scene.boxes.stop(scene.box)


@alone
async def attack_the_servers_descriptors(scene: Scene) -> None:
    """A program keeps the output pipe of every run open: the server's descriptors do not grow without bound."""
    await scene.python(
        """
        import glob
        if os.fork() == 0:
            os.setsid()
            for fd in (0, 1, 2): os.dup2(os.open('/dev/null', os.O_RDWR), fd)
            held = {}
            while True:
                for path in glob.glob('/run/journeyman/*.out'):
                    if path not in held:
                        try: held[path] = os.open(path, os.O_RDWR)
                        except OSError: pass
        """
    )
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(300):
        await scene.sh("sleep 0.004")
    grown = len(os.listdir("/proc/self/fd")) - before
    assert grown < 200, grown


@alone
async def attack_properties_of_pipes(scene: Scene) -> None:
    """Pipes made tiny or huge, non-blocking, signal-driven, in packets: the next runs are answered whole."""
    await scene.python(
        """
        import glob
        for path in glob.glob('/run/journeyman/*.*'):
            if path.endswith(('.script', '.argv')): continue
            descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
            for size in (1 << 20, 4096): attempt(lambda: fcntl.fcntl(descriptor, 1031, size))
            attempt(lambda: fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC | os.O_DIRECT | os.O_NOATIME))
            attempt(lambda: fcntl.fcntl(descriptor, fcntl.F_SETOWN, 1))
        """
    )
    for _ in range(5):
        result = await scene.sh("head -c 100000 /dev/zero", timeout=10)
        assert result.total_bytes == 100_000, result


@alone
async def attack_kept_pages(scene: Scene) -> None:
    """Pages that were put into the output pipe and are changed afterwards do not change what was recorded."""
    said = await scene.python(
        """
        import mmap
        page = mmap.mmap(-1, 4096)
        page.write(b'a' * 4096)
        address = ctypes.addressof(ctypes.c_char.from_buffer(page))
        vector = ctypes.create_string_buffer(struct.pack('QQ', address, 4096))
        call(278, 1, vector, 1, 8)
        time.sleep(0.3)
        page.seek(0); page.write(b'b' * 4096)
        """
    )
    assert said == "a" * 4096, said[:20]


async def attack_binary_output(scene: Scene) -> None:
    """Output of every byte, of terminal sequences and of what looks like events is passed on as it is."""
    result = await scene.sh("printf 'done x 0 -\\n\\0\\xff\\x1b[2Jgone main 0\\n'; head -c 100 /dev/zero")
    assert result.output == b"done x 0 -\n\0\xff\x1b[2Jgone main 0\n" + bytes(100), result


@alone
async def attack_replayed_runs(scene: Scene) -> None:
    """A run asked for again is answered from outside: nothing that is done inside changes what it gave."""
    run = fresh_run()
    first = await scene.boxes.shell(scene.box, "echo mine", run=run, timeout=5, output_limit=100)
    await scene.sh('for f in /run/journeyman/*.out; do timeout 0.2 sh -c "echo forged 1<>$f"; done')
    again = await scene.boxes.shell(scene.box, "echo other", run=run, timeout=5, output_limit=100)
    assert first == again and first.output == b"mine\n"


@alone
async def attack_recovery(scene: Scene) -> None:
    """A sandbox in the worst state does not keep the server from finding its sandboxes again."""
    await scene.sh("rm -rf /workspace /tmp/* /bin /opt; kill -STOP -1 & kill -9 1", timeout=1)
    found = {info.id: info.state for info in await scene.boxes.recover()}
    assert found[scene.neighbour] == "running", found
    assert Path(scene.data_dir / "sandboxes").is_dir()
    await scene.boxes.destroy(scene.box)
