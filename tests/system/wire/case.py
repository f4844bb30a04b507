"""How a case is written down."""

# What an attacker would have a backend take for a request. It follows each case that must end the connection.
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


class Case:
    """`wire` is sent as it stands. `reach`: the requests (method, target, body) that the backend must get, in order;
    `statuses`: of the answers. `ends`: the connection must be closed then, and what is sent behind it be lost; else
    what follows must be a request of its own. `answer`: the backend's to each of them (recorder.Answer; None: an echo).
    `present`: {name: [values]} of the last request that arrives; `absent`: names that it must not have. `reason`: the
    Meridian-Reason of the last answer. `trailers`: of the last request. `partial`: the start of a request more may
    have arrived, cut off. `half_close`: the client ends its side behind it.
    """

    def __init__(self, name, wire, statuses, reach=(), ends=False, answer=None, present=None, absent=(), reason=None,
                 trailers=None, partial=False, half_close=False):
        self.name, self.wire, self.statuses, self.reach, self.ends = name, wire, list(statuses), list(reach), ends
        self.answer, self.present, self.absent, self.reason = answer, present or {}, absent, reason
        self.trailers, self.partial, self.half_close = trailers, partial, half_close


def line(name, value, end=b"\r\n"):
    return name + b": " + value + end


def get(target=b"/g", *fields, method=b"GET", host=b"Host: a", version=b"HTTP/1.1"):
    """Without a body; fields as lines without their CRLF."""
    lines = [b"%s %s %s" % (method, target, version), *([host] if host else []), *fields]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def post(*fields, body=b"", target=b"/p", method=b"POST", host=b"Host: a", version=b"HTTP/1.1"):
    return get(target, *fields, method=method, host=host, version=version) + body


def chunked(body, *fields):
    return post(b"Transfer-Encoding: chunked", *fields, body=body)


def refused(name, wire, status=400, reason=None, reach=(), partial=False):
    """Answered with an error, nothing of it forwarded (or, with `partial`, cut off in the middle), the connection
    closed."""
    reasons = {400: "bad-request", 501: "unsupported"}
    return Case(name, wire, [200] * len(reach) + [status], reach, ends=True, partial=partial,
                reason=reason or reasons.get(status))


def cut_off(name, wire, status=400):
    """A fault behind the head: the head may have gone, the end of the body must not have."""
    return refused(name, wire, status, partial=True)


def passes(name, wire, *reach, **more):
    """Each of `reach`: (method, target) or (method, target, body)."""
    reach = [(each + (b"",))[:3] for each in reach]
    return Case(name, wire, [200] * len(reach), reach, **more)
