"""Reaching what a sandbox must never reach, whatever its network is; each is tried for every kind of network."""

from adversary.modes import CONNECT, for_every_mode
from adversary.scene import Scene, x86_only


async def _attack_loopback_of_the_host(scene: Scene, box: str) -> None:
    """A server on the host's loopback, in every spelling of the address: the sandbox's loopback is its own."""
    said = await scene.python(
        CONNECT
        + """
names = ['127.0.0.1', '127.1', '127.0.0.2', '0x7f000001', '2130706433', '017700000001', '0', '0.0.0.0', 'localhost', '::1',
    '::', '::ffff:127.0.0.1', '::ffff:7f00:1', '127.0.0.1.', 'localhost.', 'LOCALHOST', '64:ff9b::7f00:1', '::127.0.0.1',
    '2002:7f00:1::', 'host.docker.internal', 'gateway.docker.internal', 'host.containers.internal']
for (name, port), answer in side_by_side([(name, int(sys.argv[1])) for name in names]):
    if sys.argv[2][::-1].encode() in answer: print('REACHED', name)
print('tried')
""",
        str(scene.loopback),
        scene.secret[::-1],
        box=box,
        timeout=40,
    )
    assert said == "tried\n", said


async def _attack_metadata(scene: Scene, box: str) -> None:
    """The cloud's metadata services, by address, name and spelling: nobody answers with success."""
    said = await scene.python(
        CONNECT
        + """
names = ['169.254.169.254', '0xa9fea9fe', '2852039166', '0251.0376.0251.0376', '169.254.43518', '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe', '64:ff9b::a9fe:a9fe', '2002:a9fe:a9fe::', 'fd00:ec2::254', 'fe80::a9fe:a9fe%lo', '100.100.100.200',
    '192.0.0.192', '168.63.129.16', '169.254.170.2', 'metadata.google.internal', 'metadata', 'instance-data']
for (name, port), answer in side_by_side([(name, 80) for name in names]):
    if b' 200 ' in answer or b' 401 ' in answer or b' 301 ' in answer: print('REACHED', name, answer[:80])
print('tried')
""",
        box=box,
        timeout=40,
    )
    assert said == "tried\n", said


async def _attack_private_networks(scene: Scene, box: str) -> None:
    """Private, shared, link-local, multicast and documentation addresses: nobody answers with success."""
    said = await scene.python(
        CONNECT
        + """
names = ['10.0.0.1', '10.0.2.2', '10.0.2.3', '172.17.0.1', '172.16.0.1', '192.168.0.1', '192.168.1.1', '100.64.0.1',
    '169.254.1.1', '198.18.0.2', '224.0.0.1', '240.0.0.1', '255.255.255.255', 'fe80::1%lo', 'fc00::1', 'ff02::1%lo', '192.0.2.1']
for (name, port), answer in side_by_side([(name, port) for name in names for port in (22, 80)]):
    if answer[:4] == b'SSH-' or b' 200 ' in answer: print('REACHED', name, answer[:80])
print('tried')
""",
        box=box,
        timeout=40,
    )
    assert said == "tried\n", said


async def _attack_datagrams(scene: Scene, box: str) -> None:
    """Datagrams and echo requests to the outside are answered by nobody."""
    said = await scene.python(
        """
        query = bytes.fromhex('123401000001000000000000076578616d706c6503636f6d0000010001')
        for address, port in (('8.8.8.8', 53), ('1.1.1.1', 53), ('169.254.169.253', 53), ('169.254.169.123', 123),
                ('255.255.255.255', 67), ('224.0.0.251', 5353), ('239.255.255.250', 1900)):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
                connection.settimeout(0.2)
                try:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                    connection.sendto(query, (address, port))
                    print('ANSWERED', address, connection.recvfrom(100))
                except OSError: pass
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as connection:
                connection.settimeout(0.2)
                connection.sendto(bytes.fromhex('0800f7ff00000000'), ('1.1.1.1', 0))
                print('ANSWERED', connection.recvfrom(100))
        except OSError: pass
        print('tried')
        """,
        box=box,
    )
    assert said == "tried\n", said


async def _attack_routes_and_interfaces(scene: Scene, box: str) -> None:
    """Interfaces, addresses, routes, rules and tunnels cannot be made or changed."""
    x86_only()
    said = await scene.python(
        """
        def request(kind, body, flags=0x0605):
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
                netlink.send(struct.pack('IHHII', 16 + len(body), kind, flags, 1, 0) + body)
                return struct.unpack('i', netlink.recv(4096)[16:20])[0]
        lo = socket.if_nametoindex('lo')
        name = struct.pack('HH', 8, 3) + b'x0\\0\\0'
        def kind(text): return struct.pack('HHHH', 8 + len(text), 18, 4 + len(text), 1) + text
        for label, number, body in [
                ('address', 20, struct.pack('BBBBI', 2, 8, 0, 0, lo) + struct.pack('HH', 8, 2) + bytes([10, 0, 0, 9])),
                ('route', 24, struct.pack('BBBBBBBBI', 2, 0, 0, 0, 254, 3, 0, 1, 0) + struct.pack('HHI', 8, 4, lo)),
                ('local route', 24, struct.pack('BBBBBBBBI', 2, 0, 0, 0, 255, 3, 254, 2, 0) + struct.pack('HHI', 8, 4, lo)),
                ('rule', 32, struct.pack('BBBBBBBBI', 2, 0, 0, 0, 254, 0, 0, 1, 0)),
                ('neighbour', 28, struct.pack('BxHiHBB', 2, 0, lo, 2, 0, 1) + struct.pack('HH', 8, 1) + bytes([1, 1, 1, 1])),
                ('dummy', 16, struct.pack('BxHiII', 0, 0, 0, 1, 1) + name + kind(b'dummy\\0\\0\\0')),
                ('veth', 16, struct.pack('BxHiII', 0, 0, 0, 1, 1) + name + kind(b'veth\\0\\0\\0\\0')),
                ('lo down', 16, struct.pack('BxHiII', 0, 0, lo, 0, 1)),
                ('qdisc', 36, struct.pack('BxHiIII', 0, 0, lo, 0, 0xffffffff, 0))]:
            expect(label, 'ok' if (r := request(number, body)) == 0 else errno.errorcode.get(-r, str(r)), 'EPERM')
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for number in (0x8914, 0x8916, 0x890b, 0x8922, 0x8924, 0x89f0, 0x89a0, 0x8946):
                ifreq = ctypes.create_string_buffer(b'lo'.ljust(16, b'\\0') + bytes(48))
                expect(hex(number), call(16, s.fileno(), number, ifreq), 'EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'ENOTTY', 'EINVAL', 'ENOPKG', 'EFAULT', 'EADDRNOTAVAIL', 'ENODEV')
            for level, option, value in ((0, 19, 1), (1, 25, b'eth0'), (1, 36, 1), (41, 75, 1)):
                try:
                    s.setsockopt(level, option, value)
                    if (level, option) not in ((1, 25), (41, 75)): print('SUCCEEDED', level, option)
                except OSError: pass
        expect('tun', attempt(lambda: os.open('/dev/net/tun', os.O_RDWR)), 'ENOENT', 'EACCES')
        print('tried')
        """,
        box=box,
    )
    assert said == "tried\n", said


async def _attack_sockets_of_the_host(scene: Scene, box: str) -> None:
    """Unix sockets of the host, abstract or of the engines and daemons, are not there."""
    said = await scene.python(
        """
        names = ['\\0' + sys.argv[1], '/run/docker.sock', '/var/run/docker.sock', '/run/containerd/containerd.sock',
            '/run/dbus/system_bus_socket', '/run/systemd/private', '/run/systemd/journal/socket', '/dev/log',
            '/run/podman/podman.sock', '/run/user/0/bus', '/tmp/.X11-unix/X0', '\\0/tmp/.X11-unix/X0', '\\0/tmp/dbus',
            '/run/snapd.socket', '/run/postgresql/.s.PGSQL.5432', '/proc/1/root/run/docker.sock']
        for name in names:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
                with socket.socket(socket.AF_UNIX, kind) as s:
                    expect(repr(name), attempt(lambda: s.connect(name)), 'ECONNREFUSED', 'ENOENT', 'EACCES')
        print('tried')
        """,
        scene.abstract,
        box=box,
    )
    assert said == "tried\n", said


async def attack_only_loopback_is_there(scene: Scene) -> None:
    """The sandbox has one interface, and its own servers work on it."""
    assert (await scene.said("tail -n +3 /proc/net/dev | cut -d: -f1")).split() == ["lo"]
    said = await scene.python(
        """
        for family, address in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1')):
            try: server = socket.create_server((address, 0), family=family)
            except OSError: continue
            socket.create_connection(server.getsockname()[:2], 2).close()
        print('works')
        """
    )
    assert said == "works\n", said


for _each in (
    _attack_loopback_of_the_host,
    _attack_metadata,
    _attack_private_networks,
    _attack_datagrams,
    _attack_routes_and_interfaces,
    _attack_sockets_of_the_host,
):
    globals().update(for_every_mode(_each))
