"""No request and no response is split, merged or smuggled: raw bytes in, and every byte that the backend got judged.

The cases are data, in wire/. Each is sent whole, byte by byte, and cut at random; the outcome must be the same. What
a recording backend received is read by a strict parser of its own (harness/strict_http.py): it must be exactly the
requests that Meridian answered for, whole, in order, on however many connections.
"""
import contextlib
import zlib

from harness import Connection, Meridian, SystemTest, main, wait_until, web_config
from harness.http2 import Http2Client
from harness.recorder import Answer, Recorder
from harness.split import send_in_pieces, ways_to_cut
from harness.strict_http import read_requests, read_responses
from wire import HTTP2_REQUESTS, REQUESTS, RESPONSES
from wire.case import SMUGGLED

_AFTER = b"GET /after HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
_HOP_BY_HOP = ("keep-alive", "proxy-connection", "te", "trailer", "proxy-authorization", "proxy-authenticate")
_ONCE = ("Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "Meridian-Site",
         "Meridian-Reason", "X-Request-Id", "traceparent")


class Bench:
    """One Meridian before one recorder."""

    def __init__(self, scope):
        self.recorder = Recorder(scope)
        # Checked without a connection: all that the recorder gets is the cases'.
        config = web_config({"dallas": [self.recorder.address]}, retries={"attempts": 0}, health_check="none")
        config["process"]["workers"] = 1
        self.address = Meridian(scope, config).address()

    def converse(self, wire, cuts, half_close=False):
        """All that comes back until the end."""
        received = b""
        with Connection(self.address) as connection:
            with contextlib.suppress(ConnectionError):
                send_in_pieces(connection.socket, wire, cuts)
                if half_close:
                    connection.end()
            with contextlib.suppress(ConnectionError):
                while True:
                    data = connection.socket.recv(1 << 18)
                    if not data:
                        return received
                    received += data
        return received

    def received_requests(self, test, partial=False):
        """What the recorder got, as requests of all its connections; with `partial` one may be cut short."""
        taken, violations = self.recorder.take()
        test.assertEqual(violations, [])
        requests, rests = [], []
        for data, ended in taken:
            whole, rest = read_requests(data)
            requests += whole
            if rest:
                test.assertTrue(partial and ended, "an unfinished request: %r" % rest)
                rests.append(rest)
        test.assertLessEqual(len(rests), 1)
        return requests

    @staticmethod
    def judge_request(test, request):
        """What holds for all that reaches a backend."""
        names = [name.lower() for name, _ in request.fields]
        for name in _HOP_BY_HOP:
            test.assertNotIn(name, names)
        for name in _ONCE:
            test.assertEqual(len(request.all(name)), 1, "%s in %r" % (name, request.fields))
        upgrade = request.get("Upgrade")
        test.assertEqual(request.all("Connection"), ["upgrade"] if upgrade else [])
        test.assertEqual(request.get("X-Forwarded-For"), "127.0.0.1")
        test.assertEqual(request.get("Meridian-Site"), "dallas")


class Requests(SystemTest):
    @classmethod
    def start(cls):
        cls.bench = Bench(cls.shared)
        cls.recorder = cls.bench.recorder

    def test_each_is_what_the_backend_gets_or_is_refused(self):
        self.assertGreaterEqual(len(REQUESTS), 150)
        self.assertEqual(len({case.name for case in REQUESTS}), len(REQUESTS), "two cases have one name")
        for case in REQUESTS:
            whole = case.half_close and case.statuses != [101]
            behind = b"" if whole else SMUGGLED if case.ends else _AFTER
            for cuts in ways_to_cut(case.wire, zlib.crc32(case.name.encode())):
                with self.subTest(case.name, cuts=cuts[:8]):
                    self.judge(case, behind, cuts)

    def judge(self, case, behind, cuts):
        self.recorder.take()
        self.recorder.answers = {target: case.answer for target in ("/p", "/ws", "/g") if case.answer}
        received = self.bench.converse(case.wire + behind, cuts, case.half_close)
        expected = [*case.reach, *([] if case.ends else [("GET", "/after", b"")])]
        self.judge_answers(case, received, expected)
        tunnel = case.statuses == [101]
        if tunnel:
            return self.judge_tunnel(case, behind)
        requests = self.bench.received_requests(self, case.partial)
        self.assertEqual([(one.method, one.target, one.body) for one in requests], expected)
        for request in requests:
            self.bench.judge_request(self, request)
        if case.reach:
            self.judge_last(case, requests[len(case.reach) - 1])

    def judge_answers(self, case, received, expected):
        statuses = case.statuses + ([] if case.ends else [200])
        methods = [method for method, _, _ in expected] + ["GET"]
        responses, rest = read_responses(received, methods, ended=True)
        self.assertEqual(([one.status for one in responses], rest), (statuses, b""), received)
        if case.reason:
            self.assertEqual(responses[-1].get("Meridian-Reason"), case.reason)
            self.assertEqual(responses[-1].get("Connection"), "close")
        for response, (method, target, body) in zip(responses, expected):
            if response.status == 200 and not case.answer and method != "HEAD":
                self.assertEqual(response.body.decode(), "%s %s %d" % (method, target, len(body)))

    def judge_last(self, case, request):
        for name, values in case.present.items():
            self.assertEqual(request.all(name), values, name)
        for name in case.absent:
            self.assertEqual(request.all(name), [], name)
        if case.trailers is not None:
            self.assertEqual(request.trailers, case.trailers)

    def judge_tunnel(self, case, behind):
        """One request's head, and behind it exactly what the client sent behind it."""
        taken, violations = self.recorder.take()
        self.assertEqual((len(taken), violations), (1, []))
        head, rest = taken[0][0].split(b"\r\n\r\n", 1)
        ((method, target, _),) = case.reach
        self.assertTrue(head.startswith(b"%s %s HTTP/1.1\r\n" % (method.encode(), target.encode())))
        self.assertEqual(rest, case.wire.split(b"\r\n\r\n", 1)[1] + behind)


class Http2Requests(SystemTest):
    """From clients of HTTP/2 to a backend of HTTP/1.1."""

    @classmethod
    def start(cls):
        cls.bench = Bench(cls.shared)

    def test_each_is_what_the_backend_gets_or_is_refused(self):
        self.assertEqual(len({case.name for case in HTTP2_REQUESTS}), len(HTTP2_REQUESTS), "two cases have one name")
        for case in HTTP2_REQUESTS:
            for cuts in ways_to_cut(bytes(200), zlib.crc32(case.name.encode())):
                with self.subTest(case.name, cuts=cuts[:8]):
                    self.judge(case, cuts)

    def judge(self, case, cuts):
        self.bench.recorder.take()
        with Connection(self.bench.address) as connection:
            client = Http2Client(connection.socket)
            client.send_raw(1, case.fields, case.body, case.trailers, cuts)
            answered = client.read_end(1)
        after, rest = read_responses(self.bench.converse(_AFTER, ()), ["GET"], ended=True)
        self.assertEqual(([one.body for one in after], rest), ([b"GET /after 0"], b""))
        *requests, last = self.bench.received_requests(self, partial=case.reach is None)
        self.assertEqual(last.target, "/after")
        got = [(one.method, one.target, one.body) for one in requests]
        self.assertIn(got, [[case.reach]] if case.reach else [[], [case.at_most]])
        for request in requests:
            self.assertTrue(answered or not case.reach)
            self.bench.judge_request(self, request)
            for name, values in case.present.items():
                self.assertEqual(request.all(name), values, name)
            for name in case.absent:
                self.assertEqual(request.all(name), [], name)


class Responses(SystemTest):
    @classmethod
    def start(cls):
        cls.bench = Bench(cls.shared)
        cls.recorder = cls.bench.recorder

    def test_each_is_what_the_client_gets_or_is_refused(self):
        self.assertEqual(len({case.name for case in RESPONSES}), len(RESPONSES), "two cases have one name")
        for case in RESPONSES:
            for cuts in ways_to_cut(case.wire, zlib.crc32(case.name.encode())):
                with self.subTest(case.name, cuts=cuts[:8]):
                    self.judge(case, cuts)

    def judge(self, case, cuts):
        self.recorder.answers = {"/case": Answer(case.wire, cuts, close=case.close)}
        request = "%s /case %s\r\nHost: a\r\n" % (case.method, case.version)
        # What follows a body that breaks off, or the bytes of nobody, is asked for by itself.
        alone = case.outcome == "broken" or not case.kept or case.version == "HTTP/1.0"
        wire = request.encode() + (b"Connection: close\r\n\r\n" if alone else b"\r\n" + _AFTER)
        received = self.bench.converse(wire, ())
        self.judge_answer(case, received, alone)
        if not case.kept:
            wait_until(lambda: self.recorder.open_connections() == 0, "the backend's connection is given up")
        (after,), rest = read_responses(self.bench.converse(_AFTER, ()), ["GET"], ended=True)
        self.assertEqual((after.status, after.body, rest), (200, b"GET /after 0", b""))

    def judge_answer(self, case, received, alone):
        if case.outcome == "broken":
            return self.judge_broken(case, received)
        responses, rest = read_responses(received, [case.method, "GET"], ended=True)
        statuses = [case.status] + ([] if alone else [200])
        self.assertEqual(([one.status for one in responses], rest), (statuses, b""), received)
        response = responses[0]
        if case.outcome == "malformed":
            self.assertEqual(response.get("Meridian-Reason"), case.reason)
        else:
            self.assertEqual(response.body, case.body)
            self.assertTrue(not response.until_close or case.version == "HTTP/1.0")
            self.assertEqual(response.trailers, case.trailers or [])
        for name, values in case.present.items():
            self.assertEqual(response.all(name), values, name)
        for name in case.absent:
            self.assertEqual([value for value in response.all(name) if value != "close"], [], name)
        if not alone:
            self.assertEqual(responses[1].body, b"GET /after 0")

    def judge_broken(self, case, received):
        """A head, and a body that is seen to be cut short."""
        self.assertEqual(read_responses(received, [case.method], ended=True)[0], [], received)
        self.assertTrue(received.startswith(b"HTTP/1.1 200 OK\r\n"), received)

    def test_bytes_on_an_idle_connection_reach_nobody(self):
        poison = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
        for wire in (poison, b"\r\n", b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"):
            self.bench.converse(_AFTER, ())
            self.recorder.say(wire)
            wait_until(lambda: self.recorder.open_connections() == 0, "the connection is given up")
            (after,), rest = read_responses(self.bench.converse(_AFTER, ()), ["GET"], ended=True)
            self.assertEqual((after.status, after.body, rest), (200, b"GET /after 0", b""))


if __name__ == "__main__":
    main()
