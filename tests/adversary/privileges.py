"""Getting back what was taken from a sandbox."""

from adversary.scene import Scene, x86_only


async def attack_taking_off_the_filter(scene: Scene) -> None:
    """A system call filter can only be added to."""
    x86_only()
    await scene.fails(
        """
        expect('prctl', call(157, 22, 0, 0, 0, 0), 'EINVAL')
        expect('suspend', call(101, 0x4206, os.getppid(), 0, 0x200000), 'EPERM', 'EINVAL', 'ESRCH')
        expect('no new privileges', call(157, 38, 0, 0, 0, 0), 'EINVAL')
        fields = dict(line.split(':', 1) for line in open('/proc/self/status'))
        if fields['Seccomp'].strip() != '2' or fields['NoNewPrivs'].strip() != '1': print(fields)
        """
    )


async def attack_capabilities(scene: Scene) -> None:
    """What was cut from the bounding set cannot be had again: not by capset, ambient sets, secure bits or programs."""
    x86_only()
    await scene.fails(
        """
        header = ctypes.create_string_buffer(struct.pack('Ii', 0x20080522, 0))
        every = ctypes.create_string_buffer(struct.pack('6I', *[0xffffffff] * 6))
        expect('capset', call(126, header, every))
        for cap in (12, 13, 16, 17, 19, 21, 22, 25, 27, 31, 34, 38, 39, 40):
            expect('ambient', call(157, 47, 2, cap, 0, 0), 'EPERM', 'EINVAL')
        call(157, 28, 0, 0, 0, 0)
        fields = dict(line.split(':', 1) for line in open('/proc/self/status'))
        for name in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'):
            for cap in (12, 13, 16, 17, 19, 21, 22, 25, 27, 31, 34, 38, 39, 40):
                if int(fields[name], 16) >> cap & 1: print(name, cap)
        """
    )


async def attack_programs_with_privileges(scene: Scene) -> None:
    """Set-user-id programs and file capabilities give an unprivileged user nothing: no new privileges, and no marks."""
    await scene.python(
        """
        import shutil
        for place in ('/tmp/', '/workspace/', '/usr/local/bin/', '/dev/shm/'):
            path = place + 'privileged'
            shutil.copy(os.path.realpath('/usr/bin/cat'), path)
            os.chmod(path, 0o6755)
            for name, value in (('security.capability', bytes.fromhex('0100000202000000000000000000000000000000')),
                                ('trusted.x', b'y'), ('security.selinux', b'y')):
                said = attempt(lambda: os.setxattr(path, name, value))
                if name == 'security.capability': expect(path + name, said, 'EPERM', 'EOPNOTSUPP', 'EINVAL')
        """
    )
    said = await scene.python(
        """
        if attempt(lambda: (os.setgroups([]), os.setresgid(65534, 65534, 65534), os.setresuid(65534, 65534, 65534))) == 'ok':
            import subprocess
            os.chdir('/')
            for place in ('/tmp/', '/workspace/', '/usr/local/bin/'):
                print(subprocess.run([place + 'privileged', '/proc/self/status'], capture_output=True, text=True).stdout)
        """
    )
    effective = [line.split()[2] for line in said.splitlines() if line.startswith("Uid:")]
    assert set(effective) <= {"65534"}, said


async def attack_priorities(scene: Scene) -> None:
    """A sandbox cannot put itself before others: not by niceness, real time, I/O class or the memory killer's order."""
    x86_only()
    await scene.fails(
        """
        expect('nice', call(141, 0, 0, -20), 'EACCES', 'EPERM')
        expect('ioprio', call(251, 1, 0, 1 << 13), 'EPERM')
        for policy in (1, 2):
            expect('real time', call(144, 0, policy, ctypes.create_string_buffer(struct.pack('i', 50))))
        deadline = struct.pack('IIQiIQQQ', 48, 6, 0, 0, 0, 10**7, 10**8, 10**8)
        expect('deadline', call(314, 0, ctypes.create_string_buffer(deadline), 0))
        before = int(open('/proc/self/oom_score_adj').read())
        def spare():
            with open('/proc/self/oom_score_adj', 'w') as file: file.write('-1')
        expect('oom_score_adj', attempt(spare), 'EACCES')
        for limit in (4, 6, 8, 11, 12, 13, 14):
            many = struct.pack('QQ', 1 << 40, 1 << 40)
            soft, hard = struct.unpack('QQ', struct.pack('qq', *__import__('resource').getrlimit(limit)))
            if hard < 1 << 40: expect(f'limit {limit}', call(160, limit, ctypes.create_string_buffer(many)))
        """
    )
