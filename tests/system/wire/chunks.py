"""Chunked bodies (RFC 9112 section 7.1): sizes, extensions, ends, trailers."""
from .case import SMUGGLED, Case, chunked, cut_off, get, passes

_HELLO = ("POST", "/p", b"hello")
_SMUGGLED_CHUNK = b"%x\r\n%s\r\n" % (len(SMUGGLED), SMUGGLED)


def _good(name, body, text=b"hello", **more):
    return passes(name, chunked(body), ("POST", "/p", text), **more)


def _bad(name, body):
    return cut_off(name, chunked(body))


def _size(name, size):
    return _bad(name, size + b"hello\r\n0\r\n\r\n")


def _trailer(name, trailer):
    return _bad(name, b"5\r\nhello\r\n0\r\n" + trailer + b"\r\n")


def _kept(name, trailers, kept):
    return _good(name, b"5\r\nhello\r\n0\r\n" + trailers + b"\r\n", trailers=kept)


CASES = [
    _good("one chunk", b"5\r\nhello\r\n0\r\n\r\n"),
    _good("chunks of one byte", b"".join(b"1\r\n%c\r\n" % byte for byte in b"hello") + b"0\r\n\r\n"),
    _good("no chunk but the last", b"0\r\n\r\n", b""),
    _good("a size in capitals", b"A\r\nhelloworld\r\n0\r\n\r\n", b"helloworld"),
    _good("a size in small letters", b"a\r\nhelloworld\r\n0\r\n\r\n", b"helloworld"),
    _good("zeros before a size", b"0005\r\nhello\r\n0\r\n\r\n"),
    _good("sixteen digits of a size", b"0000000000000005\r\nhello\r\n0\r\n\r\n"),
    _good("a last chunk of three zeros", b"5\r\nhello\r\n000\r\n\r\n"),
    _good("an extension", b"5;a=b\r\nhello\r\n0\r\n\r\n"),
    _good("an extension without a value", b"5;a\r\nhello\r\n0;b\r\n\r\n"),
    _good("an extension in quotes", b'5;a="b;c"\r\nhello\r\n0\r\n\r\n'),
    _good("an extension that looks like a chunk", b"5;0\r\nhello\r\n0\r\n\r\n"),
    _good("data that looks like the end", b"5\r\n0\r\n\r\n\r\n0\r\n\r\n", b"0\r\n\r\n"),
    _good("data that is a request", _SMUGGLED_CHUNK + b"0\r\n\r\n", SMUGGLED),

    _size("a size of seventeen digits", b"00000000000000005\r\n"),
    _size("a size of 2^64 and five", b"10000000000000005\r\n"),
    _size("a size of seventeen Fs", b"fffffffffffffffff\r\n"),
    _size("a size with a minus", b"-5\r\n"),
    _size("a size with 0x", b"0x5\r\n"),
    _size("a size behind a space", b" 5\r\n"),
    _size("a size before a space", b"5 \r\n"),
    _size("a size before a tab", b"5\t\r\n"),
    _size("a space before an extension", b"5 ;a\r\n"),
    _size("a size in quotes", b'"5"\r\n'),
    _size("a size with a comma", b"5,5\r\n"),
    _size("a size with a point", b"5.0\r\n"),
    _size("a size with an underscore", b"0_5\r\n"),
    _size("a size behind an empty line", b"\r\n5\r\n"),
    _size("an extension without a size", b";a=b\r\n"),
    _size("a size and a bare LF", b"5\n"),
    _size("a size and a bare CR", b"5\r"),
    _size("a size and two CRs", b"5\r\r\n"),
    _size("a size and a NUL", b"5\0\r\n"),
    _size("an extension with a bare LF (TERM.EXT)", b"5;a\n"),
    _size("an extension with a bare CR", b"5;a\rb\r\n"),
    _size("an extension with a NUL", b"5;a\0\r\n"),
    _size("an extension with a control byte", b"5;\x01\r\n"),
    _size("an extension with a DEL", b"5;\x7f\r\n"),
    _size("an extension that hides a chunk behind a bare LF", b"5;\n0\r\n\r\n"),
    _bad("a chunk that is longer than its size", b"4\r\nhello\r\n0\r\n\r\n"),
    _bad("a chunk that is shorter than its size", b"6\r\nhello\r\n0\r\n\r\n"),
    _bad("a chunk without its CRLF", b"5\r\nhello0\r\n\r\n"),
    _bad("a chunk ended by two letters", b"5\r\nhelloXX0\r\n\r\n"),
    _bad("a chunk ended by a bare LF", b"5\r\nhello\n0\r\n\r\n"),
    _bad("a chunk ended by a bare CR", b"5\r\nhello\r0\r\n\r\n"),
    _bad("a chunk ended by LF CR", b"5\r\nhello\n\r0\r\n\r\n"),
    _bad("a chunk ended by an empty line more", b"5\r\nhello\r\n\r\n0\r\n\r\n"),
    _bad("a last chunk ended by a bare LF", b"5\r\nhello\r\n0\n\r\n"),
    _bad("an end of a bare LF", b"5\r\nhello\r\n0\r\n\n"),
    _bad("an end of a bare CR", b"5\r\nhello\r\n0\r\n\rX"),
    _bad("extensions without an end", b"".join(b"1;%s\r\nx\r\n" % (b"e" * 1000) for _ in range(40))),

    _bad("a request as trailers", b"5\r\nhello\r\n0\r\n" + SMUGGLED),
    _trailer("a trailer with a space in its name", b"X A: b\r\n"),
    _trailer("a trailer with a space before the colon", b"X-A : b\r\n"),
    _trailer("a trailer without a colon", b"X-A\r\n"),
    _trailer("a trailer without a name", b": b\r\n"),
    _trailer("a folded trailer", b"X-A: b\r\n c\r\n"),
    _trailer("a trailer behind a space", b" X-A: b\r\n"),
    _trailer("a trailer with a bare LF", b"X-A: b\n"),
    _trailer("a trailer with a bare CR", b"X-A: b\rX-B: c\r\n"),
    _trailer("a trailer with a NUL", b"X-A: \0\r\n"),
    _trailer("a trailer of a CR only", b"\rX\r\n"),
    _kept("trailers are trailers", b"X-A: b\r\nX-C: d\r\n", [("X-A", "b"), ("X-C", "d")]),
    _kept("a length in the trailers is dropped", b"Content-Length: 50\r\nX-A: b\r\n", [("X-A", "b")]),
    _kept("a coding in the trailers is dropped", b"Transfer-Encoding: chunked\r\n", []),
    _kept("a host in the trailers is dropped", b"Host: evil\r\n", []),
    _kept("who the client is is not told by trailers", b"X-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\n"
          b"X-Client-Cert-Subject: CN=admin\r\nMeridian-Site: mars\r\n", []),
    _kept("underscores in trailers make it no other name",
          b"X_Forwarded_For: 1.2.3.4\r\nX_Client_Cert_Subject: CN=admin\r\n", []),
    _kept("credentials in the trailers are dropped", b"Authorization: x\r\nCookie: a=b\r\nSet-Cookie: a=b\r\n", []),
    _kept("what is of one hop is dropped", b"Connection: X-A\r\nKeep-Alive: 1\r\nUpgrade: h2c\r\nTE: x\r\n", []),
    passes("the next request behind trailers", chunked(b"5\r\nhello\r\n0\r\nX-A: b\r\n\r\n") + get(), _HELLO,
           ("GET", "/g")),
    passes("three chunked requests", chunked(b"5\r\nhello\r\n0\r\n\r\n") * 3, _HELLO, _HELLO, _HELLO),
    Case("a chunk that the client cuts off", chunked(b"5\r\nhel"), [], partial=True, ends=True, half_close=True),
    Case("a last chunk that the client cuts off", chunked(b"5\r\nhello\r\n0\r\n"), [], partial=True, ends=True,
         half_close=True),
]
