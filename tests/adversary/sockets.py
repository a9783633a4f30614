"""Kinds of sockets that a sandbox has no business with."""

from adversary.scene import Scene, x86_only


async def attack_kinds_of_sockets(scene: Scene) -> None:
    """Only Unix, IPv4, IPv6 and two netlink protocols: no packets, no vsock, no crypto, bluetooth or other rarity."""
    x86_only()
    await scene.fails(
        """
        refused = ('EAFNOSUPPORT', 'EPROTONOSUPPORT', 'EPERM', 'EACCES', 'ENOSYS', 'ESOCKTNOSUPPORT', 'EINVAL')
        for family in [*range(3, 10), *range(11, 16), *range(17, 50), 1 << 31]:
            for kind in (1, 2, 3, 5):
                for high in (0, 1 << 32): expect(f'family {family} {kind}', call(41, high | family, kind, 0), *refused)
                expect(f'pair {family}', call(53, family, kind, 0, ctypes.create_string_buffer(8)), *refused)
        for family in (2, 10):
            for kind, protocol in ((3, 255), (3, 1), (3, 58), (10, 0x300), (6, 33), (5, 132), (1, 132), (2, 115), (2, 136),
                    (1, 256), (1, 262), (1, 285)):
                expect(f'family {family}, type {kind}, protocol {protocol}', call(41, family, kind, protocol), *refused)
        """
    )


async def attack_netlink(scene: Scene) -> None:
    """Of the kernel's netlink interfaces only routes and socket diagnosis are open: no netfilter, audit, crypto, generic."""
    x86_only()
    await scene.fails(
        """
        refused = ('EPROTONOSUPPORT', 'EPERM', 'EACCES', 'ENOSYS', 'EAFNOSUPPORT')
        for protocol in (*range(1, 4), *range(5, 32), 1 << 20):
            expect(f'protocol {protocol}', call(41, 16, 3, protocol), *refused)
        """
    )
