"""Request targets (RFC 9112 section 3.2) and methods that need their own: CONNECT, OPTIONS, TRACE."""
from .case import get, passes, refused


def _bad(name, target, status=400, method=b"GET"):
    return refused(name, get(target, method=method), status)


def _as_is(name, target):
    return passes(name, get(target), ("GET", target.decode()))


def _absolute(name, target, path, host):
    return passes(name, get(target), ("GET", path), present={"Host": [host], "X-Forwarded-Host": [host]})


CASES = [
    _bad("a fragment", b"/g#x"),
    _bad("a fragment in a query", b"/g?a#x"),
    _bad("bytes above 127", b"/\xc3\xa4"),
    _bad("a DEL", b"/\x7f"),
    _bad("no slash", b"g"),
    _bad("a query only", b"?a"),
    _bad("an asterisk for GET", b"*"),
    _bad("an asterisk and more", b"*x", method=b"OPTIONS"),
    _bad("an authority for GET", b"b:80"),
    _bad("another scheme", b"ftp://b/"),
    _bad("a scheme without slashes", b"http:b/"),
    _bad("a scheme and one slash", b"http:/b"),
    _bad("an absolute target without a host", b"http:///g"),
    _bad("an absolute target with a user", b"http://user@b/"),
    _bad("an absolute target with a user like a host", b"http://a:80@b/"),
    _bad("an absolute target with an odd port", b"http://b:x/"),
    _bad("an absolute target with a large port", b"http://b:65536/"),
    _bad("an absolute target with an empty port", b"http://b:/"),
    _bad("an absolute target with a backslash", b"http://b\\g"),
    _bad("an absolute target with a percent in its host", b"http://b%2f/"),
    _bad("an absolute target with a bracket", b"http://[::1/"),
    _bad("an absolute target with a query only", b"http://b?a", 501),
    _bad("an absolute target for OPTIONS without a path", b"http://b", 501, method=b"OPTIONS"),
    _bad("a JavaScript target", b"javascript:alert(1)"),
    _bad("CONNECT", b"b:443", 501, method=b"CONNECT"),
    _bad("CONNECT to a path", b"/g", method=b"CONNECT"),
    _bad("CONNECT to an absolute target", b"http://b/", method=b"CONNECT"),
    _bad("CONNECT without a port", b"b", method=b"CONNECT"),
    refused("CONNECT with a body", b"CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\nContent-Length: 5\r\n\r\nhello"),
    refused("CONNECT in HTTP/1.0", b"CONNECT b:443 HTTP/1.0\r\n\r\n", 501),
    refused("CONNECT behind a request", get() + b"CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n", 501,
            reach=[("GET", "/g", b"")]),
    _bad("CONNECT in small letters", b"b:443", 501, method=b"connect"),
    passes("OPTIONS of all", get(b"*", method=b"OPTIONS"), ("OPTIONS", "*")),
    passes("OPTIONS of a path", get(b"/g", method=b"OPTIONS"), ("OPTIONS", "/g")),
    passes("TRACE", get(b"/g", method=b"TRACE"), ("TRACE", "/g")),
    passes("PROPFIND", get(b"/g", method=b"PROPFIND"), ("PROPFIND", "/g")),
    _as_is("two slashes", b"//b/g"),
    _as_is("dots", b"/../g/./x"),
    _as_is("an absolute target within a path", b"/http://b/g"),
    _as_is("a NUL, percent-encoded", b"/%00"),
    _as_is("CR and LF, percent-encoded", b"/%0d%0aX-A:%20b"),
    _as_is("a slash, percent-encoded", b"/a%2f..%2fb"),
    _as_is("half a percent", b"/%zz%"),
    _as_is("a query with all in it", b"/g?a=/?&b=http://c/;:@!$'()*+,[]"),
    _as_is("marks that URIs do not have", b'/"<>\\^`{|}'),
    _as_is("a long one", b"/" + b"x" * 8000),
    _absolute("an absolute target takes Host's place", b"http://b/g?x", "/g?x", "b"),
    _absolute("an absolute target without a path", b"http://b", "/", "b"),
    _absolute("an absolute target with a port", b"http://b:8080/g", "/g", "b:8080"),
    _absolute("an absolute target in capitals", b"HTTP://B/g", "/g", "B"),
    _absolute("an absolute target of IPv6", b"http://[::1]:80/g", "/g", "[::1]:80"),
    _absolute("an absolute target by https", b"https://b/g", "/g", "b"),
    _absolute("an absolute target with two slashes", b"http://b//g", "//g", "b"),
]
