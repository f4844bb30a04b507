"""An HTTP/2 client by hand (RFC 9113): frames as given, fields as literals without indexing, so that it can stop where
no library would.
"""
import struct

from .split import send_in_pieces

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_INITIAL_WINDOW = 4
_DEFAULT_WINDOW = 65535


def frame(kind, payload, flags=0, stream=0):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _text(text):
    """An HPACK string without Huffman."""
    if len(text) >= 127:
        raise ValueError("longer than a length byte")
    return bytes([len(text)]) + text


def raw_block(fields):
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in fields)


def block(fields):
    return raw_block((name.encode(), value.encode()) for name, value in fields)


class Http2Client:
    """Over any socket. `window` is what it lets the server send, by stream and in all."""

    def __init__(self, socket, window=_DEFAULT_WINDOW):
        self.socket, self.buffer = socket, b""
        self.windows = {0: _DEFAULT_WINDOW}  # what it may send
        self.initial = _DEFAULT_WINDOW
        settings = frame(SETTINGS, struct.pack(">HI", _INITIAL_WINDOW, window))
        more = frame(WINDOW_UPDATE, struct.pack(">I", window - _DEFAULT_WINDOW)) if window > _DEFAULT_WINDOW else b""
        socket.sendall(_PREFACE + settings + more)

    def ask(self, stream, method="GET", path="/", fields=(), end=True):
        self.windows.setdefault(stream, self.initial)
        head = block([(":method", method), (":scheme", "http"), (":authority", "a.test"), (":path", path), *fields])
        self.socket.sendall(frame(HEADERS, head, END_HEADERS | (END_STREAM if end else 0), stream))

    def send_raw(self, stream, fields, body=None, trailers=None, cuts=()):
        """A request of any fields, as bytes, its body in one frame; all cut at `cuts`."""
        end = body is None and trailers is None
        wire = frame(HEADERS, raw_block(fields), END_HEADERS | (END_STREAM if end else 0), stream)
        if body is not None:
            wire += frame(DATA, body, 0 if trailers else END_STREAM, stream)
        if trailers is not None:
            wire += frame(HEADERS, raw_block(trailers), END_HEADERS | END_STREAM, stream)
        send_in_pieces(self.socket, wire, cuts)

    def read_end(self, stream):
        """Frames until the stream's end: whether it was answered to its end, rather than given up."""
        while True:
            kind, flags, of, _ = self.read_frame()
            if kind in (HEADERS, DATA) and of == stream and flags & END_STREAM:
                return True
            if kind == GOAWAY or (kind == RST_STREAM and of == stream):
                return False

    def read_frame(self):
        """(kind, flags, stream, payload); answers what must be answered. ConnectionError at the end."""
        while len(self.buffer) < 9 or len(self.buffer) < 9 + int.from_bytes(self.buffer[:3], "big"):
            data = self.socket.recv(1 << 18)
            if not data:
                raise ConnectionError("the connection has ended")
            self.buffer += data
        length, kind, flags = int.from_bytes(self.buffer[:3], "big"), self.buffer[3], self.buffer[4]
        stream = int.from_bytes(self.buffer[5:9], "big")
        payload, self.buffer = self.buffer[9:9 + length], self.buffer[9 + length:]
        if kind == SETTINGS and not flags & ACK:
            self._apply(payload)
            self.socket.sendall(frame(SETTINGS, b"", ACK))
        elif kind == PING and not flags & ACK:
            self.socket.sendall(frame(PING, payload, ACK))
        elif kind == WINDOW_UPDATE:
            self.windows[stream] = self.windows.get(stream, self.initial) + int.from_bytes(payload, "big")
        return kind, flags, stream, payload

    def _apply(self, payload):
        for at in range(0, len(payload), 6):
            name, value = struct.unpack_from(">HI", payload, at)
            if name == _INITIAL_WINDOW:
                for stream in self.windows:
                    if stream:
                        self.windows[stream] += value - self.initial
                self.initial = value

    def send_data(self, stream, size, end=False):
        """That many zeros as far as the windows reach; what went. Reads frames while they don't."""
        sent = 0
        while sent < size:
            room = min(self.windows[0], self.windows[stream], size - sent, 16384)
            if room <= 0:
                self.read_frame()
                continue
            last = end and sent + room == size
            self.socket.sendall(frame(DATA, bytes(room), END_STREAM if last else 0, stream))
            self.windows[0] -= room
            self.windows[stream] -= room
            sent += room
        return sent

    def read_status(self, stream):
        """Frames until the stream's first HEADERS: its block begins with the status, an indexed field or a literal."""
        while True:
            kind, _, of, payload = self.read_frame()
            if kind == HEADERS and of == stream:
                return payload
            if kind in (GOAWAY, RST_STREAM):
                raise ConnectionError("the server gave the stream up")
