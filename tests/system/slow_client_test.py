"""Slow clients: slowhttptest's attacks and thousands of idle half-requests. The others notice nothing; the slow ones
are cut at their timeouts, each for its own reason.
"""
import contextlib
import resource
import selectors
import shutil
import socket
import unittest

from harness import Crowd, Meridian, ScriptedServer, Sites, SystemTest, main, parse_response, wait_until, web_config
from harness.process import Process

_SLOWHTTPTEST = shutil.which("slowhttptest")
MIB = 1 << 20


def raise_file_limit(wanted=8192):
    """For this process and the one it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


def sites(scope):
    return Sites(scope, names=["dallas"], endpoints=2)


def launch(scope, addresses, limits, **service):
    raise_file_limit()
    config = web_config(addresses, **service)
    config["listeners"]["web"]["limits"] = limits
    return Meridian(scope, config)


@unittest.skipUnless(_SLOWHTTPTEST, "slowhttptest is not installed (packaging/deps test)")
class SlowHttpTest(SystemTest):
    CONNECTIONS = 300

    def attack(self, meridian, reason, *arguments, path="/"):
        """Runs it, with a crowd beside, until each of its connections has been cut for `reason`."""
        def cut():
            return meridian.metric("meridian_failures_total", reason=reason)
        with Crowd(meridian.address(), clients=4) as crowd:
            process = Process(self.scope, [_SLOWHTTPTEST, *arguments, "-c", str(self.CONNECTIONS), "-r", "1000", "-l", "300",
                                           "-u", meridian.url(path)], self.scope.directory, "slowhttptest")
            wait_until(lambda: cut() >= self.CONNECTIONS, "%d are cut for %s" % (self.CONNECTIONS, reason), 60)
            process.kill()
            served = crowd.total()
            wait_until(lambda: crowd.total() > served, "the others are served on")
        self.assertEqual(crowd.failures, [])

    def test_slow_heads(self):
        meridian = launch(self.scope, sites(self.scope), {"header_timeout": "1s"})
        self.attack(meridian, "header-timeout", "-H", "-i", "1", "-x", "24")

    def test_slow_bodies(self):
        site = ScriptedServer(self.scope)
        meridian = launch(self.scope, {"dallas": [site.address]}, {"body_timeout": "1s"})
        self.attack(meridian, "body-timeout", "-B", "-i", "1", "-s", "8192", "-x", "10")

    def test_slow_readers(self):
        dallas = sites(self.scope)
        dallas["dallas"].add_file("large", size=64 * MIB)
        meridian = launch(self.scope, dallas, {}, timeouts={"idle": "1s"})
        before = meridian.process.resident_bytes()
        self.attack(meridian, "idle-timeout", "-X", "-n", "1", "-z", "8", "-w", "256", "-y", "512", path="/files/large")
        self.assertLess(meridian.process.resident_bytes() - before, 64 * MIB)


class HalfRequests(SystemTest):
    COUNT = 2000

    def test_two_thousand_idle_ones_harm_nobody(self):
        meridian = launch(self.scope, sites(self.scope), {"header_timeout": "2s"})
        address = meridian.address()
        selector = selectors.DefaultSelector()
        self.scope.callback(selector.close)
        with Crowd(address, clients=4) as crowd:
            for _ in range(self.COUNT):
                half = socket.create_connection(address, 20)
                self.scope.callback(half.close)
                half.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-A: ")
                selector.register(half, selectors.EVENT_READ, bytearray())
            answers = []
            while len(answers) < self.COUNT:
                ready = selector.select(20)
                self.assertTrue(ready, "only %d of them are cut" % len(answers))
                for key, _ in ready:
                    if not self.read(key):
                        selector.unregister(key.fileobj)
                        answers.append(bytes(key.data))
            served = crowd.total()
            wait_until(lambda: crowd.total() > served, "the others are served on")
        self.assertEqual(crowd.failures, [])
        for wire in answers:
            response = parse_response(wire.split(b"\r\n\r\n")[0])
            self.assertEqual((response.status, response.get("Meridian-Reason")), (408, "header-timeout"))
        self.assertEqual(meridian.metric("meridian_failures_total", reason="header-timeout"), self.COUNT)

    @staticmethod
    def read(key):
        """More of what it is told; False at the end."""
        data = b""
        with contextlib.suppress(ConnectionError):
            data = key.fileobj.recv(65536)
        key.data.extend(data)
        return bool(data)


if __name__ == "__main__":
    main()
