"""What is refused: malformed and ambiguous requests, limits, and silence of every kind."""
import threading
import time

from harness import (BlackHole, Connection, Meridian, ScriptedServer, SystemTest, TcpServer, get, main,
                     wait_until, web_config)

_HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"

# Each would be read otherwise by some server behind a proxy; none may get there.
MALFORMED = {
    "both lengths": _HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both lengths, the other way round": _HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths that differ": _HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "two lengths that agree": _HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "a list of lengths": _HEAD + b"Content-Length: 5, 5\r\n\r\nhello",
    "a length with a sign": _HEAD + b"Content-Length: +5\r\n\r\nhello",
    "a negative length": _HEAD + b"Content-Length: -1\r\n\r\n",
    "a length in hexadecimal": _HEAD + b"Content-Length: 0x5\r\n\r\nhello",
    "an empty length": _HEAD + b"Content-Length:\r\n\r\n",
    "a length beyond 64 bits": _HEAD + b"Content-Length: 18446744073709551621\r\n\r\nhello",
    "chunked twice": _HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked not last": _HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "an unknown coding alone": _HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a coding in HTTP/1.0": b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk size that is none": _HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n",
    "an empty chunk size": _HEAD + b"Transfer-Encoding: chunked\r\n\r\n\r\nabc\r\n0\r\n\r\n",
    "a chunk size with a sign": _HEAD + b"Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n",
    "a chunk size beyond 64 bits": _HEAD + b"Transfer-Encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n0\r\n\r\n",
    "a chunk longer than its size": _HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    "a chunk ended by a bare LF": _HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
    "a folded field": _HEAD + b"X-A: b\r\n c\r\n\r\n",
    "a folded field, by a tab": _HEAD + b"X-A: b\r\n\tc\r\n\r\n",
    "a fold before the first field": b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    "a bare LF after the request line": b"GET / HTTP/1.1\nHost: a\r\n\r\n",
    "a bare LF after a field": b"GET / HTTP/1.1\r\nHost: a\nX-A: b\r\n\r\n",
    "bare LFs throughout": b"GET / HTTP/1.1\nHost: a\n\n",
    "a bare CR in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX-A: b\rc\r\n\r\n",
    "a NUL in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n",
    "white space before the colon": b"GET / HTTP/1.1\r\nHost: a\r\nX-A : b\r\n\r\n",
    "white space before the colon of a length": _HEAD + b"Content-Length : 5\r\n\r\nhello",
    "a tab before the colon of a coding": _HEAD + b"Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
    "a field without a colon": b"GET / HTTP/1.1\r\nHost: a\r\nX-A\r\n\r\n",
    "a field without a name": b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
    "a name with a space": b"GET / HTTP/1.1\r\nHost: a\r\nX A: b\r\n\r\n",
    "no Host": b"GET / HTTP/1.1\r\nX-A: b\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a Host that is none": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "a target with a space": b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "a target with a control byte": b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
    "no version": b"GET /\r\nHost: a\r\n\r\n",
    "a version that is none": b"GET / HTTP/1.x\r\nHost: a\r\n\r\n",
    "a method with a bracket": b"G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a relative target": b"GET index.html HTTP/1.1\r\nHost: a\r\n\r\n",
    "Connection that names Content-Length": _HEAD + b"Connection: Content-Length\r\nContent-Length: 5\r\n\r\nhello",
    "Connection that names Host": b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Host\r\n\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
}


class Malformed(SystemTest):
    @classmethod
    def start(cls):
        cls.site = ScriptedServer(cls.shared)
        cls.meridian = Meridian(cls.shared, web_config({"dallas": [cls.site.address]}))

    def refused_with(self, wire, status=400, method="GET"):
        """The answer, after which the connection must end and the backend must not have been asked."""
        with Connection(self.meridian.address()) as connection:
            connection.send(wire)
            response = connection.read_response(method)
            self.assertEqual(response.status, status, response)
            self.assertEqual(response.get("Connection"), "close")
            self.assertTrue(connection.ended())
        self.assertEqual(self.site.requests, [])
        return response

    def test_each_is_answered_400_and_never_forwarded(self):
        for name, wire in MALFORMED.items():
            with self.subTest(name):
                response = self.refused_with(wire)
                self.assertEqual(response.get("Meridian-Reason"), "bad-request")
                self.assertTrue(response.text.strip())

    def test_what_follows_a_refused_request_is_not_read_as_one(self):
        smuggled = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
        for name, wire in MALFORMED.items():
            with self.subTest(name):
                self.refused_with(wire + smuggled)

    def test_a_bad_request_behind_a_good_one_is_refused_in_order(self):
        self.addCleanup(self.site.requests.clear)
        with Connection(self.meridian.address()) as connection:
            connection.send(b"GET /good HTTP/1.1\r\nHost: a\r\n\r\n" + MALFORMED["both lengths"])
            self.assertEqual(connection.read_response().status, 200)
            self.assertEqual(connection.read_response().status, 400)
            self.assertTrue(connection.ended())
        self.assertEqual([request.target for request in self.site.requests], ["/good"])

    def test_a_bad_chunk_that_comes_late_ends_both_connections(self):
        self.addCleanup(self.site.requests.clear)
        with Connection(self.meridian.address()) as connection:
            connection.send(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            wait_until(lambda: self.site.requests, "the head arrives")
            connection.send(b"zzz\r\n")
            self.assertEqual(connection.read_response().status, 400)
            self.assertTrue(connection.ended())
        wait_until(lambda: self.site.connections[-1].socket.fileno() < 0, "the backend's connection is closed")

    def test_refusals_are_counted(self):
        before = self.meridian.metric("meridian_failures_total", reason="bad-request")
        self.refused_with(MALFORMED["no Host"])
        self.assertEqual(self.meridian.metric("meridian_failures_total", reason="bad-request"), before + 1)

    def test_unsupported_is_not_malformed(self):
        with Connection(self.meridian.address()) as connection:
            connection.send(_HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")
            self.assertEqual(connection.read_response().status, 501)
        self.assertEqual(self.site.requests, [])


class Limits(SystemTest):
    @classmethod
    def start(cls):
        cls.site = ScriptedServer(cls.shared)
        config = web_config({"dallas": [cls.site.address]})
        config["listeners"]["web"]["limits"] = {"header_size": "4KiB", "headers": 20, "body_size": "64KiB"}
        cls.meridian = Meridian(cls.shared, config)

    def setUp(self):
        super().setUp()
        self.site.requests.clear()

    def ask(self, wire):
        with Connection(self.meridian.address()) as connection:
            connection.send(wire)
            response = connection.read_response()
            self.assertTrue(connection.ended())
        return response.status, response.get("Meridian-Reason")

    def test_a_head_that_is_too_long_is_431(self):
        self.assertEqual(self.ask(b"GET / HTTP/1.1\r\nHost: a\r\nX-A: " + b"b" * 5000 + b"\r\n\r\n"),
                         (431, "header-too-large"))
        self.assertEqual(self.ask(b"GET /" + b"b" * 5000), (431, "header-too-large"))
        self.assertEqual(self.site.requests, [])

    def test_too_many_fields_are_431(self):
        fields = b"".join(b"X-%d: b\r\n" % number for number in range(20))
        self.assertEqual(self.ask(b"GET / HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n"), (431, "too-many-headers"))
        self.assertEqual(self.site.requests, [])

    def test_a_body_whose_length_is_too_large_is_413_before_it_comes(self):
        self.assertEqual(self.ask(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n"),
                         (413, "body-too-large"))
        self.assertEqual(self.site.requests, [])

    def test_chunks_that_grow_too_large_are_413(self):
        chunk = b"8000\r\n" + bytes(0x8000) + b"\r\n"
        self.assertEqual(self.ask(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 3),
                         (413, "body-too-large"))

    def test_what_fits_passes(self):
        with Connection(self.meridian.address()) as connection:
            self.assertEqual(connection.request("POST", body=bytes(65536)).status, 200)
            self.assertEqual(connection.request(headers={"X-A": "b" * 3000}).status, 200)


class Timeouts(SystemTest):
    """Each is far from the others, and from the time in which the answer must be there."""

    @classmethod
    def start(cls):
        cls.hold = threading.Event()
        cls.shared.callback(cls.hold.set)
        cls.silent = ScriptedServer(cls.shared, lambda request, connection: cls.hold.wait(60))

    def launch(self, address, header_timeout="10s", **service):
        config = web_config({"dallas": [address]}, **service)
        config["listeners"]["web"]["limits"] = {"header_timeout": header_timeout}
        return Meridian(self.scope, config)

    def expect(self, response, status, reason):
        self.assertEqual((response.status, response.get("Meridian-Reason")), (status, reason))
        self.assertTrue(response.text.strip())

    def test_a_head_that_does_not_end_is_408(self):
        meridian = self.launch(self.silent.address, header_timeout="300ms")
        with Connection(meridian.address()) as connection:
            connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
            self.expect(connection.read_response(), 408, "header-timeout")
            self.assertTrue(connection.ended())

    def test_a_head_that_trickles_is_408(self):
        meridian = self.launch(self.silent.address, header_timeout="300ms")
        with Connection(meridian.address(), timeout=0.05) as connection:
            connection.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-A: ")
            response, deadline = None, time.monotonic() + 10
            while response is None and time.monotonic() < deadline:
                connection.send(b"b")
                try:
                    response = connection.read_response()
                except TimeoutError:
                    continue
            self.expect(response, 408, "header-timeout")

    def test_a_client_that_never_speaks_is_let_go(self):
        meridian = self.launch(self.silent.address, header_timeout="300ms")
        with Connection(meridian.address()) as connection:
            self.assertTrue(connection.ended())

    def test_a_body_that_stops_is_408(self):
        meridian = self.launch(self.silent.address, timeouts={"idle": "300ms"})
        with Connection(meridian.address()) as connection:
            connection.send(_HEAD + b"Content-Length: 10\r\n\r\nhello")
            self.expect(connection.read_response(), 408, "header-timeout")
            self.assertTrue(connection.ended())

    def test_a_server_that_does_not_answer_is_504(self):
        meridian = self.launch(self.silent.address, timeouts={"response": "300ms"}, retries={"attempts": 0})
        with Connection(meridian.address()) as connection:
            connection.ask()
            self.expect(connection.read_response(), 504, "response-timeout")
            self.assertEqual(connection.request(path="/healthz").status, 200)

    def test_a_post_that_may_have_arrived_is_not_tried_again(self):
        meridian = self.launch(self.silent.address, timeouts={"response": "300ms"})
        self.silent.requests.clear()
        with Connection(meridian.address()) as connection:
            self.expect(connection.request("POST", body=b"once"), 504, "response-timeout")
        self.assertEqual(len(self.silent.requests), 1)

    def test_a_server_that_cannot_be_reached_is_504(self):
        hole = BlackHole(self.scope)
        config = web_config({"dallas": [hole.address]}, timeouts={"connect": "300ms"}, health_check="none")
        self.expect(get(Meridian(self.scope, config).address()), 504, "connect-timeout")

    def test_a_server_that_stalls_in_its_answer_is_cut(self):
        def stall(connection):
            connection.read_until(b"\r\n\r\n")
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
            self.hold.wait(60)
        meridian = self.launch(TcpServer(self.scope, stall).address, timeouts={"idle": "300ms"})
        with Connection(meridian.address()) as connection:
            connection.ask()
            self.assertEqual(connection.read_head().status, 200)
            with self.assertRaises(ConnectionError):
                connection.read_exactly(10)

    def test_an_idle_connection_is_closed(self):
        meridian = self.launch(self.silent.address, timeouts={"idle": "300ms"})
        with Connection(meridian.address()) as connection:
            self.assertEqual(connection.request(path="/healthz").status, 200)
            self.assertTrue(connection.ended())


if __name__ == "__main__":
    main()
