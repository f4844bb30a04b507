"""A backend that writes down every byte of every connection, in one thread, and answers as it is told to.

It reads what comes with the strict parser (strict_http.py). What is no HTTP/1.1 is kept as a violation and ends the
connection.
"""
import contextlib
import selectors
import socket
import threading

from .base import python_thread
from .split import send_in_pieces
from .strict_http import Violation, read_head_of_request, read_request

HEALTH = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"


def echo(request):
    """Answers with what was asked, so that an answer to something else shows."""
    body = ("%s %s %d" % (request.method, request.target, len(request.body))).encode("latin-1")
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), b"" if request.method == "HEAD" else body)


class _Peer:
    def __init__(self, accepted):
        self.socket = accepted
        self.seen = 0        # bytes of `data` that are whole requests, answered
        self.data = b""
        self.taken = 0       # bytes that an earlier take() gave
        self.early = False   # the request being read has been answered on its head alone
        self.headed = False  # its head has been looked at
        self.ended = False
        self.raw = False     # no HTTP any more: a tunnel


class Answer:
    """What is sent for one request: `wire`, cut at `cuts`. `interim`: on its head alone, before that. `early`: all of
    it on the head alone. `close`: the end comes behind it. `raw`: what the client sends then is recorded, but no HTTP.
    """

    def __init__(self, wire, cuts=(), interim=b"", early=False, close=False, raw=False):
        self.wire, self.cuts, self.interim, self.early = wire, cuts, interim, early
        self.close, self.raw = close, raw


class Recorder:
    def __init__(self, scope):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.answers = {}     # target -> Answer
        self.violations = []  # text
        self.peers = []
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.stopping = False
        scope.callback(self.close)
        python_thread(self._run)

    def close(self):
        self.stopping = True
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)

    def take(self):
        """[bytes, ended] of each connection that got any since the last time, and the violations since then. All that
        Meridian sent before the request that was answered last is among them."""
        with self.lock:
            self._drain()
            taken = []
            for peer in self.peers:
                if len(peer.data) > peer.taken:
                    taken.append((peer.data[peer.taken:], peer.ended))
                    peer.taken = len(peer.data)
            self.peers = [peer for peer in self.peers if not peer.ended]
            violations, self.violations = self.violations, []
            return taken, violations

    def say(self, wire):
        """Sends bytes that nobody asked for on every idle connection."""
        with self.lock:
            for peer in self.peers:
                if not peer.ended:
                    with contextlib.suppress(OSError):
                        peer.socket.sendall(wire)

    def open_connections(self):
        with self.lock:
            self._drain()
            return sum(not peer.ended for peer in self.peers)

    def _run(self):
        while not self.stopping:
            self.selector.select(1.0)
            with self.lock:
                self._drain()
        with self.lock:
            for peer in self.peers:
                peer.socket.close()
            self.listener.close()

    def _drain(self):
        """Reads until nothing is there to read; answers after, so that what one connection got was read before
        another's is answered."""
        while True:
            ready = self.selector.select(0)
            if not ready or self.stopping:
                return
            for key, _ in ready:
                if key.fileobj is self.listener:
                    self._accept()
                else:
                    self._read(key.data)
            for key, _ in ready:
                if key.data is not None:
                    self._serve(key.data)

    def _accept(self):
        with contextlib.suppress(OSError):
            accepted, _ = self.listener.accept()
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = _Peer(accepted)
            self.peers.append(peer)
            self.selector.register(accepted, selectors.EVENT_READ, peer)

    def _read(self, peer):
        try:
            data = peer.socket.recv(1 << 18)
        except OSError:
            data = b""
        peer.data += data
        if not data:
            self._end(peer)

    def _end(self, peer):
        if not peer.ended:
            peer.ended = True
            self.selector.unregister(peer.socket)
            peer.socket.close()

    def _serve(self, peer):
        while not peer.raw and not peer.ended and peer.seen < len(peer.data):
            try:
                self._look_at_head(peer)
                found = None if peer.ended else read_request(peer.data, peer.seen)
            except Violation as violation:
                self.violations.append("%s in %r" % (violation, peer.data[peer.seen:][:300]))
                return self._end(peer)
            if found is None:
                return
            request, peer.seen = found
            if request.target == "/healthz":
                peer.taken = max(peer.taken, peer.seen)
                self._send(peer, Answer(HEALTH))
            elif not peer.early:
                self._send(peer, self.answers.get(request.target) or Answer(echo(request)))
            peer.early = peer.headed = False

    def _look_at_head(self, peer):
        found = None if peer.headed else read_head_of_request(peer.data, peer.seen)
        if found is None:
            return
        peer.headed = True
        answer = self.answers.get(found[0].target)
        if answer and answer.interim:
            self._send(peer, Answer(answer.interim))
        if answer and answer.early:
            peer.early = True
            self._send(peer, answer)

    def _send(self, peer, answer):
        with contextlib.suppress(OSError):
            send_in_pieces(peer.socket, answer.wire, answer.cuts)
        if answer.close:
            self._end(peer)
        peer.raw |= answer.raw
