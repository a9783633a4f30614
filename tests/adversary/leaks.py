"""What a sandbox could learn of the host, the server and other sessions."""

import getpass
import os
import socket
from pathlib import Path

from adversary.case import defect
from adversary.scene import Scene


async def attack_environments(scene: Scene) -> None:
    """No process inside was given the server's environment."""
    await scene.boxes.exec(scene.box, ["true"])
    said = await scene.said("env; cat /proc/*/environ /proc/*/cmdline /proc/*/task/*/environ; set")
    ran = (await scene.boxes.exec(scene.box, ["env"])).stdout.decode()
    for text in (said, ran):
        assert scene.secret not in text and "JOURNEYMAN_PLANTED" not in text
        assert str(scene.data_dir) not in text
    names = {line.partition("=")[0] for line in ran.splitlines()}
    assert not {name for name in names if "KEY" in name or "TOKEN" in name or "SECRET" in name}, names


async def attack_memory_of_processes(scene: Scene) -> None:
    """Nothing of the server's secrets or paths stands in the memory of any process inside."""
    said = await scene.python(
        """
        words = [word[::-1].encode() for word in sys.argv[1:]]
        for pid in filter(str.isdigit, os.listdir('/proc')):
            if int(pid) == os.getpid(): continue
            try: maps, memory = open(f'/proc/{pid}/maps').readlines(), open(f'/proc/{pid}/mem', 'rb', 0)
            except OSError: continue
            for line in maps:
                area, mode = line.split()[:2]
                if 'w' not in mode: continue
                begin, end = (int(x, 16) for x in area.split('-'))
                try:
                    memory.seek(begin)
                    data = memory.read(min(end - begin, 1 << 24))
                except (OSError, ValueError): continue
                for word in words:
                    if word in data: print(pid, line.strip(), word[:8])
        """,
        scene.secret[::-1],
        "DETNALP_NAMYENRUOJ",
    )
    assert said == "", said


async def attack_files_of_the_host(scene: Scene) -> None:
    """Nothing of the host's homes, state and configuration stands anywhere inside."""
    said = await scene.said(
        f"cat {scene.secret_file}; ls {scene.data_dir} /root/.ssh /boot /lost+found /lib/modules/*/build 2>/dev/null; "
        f"ls -A /root /home /srv /media /mnt /opt /var/log /var/tmp; grep -rsl {scene.secret[:12]} "
        "/etc /run /home /root /var /opt /workspace /dev/shm /mnt /srv 2>/dev/null"
    )
    assert scene.secret not in said and scene.secret[:12] not in said
    for name in ("shadow", "ssh", "machine-id", "sudoers", "fstab", "krb5.keytab", "docker", "ssl/private", "cron.d"):
        assert await scene.said(f"ls -A /etc/{name} 2>/dev/null") == "", name


async def attack_accounts_of_the_host(scene: Scene) -> None:
    """The sandbox's accounts are its own: no user or group of the host is named."""
    said = await scene.said("cat /etc/passwd /etc/group /etc/hosts /etc/hostname; getent passwd; hostname")
    users = {line.split(":")[0] for line in Path("/etc/passwd").read_text().splitlines()}
    named = users - {"root", "nobody", "tty", "staff", "users"}
    assert not {line.split(":")[0] for line in said.splitlines()} & named, said
    if socket.gethostname() not in {"localhost", "sandbox"}:
        assert socket.gethostname() not in said.split()
    assert getpass.getuser() in {"root", "nobody"} or getpass.getuser() not in said if os.geteuid() == 0 else True


@defect("the pipes' directory and the root are bind mounts, and the overlays' options are absolute paths")
async def attack_paths_in_mounts(scene: Scene) -> None:
    """The host's paths do not stand in the tables of mounts."""
    said = await scene.said("cat /proc/self/mountinfo /proc/mounts /proc/self/mountstats /proc/1/mountinfo")
    slot = (await scene.slot()).name
    for word in (str(scene.data_dir), scene.data_dir.name, f"/sandboxes/{slot}", f"/{slot}/io", f"/{slot}/root"):
        assert word not in said, word


async def attack_names_of_sessions(scene: Scene) -> None:
    """A sandbox does not learn its own session's id, nor any other's."""
    await scene.sh("true")
    said = await scene.said(
        "cat /proc/*/environ /proc/*/cmdline /proc/self/mountinfo /proc/self/cgroup /etc/hostname; ls -RA /run /var /mnt; "
        "uname -a; ls -l /proc/*/fd"
    )
    for name in (scene.box, scene.neighbour):
        assert name not in said.replace(f"'{name}'", ""), name


async def attack_processes_of_the_host(scene: Scene) -> None:
    """/proc shows the sandbox's processes alone, and nothing names the host's."""
    said = await scene.said(
        "cat /proc/[0-9]*/comm; ls -d /proc/[0-9]* | wc -l; cat /proc/1/status | grep -i -e NSpid -e PPid"
    )
    lines = said.splitlines()
    assert int(next(line for line in lines if line.isdigit())) < 40, said
    assert "PPid:\t0" in lines and "NSpid:\t1" in lines, said
    assert "systemd" not in lines and "pytest" not in said and "runc" not in said


async def attack_kernel_log_and_tables(scene: Scene) -> None:
    """Files of the kernel that tell of the host are empty or closed."""
    masked = (
        "acpi asound bootconfig cmdline config.gz interrupts iomem ioports kallsyms kcore key-users keys kmsg latency_stats "
        "modules sched_debug scsi swaps timer_list timer_stats vmallocinfo slabinfo kpagecount kpageflags kpagecgroup pagetypeinfo"
    )
    said = await scene.said(
        f"cd /proc; for f in {masked}; do if [ -d $f ]; then n=$(ls -A $f | wc -c); else n=$(head -c 9 $f 2>/dev/null | wc -c); fi; "
        '[ "$n" = 0 ] || echo $f; done; dmesg 2>/dev/null | head -1; ls /dev/kmsg /dev/mem 2>/dev/null'
    )
    assert said == "", said


async def attack_locks_of_the_host(scene: Scene) -> None:
    """The table of file locks shows none of the server's."""
    own = str(os.getpid())
    said = await scene.said("cat /proc/locks; cat /proc/*/fdinfo/* 2>/dev/null | grep lock:")
    assert not [line for line in said.splitlines() if own in line.split()], said
    assert "FLOCK  ADVISORY  WRITE" not in said, said


async def attack_network_of_the_host(scene: Scene) -> None:
    """The tables of the network are the sandbox's own: no connection, socket, route or interface of the host."""
    said = await scene.said(
        "cat /proc/net/unix /proc/net/dev /proc/net/arp /proc/net/fib_trie /proc/net/if_inet6; ss -xa"
    )
    assert scene.abstract not in said
    assert not [line for line in said.splitlines() if ":" in line and line.split(":")[0].strip() in ("eth0", "ens3")], (
        said
    )
    tcp = await scene.said("cat /proc/net/tcp")
    assert f":{scene.loopback:04X}" not in tcp


async def attack_groups_of_the_server(scene: Scene) -> None:
    """No supplementary group of the server came along."""
    said = await scene.said("grep Groups /proc/1/status /proc/self/status; id -G")
    assert {word for line in said.splitlines() for word in line.partition("Groups:")[2].split()} <= {"0"}, said
    assert said.splitlines()[-1] == "0", said


async def attack_core_dumps(scene: Scene) -> None:
    """A program that crashes leaves no image of its memory for the host to keep."""
    before = set(Path("/var/crash").glob("*")) if Path("/var/crash").is_dir() else set()
    said = await scene.said("ulimit -c; ulimit -Hc; cd /tmp; sh -c 'kill -SEGV $$'; ls /tmp | grep core")
    assert [line for line in said.splitlines() if "fault" not in line.lower()] == ["0", "0"], said
    assert not Path("/var/crash").is_dir() or set(Path("/var/crash").glob("*")) == before


async def attack_messages_of_the_server(scene: Scene) -> None:
    """What the server answers to bad requests names paths of the sandbox, not of the host."""
    calls = [
        scene.boxes.read(scene.box, path, limit=10)
        for path in (
            "/none",
            "/etc",
            "/proc/self/status",
            "/usr/bin",
            "/dev/null",
            "x" * 300,
            "/run/journeyman/main.in",
        )
    ]
    calls += [scene.boxes.exec(scene.box, ["/none"], cwd="/none")]
    for call in calls:
        try:
            said = str(await call)
        except Exception as error:
            said = str(error)
        assert str(scene.data_dir) not in said and "/proc/" not in said.replace("/proc/self/status", ""), said
        assert scene.data_dir.name not in said
