"""Where a request ends: Content-Length, Transfer-Encoding, both, and what only looks like them (RFC 9112 section 6)."""
from .case import SMUGGLED, get, passes, post, refused

_CHUNKED = b"Transfer-Encoding: chunked"
_LENGTH = b"Content-Length: 5"
_END = b"0\r\n\r\n"


def _with(*fields, body=_END):
    return post(*fields, body=body)


def _coding(value):
    return _with(b"Transfer-Encoding: " + value)


def _length(value, body=b"hello"):
    return post(b"Content-Length: " + value, body=body)


CASES = [
    # CL.TE, TE.CL: two readers that each believe one of the two
    refused("CL.TE: the length covers the next request", _with(b"Content-Length: 40", _CHUNKED, body=_END + SMUGGLED)),
    refused("TE.CL: the length ends in the first chunk",
            _with(_CHUNKED, b"Content-Length: 4", body=b"26\r\n" + SMUGGLED + b"\r\n" + _END)),
    refused("CL.TE in odd letters", _with(b"cONTENT-lENGTH: 5", b"tRANSFER-eNCODING: chunked")),
    refused("TE.0: chunked and a length of zero", _with(_CHUNKED, b"Content-Length: 0")),
    refused("CL.TE apart from one another", _with(_LENGTH, b"X-A: b", b"X-C: d", _CHUNKED)),
    refused("both, on GET", get(b"/g", _LENGTH, _CHUNKED) + _END),
    refused("both, the coding unknown", _with(_LENGTH, b"Transfer-Encoding: xchunked")),
    refused("both, the coding empty", _with(_LENGTH, b"Transfer-Encoding:")),
    refused("both, the coding identity", _with(_LENGTH, b"Transfer-Encoding: identity", body=b"hello")),
    refused("both, the length empty", _with(_CHUNKED, b"Content-Length:")),
    refused("both, the length no number", _with(_CHUNKED, b"Content-Length: x")),
    refused("both, in HTTP/1.0", post(_LENGTH, _CHUNKED, body=b"hello", version=b"HTTP/1.0")),

    # TE.TE: a coding that one reader knows and the other does not
    refused("TE.TE: chunked and another field", _with(_CHUNKED, b"Transfer-Encoding: x")),
    refused("TE.TE: another field and chunked", _with(b"Transfer-Encoding: x", _CHUNKED)),
    refused("TE.TE: chunked in two fields", _with(_CHUNKED, _CHUNKED)),
    refused("TE.TE: chunked and identity in two fields", _with(_CHUNKED, b"Transfer-encoding: identity")),
    refused("TE.TE: gzip and chunked in two fields", _with(b"Transfer-Encoding: gzip", _CHUNKED)),
    refused("a coding with a parameter", _coding(b"chunked;q=1")),
    refused("a coding and a semicolon", _coding(b"chunked;")),
    refused("a coding and a comma", _coding(b"chunked,"), 400),
    refused("a comma and a coding", _coding(b",chunked"), 501),
    refused("a coding in quotes", _coding(b'"chunked"')),
    refused("a coding in single quotes", _coding(b"'chunked'")),
    refused("two codings without a comma", _coding(b"chunked chunked")),
    refused("a coding and a word", _coding(b"chunked x")),
    refused("a coding with a letter less", _coding(b"chunke")),
    refused("a coding with a letter more", _coding(b"chunkedd")),
    refused("a coding behind a vertical tab", _coding(b"\x0bchunked")),
    refused("a coding before a form feed", _coding(b"chunked\x0c")),
    refused("a coding behind a no-break space", _coding(b"\xa0chunked")),
    refused("a coding behind a zero-width space", _coding(b"\xe2\x80\x8bchunked")),
    refused("a coding with a NUL behind", _coding(b"chunked\0")),
    refused("a coding with a bare CR behind", _coding(b"chunked\r")),
    refused("a coding behind a bare CR", _coding(b"\rchunked")),
    refused("a coding folded", _coding(b"\r\n chunked")),
    refused("a coding folded by a tab", _coding(b"\r\n\tchunked")),
    refused("codings folded", _coding(b"chunked\r\n , identity")),
    refused("chunked, gzip", _coding(b"chunked, gzip")),
    refused("gzip alone", _coding(b"gzip")),
    refused("deflate, chunked", _coding(b"deflate, chunked"), 501),
    refused("identity, chunked", _coding(b"identity, chunked"), 501),
    refused("an empty coding", _coding(b"")),
    refused("a coding behind a bare LF", _with(b"X-A: b\nTransfer-Encoding: chunked", _LENGTH)),
    refused("a coding behind a bare CR in a field", _with(b"X-A: b\rTransfer-Encoding: chunked", _LENGTH)),
    refused("a coding's name before a space", _with(b"Transfer-Encoding : chunked", _LENGTH)),
    refused("a coding's name with a NUL", _with(b"Transfer-Encoding\0: chunked")),
    refused("a coding's name with a vertical tab", _with(b"Transfer-Encoding\x0b: chunked")),
    refused("a coding's name with a no-break space", _with(b"Transfer-Encoding\xa0: chunked")),
    refused("a coding's name in two words", _with(b"Transfer Encoding: chunked")),
    refused("a coding's name behind a space", _with(_LENGTH, b" Transfer-Encoding: chunked")),
    refused("a coding and no name", _with(b": chunked", _LENGTH)),
    passes("a coding in capitals", _coding(b"CHUNKED"), ("POST", "/p")),
    passes("a coding between spaces", _coding(b" \t chunked "), ("POST", "/p")),
    passes("a name with an underscore is no coding", post(_LENGTH, b"Transfer_Encoding: chunked", body=b"hello"),
           ("POST", "/p", b"hello"), absent=["Transfer_Encoding"]),
    passes("a name with an underscore is no length", post(b"Content_Length: 5") + get(),
           ("POST", "/p"), ("GET", "/g"), absent=["Content_Length"]),
    passes("other names are no coding", post(_LENGTH, b"X-Transfer-Encoding: chunked", b"TransferEncoding: chunked",
                                             body=b"hello"), ("POST", "/p", b"hello")),

    # Content-Length alone
    refused("two lengths that differ in letters", _with(_LENGTH, b"content-length: 6", body=b"hello!")),
    refused("three lengths", post(_LENGTH, _LENGTH, _LENGTH, body=b"hello")),
    refused("two lengths apart", post(_LENGTH, b"X-A: b", _LENGTH, body=b"hello")),
    refused("a list of lengths that differ", _length(b"5, 6")),
    refused("a list with an empty end", _length(b"5,")),
    refused("a length with a semicolon", _length(b"5;")),
    refused("a length with a fraction", _length(b"5.0")),
    refused("a length with an exponent", _length(b"1e1", b"helloworld")),
    refused("a length with a grouping mark", _length(b"1_0", b"helloworld")),
    refused("a length in two words", _length(b"5 5")),
    refused("a length in quotes", _length(b'"5"')),
    refused("a length of minus nothing", _length(b"-0", b"")),
    refused("a length in other digits", _length(b"\xef\xbc\x95")),
    refused("a length behind a vertical tab", _length(b"\x0b5")),
    refused("a length before a no-break space", _length(b"5\xa0")),
    refused("a length with a NUL", _length(b"5\0")),
    refused("a length with a bare CR", _length(b"5\r")),
    refused("a length with letters behind", _length(b"5h")),
    refused("a length of 2^64", _length(b"18446744073709551616")),
    refused("a length of 2^64 and five", _length(b"18446744073709551621")),
    refused("a length of forty digits", _length(b"9" * 40)),
    refused("a length folded", _length(b"\r\n 5")),
    refused("a length's name in two words", post(b"Content Length: 5", body=b"hello")),
    refused("a length's name before a tab", post(b"Content-Length\t: 5", body=b"hello")),
    passes("zeros before a length", _length(b"0005"), ("POST", "/p", b"hello"), present={"Content-Length": ["5"]}),
    passes("a length between spaces", _length(b"  5 "), ("POST", "/p", b"hello")),
    passes("a length of zero", _length(b"0", b""), ("POST", "/p"), present={"Content-Length": ["0"]}),

    # CL.0, 0.CL: a body where some expect none, and none where some expect one
    passes("CL.0: a body that is a request", post(b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED),
           ("POST", "/p", SMUGGLED)),
    passes("GET with a body", get(b"/g", _LENGTH) + b"hello", ("GET", "/g", b"hello")),
    passes("GET with a body that is a request", get(b"/g", b"Content-Length: %d" % len(SMUGGLED)) + SMUGGLED,
           ("GET", "/g", SMUGGLED)),
    passes("GET with chunks", get(b"/g", _CHUNKED) + b"5\r\nhello\r\n" + _END, ("GET", "/g", b"hello")),
    passes("DELETE with a body", post(_LENGTH, body=b"hello", method=b"DELETE"), ("DELETE", "/p", b"hello")),
    passes("OPTIONS with a body", post(_LENGTH, body=b"hello", method=b"OPTIONS"), ("OPTIONS", "/p", b"hello")),
    passes("POST without a length has no body", post() + get(b"/second"), ("POST", "/p"), ("GET", "/second")),
    passes("PUT, then GET, then PUT", post(_LENGTH, body=b"first", method=b"PUT") + get() +
           post(_CHUNKED, body=b"6\r\nsecond\r\n0\r\n\r\n", method=b"PUT"),
           ("PUT", "/p", b"first"), ("GET", "/g"), ("PUT", "/p", b"second")),
    passes("a body with CRLFs and NULs", post(b"Content-Length: 9", body=b"\r\n\r\n\0\n\r\n\r"),
           ("POST", "/p", b"\r\n\r\n\0\n\r\n\r")),
    refused("a byte more than the length is the next request", post(b"Content-Length: 4", body=b"hello"), 501,
            reach=[("POST", "/p", b"hell")]),
]
