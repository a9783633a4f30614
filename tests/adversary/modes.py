"""Attacks that are tried for every kind of network."""

import os
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from adversary.case import Attack, Skip
from adversary.scene import Scene, fresh_name
from journeyman.sandboxes.port import Network, Spec

MODES = ("none", "limited", "unrestricted")


CONNECT = """
def reach(address, port, kind=socket.SOCK_STREAM, family=None):
    '''What a connection answered: the first bytes, or nothing.'''
    try:
        found = socket.getaddrinfo(address, port, family or 0, kind)[0]
        with socket.socket(found[0], kind) as connection:
            connection.settimeout(2)
            connection.connect(found[4])
            connection.sendall(b'GET /latest/meta-data/ HTTP/1.0\\r\\nHost: ' + address.encode() + b'\\r\\n\\r\\n')
            return connection.recv(1000)
    except (OSError, UnicodeError): return b''
def side_by_side(tries):
    def one(index): answers[index] = reach(*tries[index])
    answers = [b''] * len(tries)
    threads = [threading.Thread(target=one, args=(index,)) for index in range(len(tries))]
    for thread in threads: thread.start()
    for thread in threads: thread.join(8)
    return zip(tries, answers)
"""


async def _sandbox(scene: Scene, mode: Any) -> str:
    """A sandbox with this network."""
    if mode == "none":
        return scene.box
    if not os.access(sys.executable, os.X_OK):
        raise Skip("this user cannot start the interpreter, so no egress process either")
    name = fresh_name(f"net-{mode}")
    hosts = ("127.0.0.1", "localhost", "169.254.169.254") if mode == "limited" else ()
    await scene.boxes.create(name, Spec(network=Network(mode, hosts=hosts)))
    return name


def for_every_mode(attack: Callable[[Scene, str], Awaitable[None]]) -> dict[str, Attack]:
    async def run(mode: str, scene: Scene) -> None:
        box = await _sandbox(scene, mode)
        try:
            await attack(scene, box)
        finally:
            if box != scene.box:
                await scene.boxes.destroy(box)

    return {f"{attack.__name__.removeprefix('_')}_with_{mode}": _named(partial(run, mode), attack) for mode in MODES}


def _named(call: Attack, attack: Callable[..., Any]) -> Attack:
    async def tried(scene: Scene) -> None:
        await call(scene)

    tried.__doc__ = attack.__doc__
    return tried
