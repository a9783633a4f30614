"""Parts of the kernel that a sandbox has no business with."""

from pathlib import Path

from adversary.scene import Scene, x86_only


async def attack_rarely_needed_calls(scene: Scene) -> None:
    """Calls in which most kernel bugs were found are refused before they do anything."""
    x86_only()
    await scene.fails(
        """
        buffer = ctypes.create_string_buffer(256)
        calls = {'bpf': (321, 0, buffer, 128), 'perf_event_open': (298, buffer, 0, -1, -1, 0), 'userfaultfd': (323, 0),
            'userfaultfd user mode': (323, 1), 'io_uring_setup': (425, 8, buffer), 'io_uring_enter': (426, 0, 0, 0, 0, 0),
            'io_uring_register': (427, 0, 0, 0, 0), 'keyctl': (250, 0, -3, 0), 'add_key': (248, b'user', b'k', b'v', 1, -2),
            'request_key': (249, b'user', b'k', 0, -2), 'kexec_load': (246, 0, 0, 0, 0), 'kexec_file': (320, -1, -1, 0, 0, 0),
            'init_module': (175, buffer, 8, b''), 'finit_module': (313, -1, b'', 0), 'delete_module': (176, b'x', 0),
            'syslog': (103, 3, buffer, 256), 'reboot': (169, 0xfee1dead, 672274793, 0, 0), 'swapon': (167, b'/tmp/x', 0),
            'acct': (163, b'/tmp/x'), 'iopl': (172, 3), 'ioperm': (173, 0x70, 2, 1), 'quotactl': (179, 0x800007, b'/', 0, 0),
            'fanotify_init': (300, 0, 0), 'lookup_dcookie': (212, 1, buffer, 100), 'move_pages': (279, 0, 0, 0, 0, 0, 0),
            'kcmp': (312, 1, 1, 0, 0, 0), 'vhangup': (153,), 'sethostname': (170, b'x', 1), 'setdomainname': (171, b'x', 1),
            'sysfs': (139, 1, b'ext4'), 'ustat': (136, 0, buffer), 'uselib': (134, b'/tmp/x'), 'nfsservctl': (180, 0, 0, 0),
            'statmount': (457, buffer, buffer, 256, 0), 'listmount': (458, buffer, buffer, 8, 0), 'lsm': (459, 1, buffer, buffer, 0)}
        for name, args in calls.items(): expect(name, call(*args))
        """
    )


async def attack_the_clock(scene: Scene) -> None:
    """The host's clock cannot be set."""
    x86_only()
    await scene.fails(
        """
        now = ctypes.create_string_buffer(struct.pack('qq', 0, 0))
        change = ctypes.create_string_buffer(struct.pack('I', 0x8000) + bytes(252))
        expect('settimeofday', call(164, now, 0))
        expect('clock_settime', call(227, 0, now))
        expect('adjtimex', call(159, change))
        expect('clock_adjtime', call(305, 0, change))
        """
    )


async def attack_foreign_calls(scene: Scene) -> None:
    """The 32-bit and x32 tables would go round the filter, which knows one architecture: such a call ends the process."""
    x86_only()
    program = await scene.program(
        r"""
        #include <stdio.h>
        #include <stdlib.h>
        #include <unistd.h>
        #include <sys/syscall.h>
        int main(int argc, char **argv) {
          long r = -1;
          switch (atoi(argv[1])) {
            case 0: __asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory"); break;              /* getpid */
            case 1: __asm__ volatile("int $0x80" : "=a"(r) : "a"(359L), "b"(40L), "c"(1L), "d"(0L)); break; /* vsock */
            case 2: __asm__ volatile("int $0x80" : "=a"(r) : "a"(102L), "b"(1L), "c"(0L)); break;        /* socketcall */
            case 3: r = syscall(0x40000000 | SYS_getpid); break;
            case 4: r = syscall(0x40000000 | SYS_socket, 40, 1, 0); break;
            case 5: r = syscall(0x40000000 | 512); break;
          }
          printf("%s\n", r >= 0 ? "SUCCEEDED" : "refused");
        }
        """
    )
    said = await scene.said(f"for n in 0 1 2 3 4 5; do {program} $n; done 2>&1")
    assert "SUCCEEDED" not in said, said


async def attack_a_tracer_changes_calls(scene: Scene) -> None:
    """A tracer turns a permitted call into a forbidden one after it was made: the filter looks at it again."""
    x86_only()
    program = await scene.program(
        r"""
        #include <stdio.h>
        #include <signal.h>
        #include <unistd.h>
        #include <sys/ptrace.h>
        #include <sys/syscall.h>
        #include <sys/user.h>
        #include <sys/wait.h>
        int main(void) {
          pid_t child = fork();
          if (!child) { ptrace(PTRACE_TRACEME, 0, 0, 0); raise(SIGSTOP); _exit(syscall(SYS_getppid) == 0 ? 77 : 1); }
          int status; struct user_regs_struct regs; int changed = 0;
          waitpid(child, &status, 0);
          ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD);
          while (1) {
            ptrace(PTRACE_SYSCALL, child, 0, 0);
            waitpid(child, &status, 0);
            if (!WIFSTOPPED(status)) break;
            ptrace(PTRACE_GETREGS, child, 0, &regs);
            if (!changed && regs.orig_rax == SYS_getppid) {
              regs.orig_rax = SYS_unshare; regs.rdi = 0x10000000; ptrace(PTRACE_SETREGS, child, 0, &regs); changed = 1;
            }
          }
          printf("%d %s\n", changed, WEXITSTATUS(status) == 77 ? "SUCCEEDED" : "refused");
        }
        """
    )
    said = await scene.said(program)
    assert said == "1 refused\n", said


async def attack_terminals(scene: Scene) -> None:
    """Pushing characters into a terminal's input (TIOCSTI, TIOCLINUX) is refused or has no terminal to reach."""
    x86_only()
    await scene.fails(
        """
        import pty
        master, slave = pty.openpty()
        os.setsid()
        attempt(lambda: fcntl.ioctl(slave, 0x540e, 0))
        for high in (0, 1 << 32, 1 << 63):
            expect('TIOCSTI', call(16, slave, high | 0x5412, b'x'))
        expect('TIOCLINUX', call(16, slave, 0x541c, b'\\3'), 'EPERM', 'ENOTTY', 'EINVAL')
        expect('TIOCCONS', call(16, slave, 0x541d, 0))
        expect('the console', attempt(lambda: os.open('/dev/console', os.O_RDWR)), 'ENOENT', 'EACCES', 'ENXIO')
        """
    )


async def attack_personalities(scene: Scene) -> None:
    """A personality that makes memory executable or addresses guessable is refused."""
    x86_only()
    await scene.fails(
        """
        for value in (0x400000, 0x40000, 0x100000, 0x8000000, 0x0400000 | 8):
            expect(f'{value:x}', call(135, value))
        """
    )


async def attack_shared_tables_by_io_contexts(scene: Scene) -> None:
    """The kernel has one count of asynchronous contexts for all; a single call would take it whole, so it is refused."""
    x86_only()
    before = Path("/proc/sys/fs/aio-nr").read_text()
    await scene.fails("expect('io_setup', call(206, 60000, ctypes.create_string_buffer(8)))")
    assert Path("/proc/sys/fs/aio-nr").read_text() == before
