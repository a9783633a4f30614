"""Using up tables that the kernel has once for all."""

from pathlib import Path

from adversary.case import Skip, alone
from adversary.scene import Scene


@alone
async def attack_watches(scene: Scene) -> None:
    """inotify is counted for the whole host: a sandbox gets few instances, and cannot raise the number."""
    said = await scene.python(
        """
        print(sum(libc.inotify_init() >= 0 for _ in range(300)))
        for name in os.listdir('/proc/sys/user'):
            def raised():
                with open('/proc/sys/user/' + name, 'w') as file: file.write('1000000')
            expect(name, attempt(raised), 'EPERM', 'EACCES', 'EROFS')
        """
    )
    assert said == "24\n", said


@alone
async def attack_watches_by_a_library_of_the_next_start(scene: Scene) -> None:
    """Code that runs first at the next start takes instances before the limit is set."""
    source = """
    #include <sys/inotify.h>
    #include <stdlib.h>
    #include <unistd.h>
    #include <stdio.h>
    __attribute__((constructor)) static void first(void) {
      if (getpid() != 1) return;
      int n = 0; while (n < 100 && inotify_init() >= 0) n++;
      FILE *f = fopen("/tmp/taken", "w"); fprintf(f, "%d", n); fclose(f);
    }
    """
    await scene.put("/tmp/first.c", source.encode())
    if (await scene.sh("gcc -w -shared -fPIC -o /usr/local/lib/first.so /tmp/first.c")).exit_code != 0:
        raise Skip("there is no gcc inside")
    await scene.sh("echo /usr/local/lib/first.so >/etc/ld.so.preload")
    for _ in range(8):  # which of the two is first is chance
        await scene.restart()
        taken = await scene.said("cat /tmp/taken")
        assert taken and int(taken) <= 24, taken


@alone
async def attack_watched_files(scene: Scene) -> None:
    """The number of watched files is one for the host, too: a sandbox cannot take more than a part of it."""
    available = int(Path("/proc/sys/user/max_inotify_watches").read_text())
    limit = int(await scene.said("cat /proc/sys/user/max_inotify_watches"))
    assert limit <= max(available / 4, 16_384), (limit, available)


@alone
async def attack_terminals(scene: Scene) -> None:
    """Terminals are counted for the whole host: a sandbox that opens all it can leaves most to others."""
    most = int(Path("/proc/sys/kernel/pty/max").read_text())
    said = await scene.python(
        f"""
        made = []
        for _ in range({most}):
            try: made.append(os.open('/dev/ptmx', os.O_RDWR | os.O_NOCTTY))
            except OSError: break
        print(len(made))
        """
    )
    assert int(said) <= most / 8, said


@alone
async def attack_message_queues(scene: Scene) -> None:
    """The bytes of POSIX message queues are one sum for all sandboxes of a user: they are not offered."""
    await scene.fails(
        """
        for n in range(20): expect('mq_open', call(240, b'queue%d' % n, os.O_CREAT | os.O_RDWR, 0o600, 0))
        """
    )


@alone
async def attack_signals_and_timers(scene: Scene) -> None:
    """Pending signals and timers are one sum for all sandboxes of a user: one user of a sandbox gets a small part."""
    said = await scene.python(
        """
        made, timer = 0, ctypes.create_string_buffer(8)
        event = ctypes.create_string_buffer(struct.pack('qii', 0, 0, 1) + bytes(48))
        while made < 200000 and call(222, 1, event, timer) == 'ok': made += 1
        print(made)
        """,
        timeout=30,
    )
    assert int(said) <= 8192, said


@alone
async def attack_descriptors(scene: Scene) -> None:
    """Open files: a program runs into its limit, and the host has still many."""
    said = await scene.python(
        """
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        made = 0
        try:
            while True:
                os.dup(0); made += 1
        except OSError as e: print(made, errno.errorcode[e.errno])
        """
    )
    made, error = said.split()
    assert int(made) <= 65_536 and error == "EMFILE", said
    used, _, most = map(int, Path("/proc/sys/fs/file-nr").read_text().split())
    assert used < most / 2


@alone
async def attack_kernel_objects(scene: Scene) -> None:
    """Thousands of event counters, timers, polls, locks, shared segments and semaphores: the neighbour has all it needs."""
    await scene.python(
        """
        import select, resource
        held = []
        for make in (lambda: os.eventfd(0), lambda: select.epoll(), lambda: os.memfd_create('x'), lambda: os.pipe(),
                lambda: call(29, 0, 1 << 20, 0o1600), lambda: call(64, 0, 100, 0o1600), lambda: call(68, 0, 0o1600)):
            for _ in range(1000):
                try: held.append(make())
                except OSError: break
        file = open('/tmp/locks', 'wb')
        for n in range(2000):
            try: fcntl.lockf(file, fcntl.LOCK_EX, 1, 2 * n)
            except OSError: break
        """,
        timeout=30,
    )
    said = await scene.python(
        """
        import select
        held = [select.epoll(), os.pipe(), os.eventfd(0), os.memfd_create('x'), socket.socketpair()]
        for number, args in ((29, (0, 4096, 0o1600)), (64, (0, 1, 0o1600)), (68, (0, 0o1600))):
            if call(number, *args) != 'ok': print('refused', number)
        print('works')
        """,
        box=scene.neighbour,
    )
    assert said == "works\n", said
