"""Host (RFC 9112 section 3.2, RFC 9110 section 7.2): missing, repeated, odd, and against an absolute target."""
from .case import get, passes, refused


def _bad(name, value):
    return refused(name, get(host=b"Host: " + value))


def _good(name, value):
    return passes(name, get(host=b"Host: " + value), ("GET", "/g"), present={"Host": [value.decode()]})


CASES = [
    refused("no Host, with other fields", get(b"/g", b"X-Host: a", host=None)),
    refused("two Hosts that agree", get(b"/g", b"Host: a")),
    refused("two Hosts in odd letters", get(b"/g", b"hOST: b")),
    refused("three Hosts", get(b"/g", b"X-A: b", b"Host: a", b"Host: a")),
    refused("two Hosts in HTTP/1.0", get(b"/g", b"Host: b", version=b"HTTP/1.0")),
    refused("no Host with an absolute target", get(b"http://b/g", host=None)),
    refused("two Hosts with an absolute target", get(b"http://b/g", b"Host: b")),
    refused("an odd Host with an absolute target", get(b"http://b/g", host=b"Host: a b")),
    refused("Host before a space", get(b"/g", host=b"Host : a")),
    refused("Host, and Host before a space", get(b"/g", b"Host : b")),
    refused("Host folded", get(b"/g", host=b"Host:\r\n a")),
    refused("Host behind a space", get(b"/g", host=b" Host: a")),
    _bad("an empty one", b""),
    _bad("a list", b"a, b"),
    _bad("a list without spaces", b"a,b"),
    _bad("two ports", b"a:80:80"),
    _bad("a port of letters", b"a:http"),
    _bad("a port with a sign", b"a:+80"),
    _bad("an empty port", b"a:"),
    _bad("a port only", b":80"),
    _bad("a large port", b"a:65536"),
    _bad("a path", b"a/g"),
    _bad("a query", b"a?x"),
    _bad("a Host with a fragment", b"a#x"),
    _bad("a user", b"user@a"),
    _bad("a scheme", b"http://a"),
    _bad("a tab within", b"a\tb"),
    _bad("a NUL", b"a\0b"),
    _bad("a percent", b"a%62"),
    _bad("a backslash", b"a\\b"),
    _bad("a bracket not closed", b"[::1"),
    _bad("something behind a bracket", b"[::1]x"),
    _bad("a bracket without an address", b"[a]"),
    _bad("a zone", b"[fe80::1%25eth0]"),
    _bad("letters above 127", b"\xc3\xa4"),
    _bad("256 letters", b"a" * 256),
    _bad("quotes", b'"a"'),
    _good("a port", b"a:8080"),
    _good("IPv6", b"[::1]:80"),
    _good("IPv4", b"127.0.0.1"),
    _good("a name with an underscore", b"a_b.test"),
    _good("255 letters", b"a" * 255),
    passes("Host last", get(b"/g", b"X-A: b", b"Host: a", host=None), ("GET", "/g"), present={"Host": ["a"]}),
    passes("no Host in HTTP/1.0", get(host=None, version=b"HTTP/1.0"), ("GET", "/g"), ends=True),
    passes("names that only look like Host", get(b"/g", b"X-Host: b", b"X-Forwarded-Server: c", b"Hos: d", b"Hostt: e"),
           ("GET", "/g"), present={"Host": ["a"], "X-Forwarded-Host": ["a"]}),
    passes("underscores make it no other name", get(b"/g", b"X_Forwarded_Host: evil", b"X_FORWARDED_FOR: 1.2.3.4",
                                                    b"x-forwarded_proto: https", b"X_Client_Cert_Subject: CN=admin",
                                                    b"Meridian_Site: mars", b"X_Request_Id: 1"),
           ("GET", "/g"), present={"X-Forwarded-Host": ["a"]},
           absent=["X_Forwarded_Host", "X_Forwarded_For", "X-Forwarded_Proto", "X_Client_Cert_Subject", "Meridian_Site",
                   "X_Request_Id"]),
]
