"""What holds for one connection: options, upgrades, expectations, versions, pipelining, early answers and early ends
(RFC 9110 sections 7.6, 7.8 and 10.1.1, RFC 9112 section 9)."""
from harness.recorder import Answer

from .case import SMUGGLED, Case, chunked, get, passes, post, refused

_NO_HOP = ["Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Upgrade"]
_UPGRADE = b"Connection: Upgrade"
_WEBSOCKET = b"Upgrade: websocket"
_SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def _named(field, value=b"x"):
    """A field that a backend needs, named so that the proxy takes it away."""
    return refused("Connection that names %s" % field.decode(),
                   post(b"Connection: close, " + field, *([] if field == b"Host" else [field + b": " + value])))


def _options(name, *fields, absent=(), present=None):
    return passes(name, get(b"/g", *fields), ("GET", "/g"), absent=[*_NO_HOP, *absent], present=present)


def _not_upgraded(name, *fields):
    return _options(name, *fields)


CASES = [
    *[_named(field) for field in (
        b"Cookie", b"Authorization", b"Content-Type", b"Content-Encoding", b"Cache-Control", b"Expect", b"Forwarded",
        b"Via", b"X-Forwarded-For", b"X-Forwarded-Host", b"X-Forwarded-Proto", b"X-Forwarded-Port", b"X-Real-IP",
        b"X-Client-Cert-Subject", b"Meridian-Site", b"Range", b"Origin", b"Max-Forwards")],
    _named(b"Content-Length", b"0"),
    _named(b"hOsT"),
    refused("Connection with a space in an option", get(b"/g", b"Connection: x y")),
    refused("Connection with a colon in an option", get(b"/g", b"Connection: x:y")),
    refused("Connection with quotes", get(b"/g", b'Connection: "close"')),
    refused("Connection with too many options", get(b"/g", b"Connection: " + b",".join(b"x%d" % i for i in range(40))),
            431),
    _options("Connection's tokens go, in whatever letters", b"Connection: x-a, X-B", b"X-A: 1", b"x-b: 2", b"X-C: 3",
             absent=["X-A", "X-B"], present={"X-C": ["3"]}),
    _options("Connection in two fields", b"Connection: X-A", b"Connection: X-B", b"X-A: 1", b"X-B: 2",
             absent=["X-A", "X-B"]),
    _options("Connection behind what it names", b"X-A: 1", b"Connection: X-A", absent=["X-A"]),
    _options("empty options", b"Connection: ,, X-A ,", b"X-A: 1", absent=["X-A"]),
    _options("an empty Connection", b"Connection:"),
    _options("Connection that names itself", b"Connection: Connection"),
    _options("fields of one hop", b"Keep-Alive: timeout=5", b"Proxy-Connection: close", b"TE: trailers, gzip",
             b"Trailer: X-A", b"Proxy-Authorization: x", absent=["Proxy-Authorization"]),
    passes("Connection that names the coding takes no chunk away",
           chunked(b"5\r\nhello\r\n0\r\n\r\n", b"Connection: Transfer-Encoding"), ("POST", "/p", b"hello")),
    Case("close ends it", get(b"/g", b"Connection: close"), [200], [("GET", "/g", b"")], ends=True),
    Case("close among others, in capitals", get(b"/g", b"Connection: X-A, CLOSE"), [200], [("GET", "/g", b"")],
         ends=True),
    Case("close and keep-alive", get(b"/g", b"Connection: keep-alive, close"), [200], [("GET", "/g", b"")], ends=True),
    Case("close in the second of three", get() + get(b"/h", b"Connection: close") + get(b"/i"), [200, 200],
         [("GET", "/g", b""), ("GET", "/h", b"")], ends=True),
    Case("close with a body", post(b"Content-Length: 5", b"Connection: close", body=b"hello"), [200],
         [("POST", "/p", b"hello")], ends=True),

    # HTTP/1.0
    Case("1.0 ends", get(version=b"HTTP/1.0"), [200], [("GET", "/g", b"")], ends=True),
    Case("1.0 with a body ends", post(b"Content-Length: 5", body=b"hello", version=b"HTTP/1.0"), [200],
         [("POST", "/p", b"hello")], ends=True),
    passes("1.0 that asks is kept", get(b"/g", b"Connection: keep-alive", version=b"HTTP/1.0"), ("GET", "/g"),
           absent=_NO_HOP),
    Case("1.0 that asks by Proxy-Connection is not", get(b"/g", b"Proxy-Connection: keep-alive", version=b"HTTP/1.0"),
         [200], [("GET", "/g", b"")], ends=True),
    refused("1.0 with a coding", chunked(b"0\r\n\r\n").replace(b"HTTP/1.1", b"HTTP/1.0")),
    refused("1.0 with a coding that asks to be kept",
            chunked(b"0\r\n\r\n", b"Connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0")),
    Case("1.0 asks for no upgrade", get(b"/g", _UPGRADE, _WEBSOCKET, version=b"HTTP/1.0"), [200], [("GET", "/g", b"")],
         ends=True, absent=_NO_HOP),
    Case("1.0 expects nothing", post(b"Content-Length: 5", b"Expect: 100-continue", body=b"hello", version=b"HTTP/1.0"),
         [200], [("POST", "/p", b"hello")], ends=True, absent=["Expect"]),

    # Upgrade
    Case("a tunnel: what comes behind is the protocol's", get(b"/ws", _UPGRADE, _WEBSOCKET) + b"\x81\x82frame", [101],
         [("GET", "/ws", b"")], ends=True, half_close=True, answer=Answer(_SWITCHED, raw=True), present={"Upgrade": ["websocket"]}),
    Case("a tunnel: a request behind is the protocol's", get(b"/ws", _UPGRADE, _WEBSOCKET), [101],
         [("GET", "/ws", b"")], ends=True, half_close=True, answer=Answer(_SWITCHED, raw=True)),
    passes("an upgrade that the backend does not do: the next request is one",
           get(b"/g", _UPGRADE, _WEBSOCKET) + get(b"/h"), ("GET", "/g"), ("GET", "/h")),
    passes("an upgrade with a body", post(_UPGRADE, _WEBSOCKET, b"Content-Length: 5", body=b"hello"),
           ("POST", "/p", b"hello"), present={"Upgrade": ["websocket"]}),
    _not_upgraded("Upgrade that Connection does not name", _WEBSOCKET),
    _not_upgraded("Connection: upgrade without Upgrade", _UPGRADE),
    _options("h2c", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__",
             absent=["HTTP2-Settings"]),
    _not_upgraded("h2c, its settings not named", _UPGRADE, b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"),
    _not_upgraded("h2c in capitals", _UPGRADE, b"Upgrade: H2C"),
    _not_upgraded("h2c in a list", _UPGRADE, b"Upgrade: websocket, h2c"),
    _not_upgraded("h2c in a second field", _UPGRADE, _WEBSOCKET, b"Upgrade: h2c"),
    _not_upgraded("an upgrade to HTTP/2.0", _UPGRADE, b"Upgrade: HTTP/2.0"),
    _not_upgraded("an upgrade to TLS/1.0", _UPGRADE, b"Upgrade: TLS/1.0"),
    _not_upgraded("an empty protocol", _UPGRADE, b"Upgrade:"),
    _not_upgraded("no protocol's name", _UPGRADE, b"Upgrade: web socket"),

    # Expect
    Case("100-continue from the backend", post(b"Content-Length: 5", b"Expect: 100-continue", body=b"hello"), [200],
         [("POST", "/p", b"hello")], answer=Answer(_OK, interim=_CONTINUE), present={"Expect": ["100-continue"]}),
    Case("100-continue, refused at once", post(b"Content-Length: 500", b"Expect: 100-continue"), [413], [], ends=True,
         answer=Answer(_TOO_LARGE, early=True), partial=True),
    passes("another expectation", post(b"Content-Length: 5", b"Expect: the-unexpected", body=b"hello"),
           ("POST", "/p", b"hello")),
    passes("100-continue without a body", get(b"/g", b"Expect: 100-continue"), ("GET", "/g")),

    # Early answers and early ends
    Case("an answer before the body has come", post(b"Content-Length: 500", body=b"hello"), [413], [], ends=True,
         answer=Answer(_TOO_LARGE, early=True), partial=True),
    Case("an answer before the chunks have come", chunked(b"500\r\nhel"), [413], [], ends=True,
         answer=Answer(_TOO_LARGE, early=True), partial=True),
    Case("half-closed behind the request", get(), [200], [("GET", "/g", b"")], ends=True, half_close=True),
    Case("half-closed behind two requests", get() + get(b"/h"), [200, 200], [("GET", "/g", b""), ("GET", "/h", b"")],
         ends=True, half_close=True),
    Case("half-closed within the body", post(b"Content-Length: 6", body=b"hello"), [], [], ends=True, half_close=True,
         partial=True),
    Case("half-closed within the head", get()[:-2], [], [], ends=True, half_close=True),

    # Pipelining
    passes("twenty", b"".join(get(b"/%d" % number) for number in range(20)), *[("GET", "/%d" % n) for n in range(20)]),
    passes("bodies of each kind", post(b"Content-Length: 5", body=b"hello") + get() + chunked(b"1\r\nx\r\n0\r\n\r\n") +
           post(b"Content-Length: 0") + get(b"*", method=b"OPTIONS"),
           ("POST", "/p", b"hello"), ("GET", "/g"), ("POST", "/p", b"x"), ("POST", "/p"), ("OPTIONS", "*")),
    passes("an absolute target, then an ordinary one", get(b"http://b/g") + get(b"/h"), ("GET", "/g"), ("GET", "/h"),
           present={"Host": ["a"]}),
    passes("hop-by-hop fields hold for their own request",
           get(b"/g", b"Connection: X-A", b"X-A: 1") + get(b"/h", b"X-A: 2"), ("GET", "/g"), ("GET", "/h"), present={"X-A": ["2"]}),
    refused("a bad one behind a good one", get() + get(b"/h", b"Content-Length: x"), reach=[("GET", "/g", b"")]),
    refused("a bad one behind a body that looks like one",
            post(b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED) + b"G\0T / HTTP/1.1\r\n\r\n",
            reach=[("POST", "/p", SMUGGLED)]),
]
