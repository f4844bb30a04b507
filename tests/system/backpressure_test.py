"""A body of 1 GiB for a side that does not read: what Meridian holds of it is bounded, by each protocol, each way.

Memory is the process's resident bytes, seen from outside. A transfer has stalled when what has gone stays the same over
many looks; then the reader goes on a little, to see that the transfer does too, and leaves.
"""
import contextlib
import ssl
import struct
import threading
import unittest

from harness import (Authority, Connection, Meridian, ScriptedServer, Sites, SystemTest, answer, main, python_thread,
                     wait_until, web_config)
from harness.http2 import DATA, WINDOW_UPDATE, Http2Client, frame
from harness.node import HAVE_NODE, MISSING, NodeServer

MIB = 1 << 20
SIZE = 1024 * MIB
MOST = 24 * MIB
_LOOKS = 40
_WIDE = (1 << 31) - 1


def settled(value):
    """Waits until value() is above zero and has been the same over many looks, and gives it."""
    seen = [None, 0]

    def same():
        now = value()
        seen[1] = seen[1] + 1 if now == seen[0] and now > 0 else 0
        seen[0] = now
        return seen[1] >= _LOOKS
    wait_until(same, "the transfer stalls", 60)
    return seen[0]


class Peers:
    """Meridian with a plain listener and one with TLS, before a site of Debian's nginx or a given one."""

    def __init__(self, scope, addresses, **service):
        self.authority = Authority(scope)
        config = web_config({"dallas": addresses}, **service)
        plain = config["listeners"]["web"]
        config["listeners"]["tls"] = {**plain, "tls": {"certificates": [self.authority.issue("app", "app.test")]}}
        self.meridian = Meridian(scope, config)

    def connect(self, listener, protocol="http/1.1"):
        """A connection with a small receive buffer, over TLS if the listener has it."""
        connection = Connection(self.meridian.address(listener), timeout=60, receive_buffer=65536)
        if listener == "tls":
            context = ssl.create_default_context(cafile=self.authority.certificate)
            context.set_alpn_protocols([protocol])
            connection.socket = context.wrap_socket(connection.socket, server_hostname="app.test")
        return connection

    def warm(self):
        """Resident bytes once each listener has served a request."""
        for listener in ("web", "tls"):
            with self.connect(listener) as connection:
                connection.request(path="/healthz")
        return self.meridian.process.resident_bytes()


def drain(connection, size):
    while size > 0:
        data = connection.socket.recv(MIB)
        if not data:
            raise ConnectionError("the connection ended with %d bytes to come" % size)
        size -= len(data)


class SlowReader(SystemTest):
    """A client that asks for 1 GiB and does not read."""

    @classmethod
    def start(cls):
        sites = Sites(cls.shared, names=["dallas"], endpoints=1)
        sites["dallas"].add_file("huge", size=SIZE)
        cls.peers = Peers(cls.shared, sites.addresses("dallas"))
        cls.before = cls.peers.warm()

    def stalls(self):
        """Bytes that had been sent to the client when that stopped."""
        sent = settled(lambda: self.peers.meridian.metric("meridian_sent_bytes_total") - self.sent_before)
        self.assertLess(sent, SIZE / 4)
        self.assertLess(self.peers.meridian.process.resident_bytes() - self.before, MOST)
        return sent

    def begin(self):
        self.sent_before = self.peers.meridian.metric("meridian_sent_bytes_total")

    def test_by_http_1_and_by_tls(self):
        for listener in ("web", "tls"):
            with self.subTest(listener), self.peers.connect(listener) as connection:
                self.begin()
                connection.ask("GET", "/files/huge")
                stalled = self.stalls()
                self.assertEqual(connection.read_head().get("Content-Length"), str(SIZE))
                drain(connection, stalled + 8 * MIB)
                self.stalls()

    def test_by_http_2_its_windows_open_and_the_connection_full(self):
        for listener in ("web", "tls"):
            with self.subTest(listener), self.peers.connect(listener, "h2") as connection:
                self.begin()
                client = Http2Client(connection.socket, window=_WIDE)
                client.ask(1, path="/files/huge")
                stalled = self.stalls()
                client.read_status(1)
                drain(connection, stalled + 8 * MIB)
                self.stalls()

    def test_by_http_2_its_window_shut(self):
        with self.peers.connect("tls", "h2") as connection:
            self.begin()
            client = Http2Client(connection.socket)
            client.ask(1, path="/files/huge")
            client.read_status(1)
            received = 0
            while received < 65535:
                kind, _, _, payload = client.read_frame()
                received += len(payload) if kind == DATA else 0
            self.stalls()
            more = struct.pack(">I", MIB)
            connection.send(frame(WINDOW_UPDATE, more) + frame(WINDOW_UPDATE, more, stream=1))
            while received < 65535 + MIB:
                kind, _, _, payload = client.read_frame()
                received += len(payload) if kind == DATA else 0
            self.stalls()


class SlowBackend(SystemTest):
    """A server that is sent 1 GiB and does not read it at first."""

    def setUp(self):
        super().setUp()
        self.go_on = threading.Event()
        self.scope.callback(self.go_on.set)

        def read_late(request, connection):
            if request.method == "POST":
                self.go_on.wait(60)
                connection.read_exactly(8 * MIB)
                connection.send(answer())
                connection.close()
        site = ScriptedServer(self.scope, read_late)
        self.peers = Peers(self.scope, [site.address])
        self.before = self.peers.warm()

    def stalls(self, send_some):
        """Sends in a thread until it stalls; then the server reads a little and more can be sent."""
        sent = [0]

        def send():
            try:
                while sent[0] < SIZE:
                    sent[0] += send_some()
            except OSError:
                pass  # the server has answered without reading it all
        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        stalled = settled(lambda: sent[0])
        self.assertLess(stalled, SIZE / 4)
        self.assertLess(self.peers.meridian.process.resident_bytes() - self.before, MOST)
        self.go_on.set()
        wait_until(lambda: sent[0] > stalled or not thread.is_alive(), "the upload goes on", 20)
        return thread

    def upload(self, connection):
        piece = bytes(MIB // 4)
        connection.ask("POST", "/", {"Content-Length": str(SIZE)})

        def some():
            connection.send(piece)
            return len(piece)
        thread = self.stalls(some)
        connection.close()
        thread.join(20)

    def test_by_http_1(self):
        self.upload(self.peers.connect("web"))

    def test_by_tls(self):
        self.upload(self.peers.connect("tls"))

    def test_by_http_2(self):
        for listener in ("web", "tls"):
            self.go_on.clear()
            with self.subTest(listener), self.peers.connect(listener, "h2") as connection:
                client = Http2Client(connection.socket)
                client.ask(1, "POST", fields=[("content-length", str(SIZE))], end=False)
                thread = self.stalls(lambda: client.send_data(1, 16384))
            thread.join(20)


@unittest.skipUnless(HAVE_NODE, MISSING)
class Http2Backend(SystemTest):
    """A server of HTTP/2 (node's), to which each client is a stream of a shared connection."""

    @classmethod
    def start(cls):
        server = NodeServer(cls.shared, "http2_server.cjs")
        cls.peers = Peers(cls.shared, [server.address], backend={"protocol": "http2"}, health_check="none")
        cls.before = cls.peers.warm()

    def bounded(self):
        self.assertLess(self.peers.meridian.process.resident_bytes() - self.before, MOST)

    def sent(self):
        return self.peers.meridian.metric("meridian_sent_bytes_total")

    def test_a_client_that_does_not_read(self):
        for protocol in ("http/1.1", "h2"):
            with self.subTest(protocol), self.peers.connect("tls", protocol) as connection:
                began = self.sent()
                if protocol == "h2":
                    Http2Client(connection.socket, window=_WIDE).ask(1, path="/files/huge")
                else:
                    connection.ask("GET", "/files/huge")
                stalled = settled(lambda: self.sent() - began)
                self.assertLess(stalled, SIZE / 4)
                self.bounded()
                with self.peers.connect("web") as other:
                    self.assertEqual(other.request(path="/healthz").status, 200)
                drain(connection, stalled + 8 * MIB)

    def test_a_server_that_does_not_read(self):
        sent = [0]

        def send(connection):
            with contextlib.suppress(OSError):
                while sent[0] < SIZE:
                    connection.send(bytes(MIB // 4))
                    sent[0] += MIB // 4
        with self.peers.connect("web") as connection:
            connection.ask("POST", "/", {"Content-Length": str(SIZE)})
            python_thread(send, connection)
            self.assertLess(settled(lambda: sent[0]), SIZE / 4)
            self.bounded()
            with self.peers.connect("web") as other:
                self.assertEqual(other.request(path="/healthz").status, 200)


if __name__ == "__main__":
    main()
