"""Ways to the host that the kernel offers as files and devices."""

from adversary.scene import Scene, x86_only


async def attack_helpers_the_kernel_runs(scene: Scene) -> None:
    """core_pattern, modprobe, hotplug, binfmt_misc, sysrq and the rest of /proc/sys are read-only."""
    await scene.fails(
        """
        paths = ['/proc/sysrq-trigger', '/proc/sys/fs/binfmt_misc/register', '/sys/kernel/uevent_helper']
        names = ['core_pattern', 'modprobe', 'hotplug', 'poweroff_cmd', 'sysrq', 'panic', 'randomize_va_space',
            'yama/ptrace_scope', 'unprivileged_bpf_disabled', 'dmesg_restrict', 'hostname', 'domainname', 'ns_last_pid',
            'threads-max', 'shmmax', 'msgmax', 'pid_max']
        paths += ['/proc/sys/kernel/' + name for name in names]
        paths += ['/proc/sys/vm/drop_caches', '/proc/sys/vm/overcommit_memory', '/proc/sys/fs/file-max',
            '/proc/sys/fs/protected_hardlinks', '/proc/sys/fs/suid_dumpable', '/proc/sys/net/ipv4/ip_forward',
            '/proc/irq/default_smp_affinity', '/proc/bus/pci/00/00.0', '/proc/fs/jbd2', '/proc/acpi/wakeup',
            '/proc/scsi/scsi', '/proc/mtrr', '/proc/timer_stats', '/proc/dynamic_debug/control', '/proc/latency_stats',
            '/proc/1/timens_offsets', '/proc/self/uid_map', '/proc/self/gid_map', '/proc/self/setgroups',
            '/proc/self/projid_map']
        for path in paths:
            def write():
                with open(path, 'w') as file: file.write('1')
            expect(path, attempt(write), 'EPERM', 'EACCES', 'EROFS', 'ENOENT', 'EINVAL', 'EISDIR')
        """
    )


async def attack_control_groups(scene: Scene) -> None:
    """There is no control group filesystem to leave a limit by, or to have a release_agent run on the host."""
    said = await scene.said(
        "find / -xdev -name release_agent -o -xdev -name cgroup.procs 2>/dev/null; ls -A /sys; cat /proc/self/cgroup"
    )
    assert [line for line in said.splitlines() if not line.endswith(":/")] == [], said


async def attack_devices(scene: Scene) -> None:
    """No device can be made, and none that stands there reaches the host."""
    said = await scene.python(
        """
        import stat
        for name, kind, major, minor in [('mem', 'c', 1, 1), ('kmsg', 'c', 1, 11), ('port', 'c', 1, 4),
                ('fuse', 'c', 10, 229), ('kvm', 'c', 10, 232), ('tun', 'c', 10, 200), ('loop', 'b', 7, 0),
                ('sda', 'b', 8, 0), ('vda', 'b', 254, 0), ('dm', 'b', 253, 0), ('vsock', 'c', 10, 119)]:
            mode = 0o666 | (stat.S_IFCHR if kind == 'c' else stat.S_IFBLK)
            for place in ('/tmp/', '/dev/', '/dev/shm/', '/etc/'):
                expect(place + name, attempt(lambda: os.mknod(place + name, mode, os.makedev(major, minor))))
        def walk(folder):
            for entry in os.scandir(folder):
                if entry.is_dir(follow_symlinks=False): walk(entry.path)
                elif stat.S_ISCHR(entry.stat(follow_symlinks=False).st_mode) and folder != '/dev/pts': print(entry.path)
                elif stat.S_ISBLK(entry.stat(follow_symlinks=False).st_mode): print('block', entry.path)
        walk('/dev')
        """
    )
    known = {f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty")}
    assert set(said.split()) <= known, said


async def attack_file_handles(scene: Scene) -> None:
    """Opening the host's root by its inode number (Shocker): calls for file handles are refused."""
    x86_only()
    await scene.fails(
        """
        handle = struct.pack('IiQ', 8, 1, 2)
        for base in ('/', '/etc', '/usr', '/run/journeyman', '/workspace'):
            descriptor = os.open(base, os.O_RDONLY)
            expect('open_by_handle_at', call(304, descriptor, ctypes.create_string_buffer(handle), 0))
            buffer = ctypes.create_string_buffer(struct.pack('Ii', 128, 0) + bytes(128))
            expect('name_to_handle_at', call(303, descriptor, b'', buffer, ctypes.create_string_buffer(8), 0x1000))
        """
    )
