"""Attacks on how the server and the sandbox's shells talk: the pipes, the programs that read them, the events."""

from adversary.case import alone
from adversary.scene import Scene, fresh_run


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
