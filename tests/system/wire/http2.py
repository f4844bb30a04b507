"""Requests over HTTP/2 that a backend of HTTP/1.1 could read otherwise (RFC 9113 section 8): H2.CL, H2.TE, and fields
and pseudo-fields that hold what ends a line there."""
from .case import SMUGGLED


class Http2Case:
    """`fields` of the request as bytes, with `body` and `trailers` if any. `reach`: (method, target, body) as the
    backend must get it; None: at most the start of it may arrive. `at_most`: or that, since the fault lay behind it.
    `present` and `absent` as in case.Case."""

    def __init__(self, name, fields, body=None, trailers=None, reach=None, present=None, absent=(), at_most=None):
        self.name, self.fields, self.body, self.trailers, self.reach = name, fields, body, trailers, reach
        self.present, self.absent, self.at_most = present or {}, absent, at_most


def _fields(*more, method=b"GET", path=b"/g", authority=b"a", scheme=b"http"):
    pseudo = [(b":method", method), (b":scheme", scheme), (b":path", path), (b":authority", authority)]
    return [pair for pair in pseudo if pair[1] is not None] + list(more)


def _get(name, *more, reach=("GET", "/g", b""), present=None, absent=(), **pseudo):
    return Http2Case(name, _fields(*more, **pseudo), reach=reach, present=present, absent=absent)


def _bad(name, *more, **pseudo):
    return _get(name, *more, reach=None, **pseudo)


def _post(name, *more, body=b"hello", trailers=None, reach=("POST", "/p", b"hello"), **expected):
    return Http2Case(name, _fields(*more, method=b"POST", path=b"/p"), body, trailers, reach, **expected)


CASES = [
    _get("a request"),
    _post("a body without a length"),
    _post("a body with its length", (b"content-length", b"5")),
    _post("a body that is a request", body=SMUGGLED, reach=("POST", "/p", SMUGGLED)),
    _post("an empty body", body=b"", reach=("POST", "/p", b"")),
    _post("trailers", trailers=[(b"x-a", b"b")]),

    # H2.CL
    _post("a length that is too short", (b"content-length", b"4"), reach=None, at_most=("POST", "/p", b"hell")),
    _post("a length that is too long", (b"content-length", b"6"), reach=None),
    _post("a length of zero before a request", (b"content-length", b"0"), body=SMUGGLED, reach=None,
          at_most=("POST", "/p", b"")),
    _post("two lengths", (b"content-length", b"5"), (b"content-length", b"5"), reach=None),
    _post("two lengths that differ", (b"content-length", b"5"), (b"content-length", b"0"), reach=None),
    _post("a list of lengths", (b"content-length", b"5, 5"), reach=None),
    _post("a length with a sign", (b"content-length", b"+5"), reach=None),
    _post("a length of letters", (b"content-length", b"five"), reach=None),
    _bad("a length and no body", (b"content-length", b"5")),
    _post("a length by an underscore", (b"content_length", b"0"), absent=["Content_Length"]),

    # H2.TE, and other fields of HTTP/1.1's connections
    _post("a coding", (b"transfer-encoding", b"chunked"), body=b"0\r\n\r\n" + SMUGGLED, reach=None),
    _post("a coding of identity", (b"transfer-encoding", b"identity"), reach=None),
    _post("a coding by an underscore", (b"transfer_encoding", b"chunked"), absent=["Transfer_Encoding"]),
    _bad("Connection", (b"connection", b"x-a"), (b"x-a", b"b")),
    _bad("Keep-Alive", (b"keep-alive", b"1")),
    _bad("Proxy-Connection", (b"proxy-connection", b"close")),
    _bad("Upgrade", (b"upgrade", b"websocket")),
    _bad("TE of gzip", (b"te", b"gzip")),
    _get("TE of trailers", (b"te", b"trailers"), absent=["TE"]),

    # What ends a line, or a name, in HTTP/1.1
    _bad("CRLF in a value", (b"x-a", b"b\r\nx-b: c")),
    _bad("CRLF and a coding in a value", (b"x-a", b"b\r\ntransfer-encoding: chunked")),
    _bad("a request in a value", (b"x-a", b"b\r\n\r\n" + SMUGGLED)),
    _bad("LF in a value", (b"x-a", b"b\nx-b: c")),
    _bad("CR in a value", (b"x-a", b"b\rx-b: c")),
    _bad("NUL in a value", (b"x-a", b"b\0c")),
    _bad("CRLF in a name", (b"x-a: b\r\nx-b", b"c")),
    _bad("LF in a name", (b"x\na", b"b")),
    _bad("NUL in a name", (b"x\0a", b"b")),
    _bad("a colon in a name", (b"x-a:", b"b")),
    _bad("a length and a colon as a name", (b"content-length: 5", b"x")),
    _bad("a space in a name", (b"x a", b"b")),
    _bad("a space behind a name", (b"content-length ", b"5")),
    _bad("a name in capitals", (b"X-A", b"b")),
    _bad("an empty name", (b"", b"b")),
    _bad("bytes above 127 in a name", (b"x-\xc3\xa4", b"b")),
    _bad("CRLF in the path", path=b"/g HTTP/1.1\r\nhost: b\r\n\r\n"),
    _bad("a space in the path", path=b"/g x"),
    _bad("a tab in the path", path=b"/g\tx"),
    _bad("a fragment in the path", path=b"/g#x"),
    _bad("bytes above 127 in the path", path=b"/\xc3\xa4"),
    _bad("an absolute path", path=b"http://b/g"),
    _bad("a path without a slash", path=b"g"),
    _bad("an empty path", path=b""),
    _bad("an asterisk for GET", path=b"*"),
    _get("an asterisk for OPTIONS", path=b"*", method=b"OPTIONS", reach=("OPTIONS", "*", b"")),
    _bad("a space in the method", method=b"GET /smuggled HTTP/1.1"),
    _bad("CRLF in the method", method=b"GET / HTTP/1.1\r\nx: y\r\n\r\nGET"),
    _bad("an empty method", method=b""),
    _bad("CRLF in the authority", authority=b"a\r\nx-a: b"),
    _bad("a space in the authority", authority=b"a b"),
    _bad("a user in the authority", authority=b"user@a"),
    _bad("a path in the authority", authority=b"a/g"),
    _bad("a large port in the authority", authority=b"a:65536"),
    _bad("CRLF in the scheme", scheme=b"http\r\nx: y"),
    _bad("another scheme", scheme=b"ftp"),

    # Pseudo-fields and Host
    _bad("no method", method=None),
    _bad("no scheme", scheme=None),
    _bad("no path", path=None),
    _bad("neither an authority nor Host", authority=None),
    _get("Host without an authority", (b"host", b"b"), authority=None, present={"Host": ["b"]}),
    _get("Host that agrees", (b"host", b"a"), present={"Host": ["a"]}),
    _bad("Host that does not", (b"host", b"b")),
    _bad("two Hosts", (b"host", b"a"), (b"host", b"a")),
    _bad("a second path", (b":path", b"/smuggled")),
    _bad("a second method", (b":method", b"POST")),
    _bad("a pseudo-field behind a field", (b"x-a", b"b"), (b":authority", b"b"), authority=None),
    _bad("an unknown pseudo-field", (b":smuggled", b"x")),
    _bad("a status", (b":status", b"200")),
    Http2Case("CONNECT", [(b":method", b"CONNECT"), (b":authority", b"b:443")]),
    Http2Case("CONNECT with a path", _fields(method=b"CONNECT")),
    Http2Case("CONNECT to another protocol", _fields((b":protocol", b"connect-udp"), method=b"CONNECT"), b""),
    Http2Case("a protocol without CONNECT", _fields((b":protocol", b"websocket"))),

    # Trailers and forwarding fields
    _post("a pseudo-field among the trailers", trailers=[(b":path", b"/smuggled")], reach=None),
    _post("CRLF in a trailer", trailers=[(b"x-a", b"b\r\n\r\n" + SMUGGLED)], reach=None),
    _post("a length among the trailers", trailers=[(b"content-length", b"50")], reach=None),
    _post("a host among the trailers", trailers=[(b"host", b"evil"), (b"x-forwarded-for", b"1.2.3.4")]),
    _get("who the client is, told by itself", (b"x-forwarded-for", b"1.2.3.4"), (b"forwarded", b"for=1.2.3.4"),
         (b"meridian-site", b"mars"), (b"x_forwarded_for", b"1.2.3.4"), absent=["X_Forwarded_For"]),
    _get("a Cookie in pieces", (b"cookie", b"a=b"), (b"cookie", b"c=d"), present={"Cookie": ["a=b; c=d"]}),
]
