"""Without nft: listeners on the ports that matter, which see the original destination as their own address."""

import os
import socket
from pathlib import Path

import pytest
from egress.box import Box

from journeyman.egress import kernel, netns

pytestmark = pytest.mark.anyio


async def test_every_address_leads_to_the_listeners(box: Box) -> None:
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pidfd = os.pidfd_open(box.pid)
    if os.fork() == 0:
        opened, redirected = netns.open_sockets(pidfd, None)
        socket.send_fds(its, [str(redirected).encode()], [each.fileno() for each in opened])
        os._exit(0)
    os.close(pidfd)
    said, descriptors, _, _ = socket.recv_fds(ours, 100, 32)
    os.wait()
    assert said == b"False"
    sockets = [socket.socket(fileno=descriptor) for descriptor in descriptors]
    listeners = {each.getsockname()[:2]: each for each in sockets if each.type == socket.SOCK_STREAM}
    assert set(listeners) >= {("0.0.0.0", port) for port in netns.PLAIN_PORTS}
    await box.python("[socket.create_connection((host, 443), 5) for host in ('9.9.9.9', '10.1.2.3')]")
    seen = [listeners["0.0.0.0", 443].accept()[0].getsockname() for _ in range(2)]
    assert seen == [("9.9.9.9", 443), ("10.1.2.3", 443)]
    assert "refused" in await box.python("socket.create_connection(('9.9.9.9', 444), 5)")
    for each in sockets:
        each.close()


def test_what_nft_refuses_is_said() -> None:
    if not Path("/proc/net/netfilter").exists():
        pytest.skip("no netfilter here")
    with pytest.raises(OSError, match=r"nft: .*syntax error"):
        kernel.Nft().run("no such command")
