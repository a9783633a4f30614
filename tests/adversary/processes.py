"""Attacks on the sandbox's own first processes, by those who are root beside them."""

from adversary.case import alone
from adversary.scene import Scene, x86_only


@alone
async def attack_init_is_stopped_by_a_tracer(scene: Scene) -> None:
    """The first process is seized and stopped; a shell that then dies is missed, and the sandbox begins anew."""
    x86_only()
    await scene.sh("true")
    program = await scene.program(
        r"""
        #include <stdio.h>
        #include <sys/ptrace.h>
        #include <unistd.h>
        int main(void) {
          if (ptrace(PTRACE_SEIZE, 1, 0, 0)) return 1;
          ptrace(PTRACE_INTERRUPT, 1, 0, 0);
          setsid(); puts("seized"); fflush(stdout); pause();
        }
        """
    )
    said = await scene.said(f"{program} >/tmp/seized & until [ -s /tmp/seized ]; do sleep 0.01; done; cat /tmp/seized")
    assert said == "seized\n", said
    result = await scene.sh("exit 5", timeout=3)
    assert result.restarted, result


@alone
async def attack_init_is_made_to_exit(scene: Scene) -> None:
    """The first process is made to end by a tracer: the run is reported lost, the next command starts the sandbox."""
    x86_only()
    program = await scene.program(
        r"""
        #include <sys/ptrace.h>
        #include <sys/wait.h>
        #include <unistd.h>
        int main(void) {
          if (ptrace(PTRACE_SEIZE, 1, 0, PTRACE_O_EXITKILL)) return 1;
          ptrace(PTRACE_INTERRUPT, 1, 0, 0);
          pause();
        }
        """
    )
    result = await scene.sh(f"{program} & sleep 0.5; kill -9 $!; sleep 30", timeout=20)
    assert result.restarted and not result.timed_out, result


@alone
async def attack_everything_is_stopped(scene: Scene) -> None:
    """SIGSTOP for everybody: the run is cut in time, and both the shell and the runner of programs come back."""
    result = await scene.sh("kill -STOP -1; kill -STOP $$", timeout=2)
    assert result.timed_out, result
    try:
        await scene.boxes.exec(scene.box, ["true"], timeout=2)
    except Exception as error:
        assert "did not finish" in str(error), error


@alone
async def attack_everything_is_killed(scene: Scene) -> None:
    """SIGKILL for everybody, again and again, from programs that outlive it."""
    for _ in range(5):
        result = await scene.sh(
            "(setsid sh -c 'sleep 0.05; kill -9 -1' &); kill -9 -1; kill -9 $$; sleep 20", timeout=10
        )
        assert result.restarted and not result.timed_out, result


@alone
async def attack_false_shells(scene: Scene) -> None:
    """Processes that look like shells (group leaders below init with its variable) do not hide the death of the real one."""
    await scene.python(
        """
        for name in ('main', '.exec', 'other'):
            for _ in range(20):
                if os.fork() == 0:
                    if os.fork() == 0:
                        os.setpgid(0, 0)
                        os.execve('/usr/bin/sleep', ['sleep', '1000'], {'JOURNEYMAN_SHELL': name})
                    os._exit(0)
                os.wait()
        """
    )
    for shell in ("main", "other"):
        result = await scene.sh("exit 4", shell=shell, timeout=15)
        assert result.restarted and not result.timed_out, (shell, result)
    result = await scene.sh("sleep 30", timeout=1)
    assert result.timed_out


@alone
async def attack_orphans(scene: Scene) -> None:
    """A thousand orphans that end are buried by the first process: none is left as a zombie to fill the table."""
    said = await scene.python(
        """
        for _ in range(1000):
            if os.fork() == 0:
                if os.fork() == 0: os._exit(0)
                os._exit(0)
            os.wait()
        def zombies():
            found = 0
            for pid in filter(str.isdigit, os.listdir('/proc')):
                try: found += open(f'/proc/{pid}/stat').read().rpartition(')')[2].split()[0] == 'Z'
                except OSError: pass
            return found
        deadline = time.time() + 10
        while zombies() and time.time() < deadline: time.sleep(0.05)
        print(zombies())
        """,
        timeout=30,
    )
    assert said == "0\n", said


@alone
async def attack_unkillable_programs(scene: Scene) -> None:
    """A program that ignores all signals and hides in sessions of its own does not outlive the end of its run."""
    result = await scene.sh(
        "trap '' TERM INT HUP QUIT TSTP; for i in 1 2 3; do (trap '' HUP TERM; setsid sleep 4321 &) ; done; sleep 4321",
        timeout=1,
    )
    assert result.timed_out
    assert await scene.said("pgrep -c -f 'sleep 432[1]'") == "0\n"


@alone
async def attack_the_shells_program(scene: Scene) -> None:
    """A `bash` of the sandbox's own, first on PATH, does not become the shell."""
    await scene.sh(
        "for p in /opt/venv/bin /usr/local/bin /usr/local/sbin; do printf '#!/bin/sh\\nsleep 1000\\n' >$p/bash; chmod 755 $p/bash; done"
    )
    result = await scene.sh("kill -9 $$", timeout=5)
    assert result.restarted and not result.timed_out, result
    await scene.boxes.stop(scene.box)
