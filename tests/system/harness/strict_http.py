"""HTTP/1.1 as its grammar says it and no byte more (RFC 9112): what stands on the wire must be whole messages in
canonical form, or an unfinished one at the end. Written apart from Meridian's parser, to judge what it wrote.
"""
import re

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_FIELD = re.compile(rb"(%s): ?([\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff\t]*[\x21-\x7e\x80-\xff])?)?\Z" % _TOKEN)
_REQUEST_LINE = re.compile(rb"(%s) (/[\x21\x22\x24-\x7e]*|\*) HTTP/1\.1\Z" % _TOKEN)
_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) ([\x20-\x7e\x80-\xff\t]*)\Z")
_CHUNK_SIZE = re.compile(rb"(?:0|[1-9a-f][0-9a-f]{0,15})\Z")
_LENGTH = re.compile(rb"[0-9]{1,20}\Z")


class Violation(Exception):
    """The bytes are not HTTP/1.1, or could be read in two ways."""


class Message:
    def __init__(self):
        self.method = self.target = self.reason = None
        self.status = None
        self.fields = []
        self.body = b""
        self.trailers = []
        self.until_close = False

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name):
        values = self.all(name)
        return values[0] if values else None

    def __repr__(self):
        start = "%s %s" % (self.method, self.target) if self.method else "%d %s" % (self.status, self.reason)
        return "<%s %r %r>" % (start, self.fields, self.body[:100])


def _line(data, at):
    """(the line at `at`, where the next begins), or None while its end is missing."""
    end = data.find(b"\n", at)
    line = data[at:] if end < 0 else data[at:end]
    bad = line[:-1] if line.endswith(b"\r") else line
    if b"\r" in bad or b"\0" in bad or (end >= 0 and not line.endswith(b"\r")):
        raise Violation("a line with a bare CR, a bare LF or a NUL: %r" % line[:100])
    return None if end < 0 else (line[:-1], end + 1)


def _fields(data, at):
    """([(name, value)], where they end, behind the empty line), or None."""
    fields = []
    while True:
        found = _line(data, at)
        if found is None:
            return None
        line, at = found
        if not line:
            return fields, at
        match = _FIELD.match(line)
        if not match:
            raise Violation("no field: %r" % line[:100])
        fields.append((match[1].decode(), (match[2] or b"").decode("latin-1")))


def _chunks(data, at, message):
    body = []
    while True:
        found = _line(data, at)
        if found is None:
            return None
        line, at = found
        if not _CHUNK_SIZE.match(line):
            raise Violation("no chunk size: %r" % line[:100])
        size = int(line, 16)
        if size == 0:
            break
        if len(data) < at + size + 2:
            return None
        if data[at + size:at + size + 2] != b"\r\n":
            raise Violation("a chunk that does not end where it says")
        body.append(data[at:at + size])
        at += size + 2
    found = _fields(data, at)
    if found is None:
        return None
    message.trailers, at = found
    message.body = b"".join(body)
    return at


def _framed(data, at, message):
    """The body as the fields frame it; None while it is not whole."""
    codings, lengths = message.all("Transfer-Encoding"), message.all("Content-Length")
    if len(codings) + len(lengths) > 1:
        raise Violation("more than one length: %r" % message.fields)
    if codings:
        if codings != ["chunked"]:
            raise Violation("a coding other than chunked: %r" % codings)
        return _chunks(data, at, message)
    if lengths:
        if not _LENGTH.match(lengths[0].encode("latin-1")):
            raise Violation("no length: %r" % lengths[0])
        end = at + int(lengths[0])
        if len(data) < end:
            return None
        message.body = data[at:end]
        return end
    return at


def _head(data, at, pattern):
    """(the match of the start line, its fields, where the body begins), or None."""
    found = _line(data, at)
    if found is None:
        return None
    line, at = found
    match = pattern.match(line)
    if not match:
        raise Violation("no start line: %r" % line[:100])
    found = _fields(data, at)
    return found and (match, *found)


def read_request(data, at=0):
    """(the request at `at`, where it ends), or None while it is not whole."""
    head = _head(data, at, _REQUEST_LINE)
    if head is None:
        return None
    message = Message()
    match, message.fields, body = head
    message.method, message.target = match[1].decode(), match[2].decode("latin-1")
    if len(message.all("Host")) != 1:
        raise Violation("not one Host: %r" % message.fields)
    if message.target == "*" and message.method != "OPTIONS":
        raise Violation("an asterisk for %s" % message.method)
    end = _framed(data, body, message)
    return None if end is None else (message, end)


def read_head_of_request(data, at=0):
    """The same, of the head alone."""
    head = _head(data, at, _REQUEST_LINE)
    if head is None:
        return None
    message = Message()
    match, message.fields, body = head
    message.method, message.target = match[1].decode(), match[2].decode("latin-1")
    return message, body


def read_requests(data):
    """(whole requests, the bytes of an unfinished one)."""
    requests, at = [], 0
    while at < len(data):
        found = read_request(data, at)
        if found is None:
            break
        request, at = found
        requests.append(request)
    return requests, data[at:]


def read_response(data, at=0, method="GET", ended=False):
    """A final or interim response, and where it ends; None while it is not whole. `ended`: the connection has."""
    head = _head(data, at, _STATUS_LINE)
    if head is None:
        return None
    message = Message()
    match, message.fields, body = head
    message.status, message.reason = int(match[1]), match[2].decode("latin-1")
    codings, lengths = message.all("Transfer-Encoding"), message.all("Content-Length")
    if len(codings) + len(lengths) > 1:
        raise Violation("more than one length: %r" % message.fields)
    bodiless = message.status < 200 or message.status == 204
    if bodiless and (codings or lengths):
        raise Violation("a length with status %d" % message.status)
    if bodiless or method == "HEAD" or message.status == 304:
        return message, body
    if codings or lengths:
        end = _framed(data, body, message)
        return None if end is None else (message, end)
    message.until_close, message.body = True, data[body:]
    return (message, len(data)) if ended else None


def read_responses(data, methods, ended):
    """(final responses to requests of these methods in order, bytes left over). Interim ones are dropped; after a 101
    what follows is left over."""
    responses, at, methods = [], 0, list(methods)
    while at < len(data):
        found = read_response(data, at, methods[0] if methods else "GET", ended)
        if found is None:
            break
        response, at = found
        if response.status >= 200 or response.status == 101:
            responses.append(response)
            methods = methods[1:]
        if response.status == 101:
            break
    return responses, data[at:]
