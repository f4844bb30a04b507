"""Backends that do what no real server would: record every byte, answer by a script, say nothing at all."""
import contextlib
import socket
import threading

from .base import python_thread
from .client import Connection


class TcpServer:
    """Calls serve(connection) for each accepted one, each on a thread of its own, and closes it after."""

    def __init__(self, scope, serve=None):
        self.serve = serve or self.serve_connection
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.connections = []
        self.lock = threading.Lock()
        scope.callback(self.close)
        python_thread(self._accept)

    def serve_connection(self, connection):
        """For classes derived from this one."""

    def _accept(self):
        while True:
            try:
                accepted, _ = self.listener.accept()
            except OSError:
                return
            connection = Connection.__new__(Connection)
            connection.socket, connection.buffer, connection.address = accepted, b"", None
            accepted.settimeout(60)
            with self.lock:
                self.connections.append(connection)
            python_thread(self._run, connection)

    def _run(self, connection):
        with contextlib.suppress(OSError):
            self.serve(connection)
        connection.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for connection in self.connections:
                with contextlib.suppress(OSError):
                    connection.socket.shutdown(socket.SHUT_RDWR)


class Request:
    """As it arrived: the head's bytes, its parts, and the body still in its framing."""

    def __init__(self, head, connection):
        self.head = head
        self.connection = connection
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, self.version = lines[0].split(" ")
        self.fields = [tuple(line.split(": ", 1)) for line in lines[1:]]

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name):
        values = self.all(name)
        return values[0] if values else None

    def read_body(self):
        if self.get("Transfer-Encoding") == "chunked":
            return self.connection._read_chunks()
        return self.connection.read_exactly(int(self.get("Content-Length") or 0))


def answer(body=b"ok\n", status="200 OK", fields=()):
    lines = ["HTTP/1.1 " + status, "Content-Length: %d" % len(body)] + ["%s: %s" % field for field in fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class ScriptedServer(TcpServer):
    """An HTTP/1.1 server: records every request but /healthz (self.requests), lets
    script(request, connection) answer, or answers 200 itself. With keep the connection stays open."""

    def __init__(self, scope, script=None, keep=True):
        self.script, self.keep = script, keep
        self.requests = []
        super().__init__(scope)

    def serve_connection(self, connection):
        while True:
            try:
                head = connection.read_until(b"\r\n\r\n")
            except ConnectionError:
                if connection.buffer:
                    self.requests.append(connection.buffer)  # what is no whole head counts as well
                return
            request = Request(head, connection)
            if request.target == "/healthz":
                connection.send(answer())
                continue
            self.requests.append(request)
            if self.script:
                self.script(request, connection)
            else:
                request.read_body()
                connection.send(answer())
            if not self.keep:
                return


class BlackHole:
    """An address whose connects neither succeed nor fail: a listener whose queue is full."""

    def __init__(self, scope):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        scope.callback(self.listener.close)
        self.fillers = []
        for _ in range(16):
            filler = socket.socket()
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(self.listener.getsockname())
            scope.callback(filler.close)
            self.fillers.append(filler)
