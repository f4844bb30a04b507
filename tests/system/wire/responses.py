"""What backends answer: framing, interim answers, bodies where none may be, and bytes that belong to nobody (RFC 9112
section 6.3, RFC 9110 section 15)."""


class ResponseCase:
    """`wire` is the answer to one request by `method`, and the connection's end with it if `close`.
    `outcome`: "passes", then the client gets `status` and `body`; "malformed", then it gets 502; "broken": the head,
    then a body that is seen to be cut short. `kept`: whether the backend's connection may serve another request."""

    def __init__(self, name, wire, outcome="passes", status=200, body=b"", method="GET", version="HTTP/1.1",
                 close=False, kept=None, present=None, absent=(), trailers=None, reason="backend-malformed"):
        self.name, self.wire, self.outcome, self.status, self.body = name, wire, outcome, status, body
        self.method, self.version, self.close = method, version, close
        self.kept = (outcome == "passes" and not close) if kept is None else kept
        self.present, self.absent, self.trailers, self.reason = present or {}, absent, trailers, reason


def _head(*fields, start=b"HTTP/1.1 200 OK"):
    return b"\r\n".join([start, *fields]) + b"\r\n\r\n"


def _malformed(name, wire, **more):
    return ResponseCase(name, wire, "malformed", 502, **more)


def _field(name, field):
    return _malformed(name, _head(b"Content-Length: 2", field) + b"ok")


def _start(name, start):
    return _malformed(name, _head(b"Content-Length: 2", start=start) + b"ok")


def _broken(name, wire, **more):
    return ResponseCase(name, wire, "broken", **more)


def _chunked(name, body):
    return _broken(name, _head(_CHUNKED) + body)


_CHUNKED = b"Transfer-Encoding: chunked"
_LENGTH = b"Content-Length: 2"
_OK = _head(_LENGTH) + b"ok"
_POISON = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"

CASES = [
    # Bodies of each kind
    ResponseCase("a length", _OK, body=b"ok"),
    ResponseCase("a length of zero", _head(b"Content-Length: 0")),
    ResponseCase("zeros before a length", _head(b"Content-Length: 002") + b"ok", body=b"ok"),
    ResponseCase("chunks", _head(_CHUNKED) + b"2\r\nok\r\n0\r\n\r\n", body=b"ok"),
    ResponseCase("chunks with extensions", _head(_CHUNKED) + b"2;a=b\r\nok\r\n0;c\r\n\r\n", body=b"ok"),
    ResponseCase("chunks with zeros", _head(_CHUNKED) + b"002\r\nok\r\n000\r\n\r\n", body=b"ok"),
    ResponseCase("a chunk that is an answer", _head(_CHUNKED) + b"%x\r\n%s\r\n0\r\n\r\n" % (len(_POISON), _POISON),
                 body=_POISON),
    ResponseCase("trailers", _head(_CHUNKED) + b"2\r\nok\r\n0\r\nX-A: b\r\nContent-Length: 9\r\nSet-Cookie: a=b\r\n\r\n",
                 body=b"ok", trailers=[("X-A", "b")]),
    ResponseCase("until the end", _head() + b"ok", body=b"ok", close=True),
    ResponseCase("until the end, an answer within", _head() + _POISON, body=_POISON, close=True),
    ResponseCase("until the end, nothing", _head(), close=True),
    ResponseCase("a length and close", _head(_LENGTH, b"Connection: close") + b"ok", body=b"ok", close=True,
                 absent=["Connection"]),
    ResponseCase("close, but it stays open", _head(_LENGTH, b"Connection: close") + b"ok", body=b"ok", kept=False),
    ResponseCase("1.0 with a length", _head(_LENGTH, start=b"HTTP/1.0 200 OK") + b"ok", body=b"ok", kept=False),
    ResponseCase("1.0 until the end", _head(start=b"HTTP/1.0 200 OK") + b"ok", body=b"ok", close=True),
    ResponseCase("1.0 that is kept", _head(_LENGTH, b"Connection: keep-alive", start=b"HTTP/1.0 200 OK") + b"ok",
                 body=b"ok", absent=["Connection", "Keep-Alive"]),
    ResponseCase("chunks for a client of 1.0", _head(_CHUNKED) + b"2\r\nok\r\n0\r\n\r\n", body=b"ok", version="HTTP/1.0",
                 absent=["Transfer-Encoding"]),
    ResponseCase("until the end for a client of 1.0", _head() + b"ok", body=b"ok", close=True, version="HTTP/1.0"),

    # No body
    ResponseCase("HEAD with a length", _head(b"Content-Length: 5"), method="HEAD", present={"Content-Length": ["5"]}),
    ResponseCase("HEAD with chunks announced", _head(_CHUNKED), method="HEAD"),
    ResponseCase("HEAD without either", _head(), method="HEAD"),
    ResponseCase("204", _head(start=b"HTTP/1.1 204 No Content"), status=204),
    ResponseCase("204 with a length of zero", _head(b"Content-Length: 0", start=b"HTTP/1.1 204 No Content"), status=204,
                 absent=["Content-Length"]),
    ResponseCase("304", _head(b'ETag: "x"', start=b"HTTP/1.1 304 Not Modified"), status=304, present={"ETag": ['"x"']}),
    ResponseCase("304 with a length", _head(b"Content-Length: 5", start=b"HTTP/1.1 304 Not Modified"), status=304),
    ResponseCase("304 with chunks announced", _head(_CHUNKED, start=b"HTTP/1.1 304 Not Modified"), status=304),

    # Interim answers
    ResponseCase("103 before it", _head(b"Link: </a>", start=b"HTTP/1.1 103 Early Hints") + _OK, body=b"ok"),
    ResponseCase("100 that nobody asked for", _head(start=b"HTTP/1.1 100 Continue") + _OK, body=b"ok"),
    ResponseCase("three kinds of 1xx", b"".join(_head(start=b"HTTP/1.1 %d x" % s) for s in (100, 102, 199)) + _OK, body=b"ok"),
    ResponseCase("1xx for a client of 1.0", _head(start=b"HTTP/1.1 103 x") + _OK, body=b"ok", version="HTTP/1.0"),
    _malformed("a flood of 1xx", _head(start=b"HTTP/1.1 100 Continue") * 2000 + _OK),
    _malformed("1xx with a length", _head(b"Content-Length: 5", start=b"HTTP/1.1 103 x") + b"hello" + _OK),
    _malformed("1xx with chunks", _head(_CHUNKED, start=b"HTTP/1.1 103 x") + b"0\r\n\r\n" + _OK),
    _malformed("1xx and no HTTP", _head(start=b"HTTP/1.1 100 Continue") + b"hello\r\n\r\n"),
    _malformed("101 that nobody asked for", _head(b"Connection: upgrade", b"Upgrade: x", start=b"HTTP/1.1 101 x") + _POISON),
    ResponseCase("1xx and the end", _head(start=b"HTTP/1.1 100 Continue"), "malformed", 502, close=True,
                 reason="backend-reset"),

    # Bytes that belong to nobody: the connection is given up, and nobody gets them
    ResponseCase("an answer behind a length", _OK + _POISON, body=b"ok", kept=False),
    ResponseCase("a byte behind a length", _OK + b"x", body=b"ok", kept=False),
    ResponseCase("an empty line behind a length", _OK + b"\r\n", body=b"ok", kept=False),
    ResponseCase("an answer behind chunks", _head(_CHUNKED) + b"2\r\nok\r\n0\r\n\r\n" + _POISON, body=b"ok", kept=False),
    ResponseCase("a body behind HEAD", _OK, method="HEAD", kept=False),
    ResponseCase("an answer as the body of HEAD", _head(b"Content-Length: %d" % len(_POISON)) + _POISON, method="HEAD",
                 kept=False),
    ResponseCase("chunks behind HEAD", _head(_CHUNKED) + b"2\r\nok\r\n0\r\n\r\n", method="HEAD", kept=False),
    ResponseCase("an answer behind 204", _head(start=b"HTTP/1.1 204 No Content") + _POISON, status=204, kept=False),
    ResponseCase("a body behind 304", _head(_LENGTH, start=b"HTTP/1.1 304 Not Modified") + b"ok", status=304, kept=False),
    ResponseCase("an answer behind 304", _head(start=b"HTTP/1.1 304 Not Modified") + _POISON, status=304, kept=False),
    ResponseCase("an interim answer behind the final one", _OK + _head(start=b"HTTP/1.1 100 Continue"), body=b"ok",
                 kept=False),

    # Two lengths, or none that can be understood
    _malformed("both, the length first", _head(_LENGTH, _CHUNKED) + b"2\r\nok\r\n0\r\n\r\n"),
    _malformed("both, the coding first", _head(_CHUNKED, _LENGTH) + b"2\r\nok\r\n0\r\n\r\n"),
    _malformed("both, for HEAD", _head(_CHUNKED, _LENGTH), method="HEAD"),
    _malformed("both, with 304", _head(_CHUNKED, _LENGTH, start=b"HTTP/1.1 304 x")),
    _field("two lengths that differ", b"Content-Length: 3"),
    _field("two lengths that agree", b"Content-Length: 2"),
    _malformed("a list of lengths", _head(b"Content-Length: 2, 2") + b"ok"),
    _malformed("a length with a sign", _head(b"Content-Length: +2") + b"ok"),
    _malformed("a length of 2^64 and two", _head(b"Content-Length: 18446744073709551618") + b"ok"),
    _malformed("an empty length", _head(b"Content-Length:") + b"ok", close=True),
    _malformed("gzip, chunked", _head(b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n"),
    _malformed("chunked, gzip", _head(b"Transfer-Encoding: chunked, gzip") + b"0\r\n\r\n", close=True),
    _malformed("chunked twice", _head(_CHUNKED, _CHUNKED) + b"0\r\n\r\n"),
    _malformed("xchunked", _head(b"Transfer-Encoding: xchunked") + b"0\r\n\r\n", close=True),
    _malformed("a coding and a vertical tab", _head(b"Transfer-Encoding: \x0bchunked") + b"0\r\n\r\n"),
    _malformed("a coding in 1.0", _head(_CHUNKED, start=b"HTTP/1.0 200 OK") + b"0\r\n\r\n"),
    _malformed("204 with a length", _head(_LENGTH, start=b"HTTP/1.1 204 x") + b"ok"),
    _malformed("204 with chunks", _head(_CHUNKED, start=b"HTTP/1.1 204 x") + b"0\r\n\r\n"),
    _malformed("Connection that names Content-Length", _head(_LENGTH, b"Connection: Content-Length") + b"ok"),

    # Lines
    _field("a fold", b"X-A: b\r\n c"),
    _field("a bare LF", b"X-A: b\nX-C: d"),
    _field("a bare CR", b"X-A: b\rX-C: d"),
    _field("a NUL", b"X-A: \0"),
    _field("a space before the colon", b"X-A : b"),
    _field("no colon", b"X-A"),
    _field("no name", b": b"),
    _field("a control byte", b"X-A: \x01"),
    _start("HTTP/2.0", b"HTTP/2.0 200 OK"),
    _start("HTTP/1.2", b"HTTP/1.2 200 OK"),
    _start("small letters", b"http/1.1 200 OK"),
    _start("another protocol", b"ICY 200 OK"),
    _start("a status of 99", b"HTTP/1.1 099 x"),
    _start("a status of 600", b"HTTP/1.1 600 x"),
    _start("a status of four digits", b"HTTP/1.1 2000 x"),
    _start("a status of two digits", b"HTTP/1.1 20 x"),
    _start("a status of letters", b"HTTP/1.1 abc x"),
    _start("a status with a sign", b"HTTP/1.1 +20 x"),
    _start("two spaces before the status", b"HTTP/1.1  200 OK"),
    _start("a bare CR in the reason", b"HTTP/1.1 200 O\rK"),
    _start("a NUL in the reason", b"HTTP/1.1 200 \0"),
    _malformed("an empty line before it", b"\r\n" + _OK),
    _malformed("HTTP/0.9", b"<html>hello</html>\r\n", close=True),
    _malformed("a head of 70 KiB", _head(_LENGTH, *[b"X-A: " + b"b" * 1000] * 70) + b"ok"),
    _malformed("200 fields", _head(_LENGTH, *[b"X-A: b"] * 200) + b"ok"),
    ResponseCase("half a head", b"HTTP/1.1 200 OK\r\nContent-Le", "malformed", 502, close=True, reason="backend-reset"),
    ResponseCase("no reason", _head(_LENGTH, start=b"HTTP/1.1 200 ") + b"ok", body=b"ok"),
    ResponseCase("no reason and no space", _head(_LENGTH, start=b"HTTP/1.1 200") + b"ok", body=b"ok"),
    ResponseCase("a status that nobody knows", _head(_LENGTH, start=b"HTTP/1.1 599 Strange") + b"ok", status=599, body=b"ok"),
    ResponseCase("fields of one hop", _head(_LENGTH, b"Connection: X-A", b"X-A: b", b"Keep-Alive: 1", b"Upgrade: h2c",
                                            b"Trailer: x", b"X-C: d") + b"ok", body=b"ok", present={"X-C": ["d"]},
                 absent=["X-A", "Keep-Alive", "Upgrade", "Connection", "Trailer"]),
    ResponseCase("Set-Cookie twice", _head(_LENGTH, b"Set-Cookie: a=b", b"Set-Cookie: c=d") + b"ok", body=b"ok",
                 present={"Set-Cookie": ["a=b", "c=d"]}),

    # Bodies that break off
    _broken("a length cut short", _head(b"Content-Length: 9") + b"ok", close=True),
    _broken("chunks cut short", _head(_CHUNKED) + b"9\r\nok", close=True),
    _broken("chunks without the last", _head(_CHUNKED) + b"2\r\nok\r\n", close=True),
    _broken("chunks without the last line", _head(_CHUNKED) + b"2\r\nok\r\n0\r\n", close=True),
    _chunked("a chunk longer than its size", b"1\r\nok\r\n0\r\n\r\n"),
    _chunked("a chunk size that is none", b"2\r\nok\r\nx\r\n\r\n"),
    _chunked("a chunk size of seventeen digits", b"2\r\nok\r\n00000000000000000\r\n\r\n"),
    _chunked("a chunk size before a space", b"2\r\nok\r\n0 \r\n\r\n"),
    _chunked("a chunk ended by a bare LF", b"2\r\nok\n0\r\n\r\n"),
    _chunked("a chunk size ended by a bare LF", b"2\r\nok\r\n0\n\r\n"),
    _chunked("an answer as trailers", b"2\r\nok\r\n0\r\n" + _POISON),
    _chunked("a bad trailer", b"2\r\nok\r\n0\r\nX A: b\r\n\r\n"),
]
