"""Ports for peers that cannot report what port 0 gave them, or must come back on the same one.

They are taken below the kernel's ephemeral range, so that no outgoing connection of a test running
at the same time can sit on one while its server is down. An abstract Unix socket named after the
port, held until the test's process ends, keeps other tests off it.
"""
import random
import socket

_FIRST, _LAST = 12000, 31000
_held = []


def free_port():
    """A TCP port of 127.0.0.1 that nobody listens on, reserved for this process."""
    for _ in range(1000):
        port = random.randrange(_FIRST, _LAST)
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            lock.bind("\0meridian-test-port-%d" % port)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
            continue
        _held.append(lock)
        return port
    raise RuntimeError("no free port between %d and %d" % (_FIRST, _LAST))
