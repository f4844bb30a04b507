"""WebSocket (RFC 6455), both ends: the opening handshake and whole text or binary messages."""
import base64
import hashlib
import os
import struct

from .client import Connection
from .peers import ScriptedServer

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def _accept_key(key):
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID).digest()).decode()


def _mask(data, key):
    repeated = key * (len(data) // 4 + 1)
    mask = int.from_bytes(repeated[:len(data)], "big")
    return (int.from_bytes(data, "big") ^ mask).to_bytes(len(data), "big")


def write_frame(connection, opcode, payload, masked):
    """One whole message in one frame (section 5.2)."""
    head = bytes([0x80 | opcode])
    bit = 0x80 if masked else 0
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 65536:
        head += struct.pack("!BH", bit | 126, len(payload))
    else:
        head += struct.pack("!BQ", bit | 127, len(payload))
    if masked:
        key = os.urandom(4)
        head, payload = head + key, _mask(payload, key)
    connection.send(head + payload)


def read_frame(connection):
    """(opcode, payload, whether it was masked)."""
    first, second = connection.read_exactly(2)
    length = second & 0x7f
    if length == 126:
        (length,) = struct.unpack("!H", connection.read_exactly(2))
    elif length == 127:
        (length,) = struct.unpack("!Q", connection.read_exactly(8))
    key = connection.read_exactly(4) if second & 0x80 else None
    payload = connection.read_exactly(length)
    return first & 0x0f, _mask(payload, key) if key else payload, key is not None


class WebSocketServer(ScriptedServer):
    """Echoes messages; answers a close with a close. Other requests get 200."""

    def __init__(self, scope):
        super().__init__(scope, self._upgrade)

    @staticmethod
    def _upgrade(request, connection):
        key = request.get("Sec-WebSocket-Key")
        if request.get("Upgrade") != "websocket" or key is None:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return
        connection.send(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Accept: %s\r\n\r\n" % _accept_key(key)).encode())
        while True:
            opcode, payload, masked = read_frame(connection)
            if not masked:
                raise ConnectionError("a client's frame is not masked")
            write_frame(connection, PONG if opcode == PING else opcode, payload, masked=False)
            if opcode == CLOSE:
                raise ConnectionError("closed by the client")


class WebSocketClient(Connection):
    def __init__(self, address, path="/", source=None):
        super().__init__(address, source)
        key = base64.b64encode(os.urandom(16)).decode()
        self.ask("GET", path, [("Upgrade", "websocket"), ("Connection", "Upgrade"),
                               ("Sec-WebSocket-Key", key), ("Sec-WebSocket-Version", "13")])
        self.handshake = self.read_response()
        if self.handshake.status != 101 or self.handshake.get("Sec-WebSocket-Accept") != _accept_key(key):
            raise ConnectionError("no WebSocket: %r" % self.handshake)

    def say(self, opcode, payload):
        """Sends a message; gives (opcode, payload) of the next one."""
        write_frame(self, opcode, payload, masked=True)
        opcode, payload, masked = read_frame(self)
        if masked:
            raise ConnectionError("a server's frame is masked")
        return opcode, payload
