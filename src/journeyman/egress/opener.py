"""A process without threads that forks one child for each namespace to enter: entering a user namespace takes one.

It is forked before anything large is loaded, and ends when the egress process does.
"""

import json
import os
import signal
import socket
from typing import Any

from journeyman.egress.kernel import Nft
from journeyman.egress.netns import open_sockets

MAX_SOCKETS = 16
_MAX_MESSAGE = 4096


def start(*foreign: int) -> socket.socket:
    """Fork the opener, which closes the `foreign` descriptors; the socket to ask it through.

    A message is a JSON object with a `key`, and carries the pidfd of a process in the namespace. The answer has the
    same `key`, and either the sockets, with `redirected`, or an `error`.
    """
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork():
        its.close()
        return ours
    ours.close()
    for descriptor in foreign:
        os.close(descriptor)
    try:
        _serve(its)
    finally:
        os._exit(0)


def _serve(asked: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are nobody's to wait for
    try:
        nft = Nft()
    except OSError:
        nft = None
    while True:
        message, descriptors, _, _ = socket.recv_fds(asked, _MAX_MESSAGE, 1)
        if not message:
            return
        if os.fork() == 0:
            try:
                _answer(asked, json.loads(message), descriptors[0], nft)
            finally:
                os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)


def _answer(asked: socket.socket, message: dict[str, Any], pidfd: int, nft: Nft | None) -> None:
    answer: dict[str, Any] = {"key": message["key"]}
    opened: list[socket.socket] = []
    try:
        opened, answer["redirected"] = open_sockets(pidfd, nft)
    except Exception as error:  # whatever it is, the asker waits for an answer
        answer["error"] = str(error) or repr(error)
    socket.send_fds(asked, [json.dumps(answer).encode()[:_MAX_MESSAGE]], [each.fileno() for each in opened])
