"""Clients: raw HTTP/1 connections from a chosen loopback address, crowds of them, and curl."""
import collections
import socket
import subprocess
import threading
import time

_TIMEOUT = 20.0
_CHUNK = 256 * 1024


class Response:
    def __init__(self, status, version, reason, fields, body=b""):
        self.status, self.version, self.reason, self.fields, self.body = status, version, reason, fields, body

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default

    @property
    def text(self):
        return self.body.decode()

    @property
    def site(self):
        return self.get("Meridian-Site")

    @property
    def endpoint(self):
        """As the backend names itself (Nginx, ScriptedServer)."""
        return self.get("X-Endpoint")

    @property
    def cookie(self):
        """name=value of what Meridian set, or None."""
        value = self.get("Set-Cookie")
        return value.split(";")[0] if value else None

    def __repr__(self):
        return "%d %s %r %r" % (self.status, self.reason, self.fields, self.body[:200])


def parse_response(head):
    """The head of a response, without its last empty line."""
    lines = head.decode("latin-1").split("\r\n")
    version, status, reason = (lines[0].split(" ", 2) + [""])[:3]
    fields = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]
    return Response(int(status), version, reason, fields)


class Connection:
    """One TCP connection; reads what it is told to and keeps the rest."""

    def __init__(self, address, source=None, timeout=_TIMEOUT, receive_buffer=None):
        self.address = address
        self.socket = socket.socket(socket.AF_INET)
        self.socket.settimeout(timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        try:
            self.socket.connect(address)
        except OSError:
            self.socket.close()
            raise
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def end(self):
        self.socket.shutdown(socket.SHUT_WR)

    def fill(self):
        """More bytes into the buffer; False at the end."""
        data = self.socket.recv(_CHUNK)
        self.buffer += data
        return bool(data)

    def read_until(self, mark):
        while mark not in self.buffer:
            if not self.fill():
                raise ConnectionError("the connection ended before %r came; got %r" % (mark, self.buffer[:300]))
        before, self.buffer = self.buffer.split(mark, 1)
        return before

    def read_exactly(self, count):
        parts, have = [self.buffer], len(self.buffer)
        while have < count:
            data = self.socket.recv(_CHUNK)
            if not data:
                raise ConnectionError("the connection ended after %d of %d bytes" % (have, count))
            parts.append(data)
            have += len(data)
        data = b"".join(parts)
        self.buffer = data[count:]
        return data[:count]

    def read_to_end(self):
        while self.fill():
            pass
        data, self.buffer = self.buffer, b""
        return data

    def ended(self):
        """Whether the peer closes (or resets) without sending anything more."""
        try:
            return not self.buffer and not self.fill()
        except ConnectionError:
            return True

    def ask(self, method="GET", path="/", headers=(), body=None, version="HTTP/1.1"):
        """Sends a request with Host and, for a body, Content-Length."""
        fields = list(headers.items() if isinstance(headers, dict) else headers)
        names = {name.lower() for name, _ in fields}
        if "host" not in names and version == "HTTP/1.1":
            fields.insert(0, ("Host", "%s:%d" % self.address))
        if body is not None and "content-length" not in names:
            fields.append(("Content-Length", str(len(body))))
        head = "%s %s %s\r\n%s\r\n" % (method, path, version, "".join("%s: %s\r\n" % field for field in fields))
        self.send(head.encode("latin-1") + (body or b""))

    def read_head(self):
        return parse_response(self.read_until(b"\r\n\r\n"))

    def read_response(self, method="GET"):
        """A final response with its body; interim ones before it are dropped."""
        response = self.read_head()
        while 100 <= response.status < 200 and response.status != 101:
            response = self.read_head()
        if method == "HEAD" or response.status in (101, 204, 304):
            return response
        if response.get("Transfer-Encoding") == "chunked":
            response.body = self._read_chunks()
        elif response.get("Content-Length") is not None:
            response.body = self.read_exactly(int(response.get("Content-Length")))
        else:
            response.body = self.read_to_end()
        return response

    def _read_chunks(self):
        parts = []
        while True:
            size = int(self.read_until(b"\r\n").split(b";")[0], 16)
            if size == 0:
                while self.read_until(b"\r\n"):
                    pass
                return b"".join(parts)
            parts.append(self.read_exactly(size))
            if self.read_exactly(2) != b"\r\n":
                raise ConnectionError("a chunk does not end in CRLF")

    def request(self, method="GET", path="/", headers=(), body=None):
        self.ask(method, path, headers, body)
        return self.read_response(method)


def request(address, method="GET", path="/", source=None, headers=(), body=None, timeout=_TIMEOUT):
    """One request on a connection of its own."""
    with Connection(address, source, timeout) as connection:
        return connection.request(method, path, headers, body)


def get(address, path="/", source=None, headers=()):
    return request(address, "GET", path, source, headers)


def refused(address):
    """Whether nobody listens there."""
    try:
        Connection(address, timeout=2.0).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        return False  # it was in the queue of a listener that just closed
    return False


class Crowd:
    """Clients on keep-alive connections that ask without a pause until told to stop. A response that is
    not 200, or none, is a failure; so is a connection that the other side closed."""

    def __init__(self, address, source=None, clients=8, path="/", headers=()):
        self.address, self.source, self.path, self.headers = address, source, path, headers
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.answers = collections.Counter()  # by site
        self.failures = []
        self.slowest = 0.0  # seconds, of the answers
        self.threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _ask(self):
        connection = None
        while not self.stopping.is_set():
            try:
                if connection is None:
                    connection = Connection(self.address, self.source)
                began = time.monotonic()
                response = connection.request("GET", self.path, self.headers)
                took = time.monotonic() - began
                if response.status != 200:
                    raise ConnectionError("answered %r" % response)
                with self.lock:
                    self.answers[response.site] += 1
                    self.slowest = max(self.slowest, took)
            except (OSError, ValueError) as error:
                with self.lock:
                    self.failures.append(repr(error))
                if connection:
                    connection.close()
                connection = None
        if connection:
            connection.close()

    def total(self):
        with self.lock:
            return sum(self.answers.values())

    def count(self, site):
        with self.lock:
            return self.answers[site]

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(_TIMEOUT)


def curl(*arguments, interface=None, seconds=60):
    """curl to its end; .stdout is bytes. Fails unless it succeeds."""
    command = ["curl", "--silent", "--show-error", "--max-time", str(seconds), "--noproxy", "*"]
    if interface:
        command += ["--interface", interface]
    done = subprocess.run([*command, *arguments], capture_output=True, timeout=seconds + 5,
                          stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise AssertionError("curl %s ended with %d: %s" % (" ".join(arguments), done.returncode,
                                                             done.stderr.decode(errors="replace")))
    return done
