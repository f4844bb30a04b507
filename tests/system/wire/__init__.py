"""Cases as data: what a client (or a backend) sends byte by byte, and what must come of it. ../wire_test.py judges
them.

REQUESTS, RESPONSES and HTTP2_REQUESTS are all of them; the files are families of them.
"""
from . import chunks, connections, framing, hosts, http2, lines, responses, targets

REQUESTS = [*framing.CASES, *chunks.CASES, *lines.CASES, *targets.CASES, *hosts.CASES, *connections.CASES]
RESPONSES = responses.CASES
HTTP2_REQUESTS = http2.CASES

__all__ = ["HTTP2_REQUESTS", "REQUESTS", "RESPONSES"]
