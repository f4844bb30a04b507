"""Bytes sent in pieces that the other side reads one by one: the next goes when the kernel says that the last was read
(inet_diag's receive queue of the peer's socket), so that no time has to be waited for.
"""
import contextlib
import os
import random
import socket
import struct
import threading
import time

_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _REQUEST = 4, 20, 1
_ESTABLISHED_AND_CLOSING = 0xfff
_BOUND = 2.0
_netlink = threading.local()


def _unread(local, peer):
    """Bytes that wait to be read at `peer`, on the connection from `local` (IPv4)."""
    if not hasattr(_netlink, "diag"):
        _netlink.diag = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG)
    diag = _netlink.diag
    ends = struct.pack("!HH", peer[1], local[1]) + socket.inet_aton(peer[0]) + bytes(12)
    ends += socket.inet_aton(local[0]) + bytes(12) + struct.pack("=III", 0, 0xffffffff, 0xffffffff)
    body = struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 0, _ESTABLISHED_AND_CLOSING) + ends
    diag.send(struct.pack("=IHHII", 16 + len(body), _SOCK_DIAG_BY_FAMILY, _REQUEST, 1, 0) + body)
    reply = diag.recv(4096)
    kind = struct.unpack_from("=H", reply, 4)[0]
    return struct.unpack_from("=I", reply, 16 + 56)[0] if kind == _SOCK_DIAG_BY_FAMILY else 0


def send_in_pieces(sender, wire, cuts=()):
    """`cuts`: where. ConnectionError when the peer has closed."""
    at = 0
    for cut in [*cuts, len(wire)]:
        if cut <= at:
            continue
        sender.sendall(wire[at:cut])
        at = cut
        if at < len(wire):
            _wait_read(sender)


def _wait_read(sender):
    with contextlib.suppress(OSError):
        local, peer = sender.getsockname(), sender.getpeername()
        until = time.monotonic() + _BOUND
        while _unread(local, peer) and time.monotonic() < until:
            os.sched_yield()


def ways_to_cut(wire, seed):
    """Lists of cuts: none, every byte of the first 600, and two at random."""
    random_cuts = random.Random(seed)
    yield []
    yield list(range(1, min(len(wire), 600)))
    for count in (1, 4):
        yield sorted({random_cuts.randrange(1, len(wire)) for _ in range(count)}) if len(wire) > 1 else []
