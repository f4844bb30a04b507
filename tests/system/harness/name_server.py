"""A DNS server that says what it is told to, and HTTP servers at loopback addresses of one port.

A zone is {name: {type: [value]}} with values as text: an address, or (priority, weight, port, target) of SRV. What
stands in `faults` by name is answered with instead: "servfail", "nxdomain", "empty", or "silent" for nothing at all.
"""
import collections
import http.server
import socket
import struct
import threading
import time

from .base import python_thread, wait_until
from .ports import free_port

_TYPES = {"A": 1, "AAAA": 28, "SRV": 33}
_TYPE_NAMES = {number: name for name, number in _TYPES.items()}


def _encode(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


class NameServer:
    def __init__(self, scope, zone, ttl=1):
        self.zone, self.ttl, self.faults = dict(zone), ttl, {}
        self.asked = collections.Counter()  # (name, type)
        self.socket = None
        scope.callback(self.stop)
        self.port = 0
        self.start()

    @property
    def address(self):
        return "127.0.0.1:%d" % self.port

    def start(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", self.port))
        self.port = self.socket.getsockname()[1]
        python_thread(self._serve, self.socket)

    def stop(self):
        """Whoever asks is refused by ICMP."""
        if self.socket:
            self.socket.close()
        self.socket = None

    def wait_asked(self, name, kind="A", times=1, seconds=10):
        """Until it has been asked so many times from now on."""
        before = self.asked[name, kind]
        wait_until(lambda: self.asked[name, kind] >= before + times, "%s is asked for" % name, seconds)

    def _serve(self, server):
        while True:
            try:
                message, peer = server.recvfrom(4096)
                answer = self._answer(message)
                if answer:
                    server.sendto(answer, peer)
            except OSError:
                return

    def _answer(self, message):
        labels, at = [], 12
        while message[at]:
            labels.append(message[at + 1:at + 1 + message[at]].decode().lower())
            at += 1 + message[at]
        question = message[12:at + 5]
        name, kind = ".".join(labels), _TYPE_NAMES.get(struct.unpack(">H", message[at + 1:at + 3])[0], "?")
        self.asked[name, kind] += 1
        fault = self.faults.get(name)
        if fault == "silent":
            return None
        known = name in self.zone and fault != "nxdomain"
        code = 2 if fault == "servfail" else 0 if known else 3
        records = [] if fault or not known else self.zone[name].get(kind, [])
        data = [self._data(kind, record) for record in records]
        return (message[:2] + struct.pack(">HHHHH", 0x8580 | code, 1, len(data), 0, 0) + question +
                b"".join(b"\xc0\x0c" + struct.pack(">HHIH", _TYPES[kind], 1, self.ttl, len(one)) + one for one in data))

    @staticmethod
    def _data(kind, value):
        if kind == "A":
            return socket.inet_pton(socket.AF_INET, value)
        if kind == "AAAA":
            return socket.inet_pton(socket.AF_INET6, value)
        priority, weight, port, target = value
        return struct.pack(">HHH", priority, weight, port) + _encode(target)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.server.named.encode()
        slow = self.path.startswith("/slow")
        parts = 60 if slow else 1  # three seconds
        self.send_response(200 if self.server.healthy or self.path != "/healthz" else 503)
        self.send_header("X-Endpoint", self.server.named)
        self.send_header("Content-Length", str(parts * len(body)))
        self.end_headers()
        for _ in range(parts):
            self.wfile.write(body)
            if slow:
                self.wfile.flush()
                time.sleep(0.05)

    def log_message(self, *_):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # the client has gone


class Backends:
    """`count` servers at 127.0.0.1, 127.0.0.2 … of one port, each naming itself by its address."""

    def __init__(self, scope, count=3, addresses=()):
        self.port = free_port()
        self.servers = {}
        for address in addresses or ["127.0.0.%d" % (i + 1) for i in range(count)]:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            kind = type("Server", (_Server,), {"address_family": family})
            server = kind((address, self.port), _Handler)
            server.named = "[%s]:%d" % (address, self.port) if ":" in address else "%s:%d" % (address, self.port)
            server.healthy = True
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            scope.callback(server.server_close)
            scope.callback(server.shutdown)
            self.servers[address] = server

    def endpoint(self, address):
        return self.servers[address].named
