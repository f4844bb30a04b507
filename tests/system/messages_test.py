"""HTTP messages as they pass: bodies of every kind, connections kept, fields added and removed."""
import base64
import hashlib
import os
import random
import threading

from harness import (Connection, Meridian, ScriptedServer, Sites, SystemTest, TcpServer, WebSocketClient,
                     WebSocketServer, answer, curl, get, main, parse_response, wait_until, web_config)

MIB = 1 << 20


def some_bytes(size, seed=7):
    return random.Random(seed).randbytes(size)


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Bodies(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared, names=["dallas"], endpoints=1)
        cls.nginx = cls.sites["dallas"]
        cls.meridian = Meridian(cls.shared, web_config(cls.sites))

    def file(self, size):
        data = some_bytes(size)
        path = os.path.join(self.scope.directory, "body")
        with open(path, "wb") as file:
            file.write(data)
        return path, data

    def status_of(self, *arguments):
        done = curl("--output", "/dev/null", "--write-out", "%{http_code}", *arguments)
        return int(done.stdout)

    def test_an_upload_of_20_mib_with_its_length(self):
        path, data = self.file(20 * MIB)
        status = self.status_of("--header", "Expect:", "--upload-file", path, self.meridian.url("/stored/sized"))
        self.assertEqual(status, 201)
        self.assertEqual(digest(self.nginx.stored("sized")), digest(data))

    def test_an_upload_of_20_mib_in_chunks(self):
        path, data = self.file(20 * MIB)
        status = self.status_of("--header", "Expect:", "--header", "Transfer-Encoding: chunked",
                                "--upload-file", path, self.meridian.url("/stored/chunked"))
        self.assertEqual(status, 201)
        self.assertEqual(digest(self.nginx.stored("chunked")), digest(data))

    def test_a_download_of_50_mib(self):
        data = some_bytes(50 * MIB)
        self.nginx.add_file("big", data)
        done = curl(self.meridian.url("/files/big"))
        self.assertEqual(digest(done.stdout), digest(data))

    def test_head_has_the_length_and_no_body(self):
        self.nginx.add_file("some", b"x" * 1234)
        with Connection(self.meridian.address()) as connection:
            response = connection.request("HEAD", "/files/some")
            self.assertEqual((response.status, response.get("Content-Length")), (200, "1234"))
            self.assertEqual(connection.request("GET", "/files/some").body, b"x" * 1234)

    def test_a_range_and_a_304_pass_through(self):
        self.nginx.add_file("part", b"0123456789")
        with Connection(self.meridian.address()) as connection:
            part = connection.request("GET", "/files/part", {"Range": "bytes=2-4"})
            self.assertEqual((part.status, part.body), (206, b"234"))
            same = connection.request("GET", "/files/part", {"If-None-Match": part.get("ETag")})
            self.assertEqual(same.status, 304)
            self.assertEqual(connection.request("GET", "/files/part").body, b"0123456789")

    def test_expect_100_continue_is_answered_before_the_body(self):
        path, data = self.file(2 * MIB)
        done = curl("--verbose", "--header", "Expect: 100-continue", "--expect100-timeout", "30",
                    "--upload-file", path, "--write-out", "%{http_code}", "--output", "/dev/null",
                    self.meridian.url("/stored/expected"))
        self.assertIn(b"HTTP/1.1 100 Continue", done.stderr)
        self.assertEqual(done.stdout, b"201")
        self.assertEqual(digest(self.nginx.stored("expected")), digest(data))

    def test_http_1_0_is_answered_and_closed(self):
        with Connection(self.meridian.address()) as connection:
            connection.ask("GET", "/ten", version="HTTP/1.0")
            response = connection.read_response()
            self.assertEqual((response.status, response.body), (200, b"dallas-1 /ten\n"))
            self.assertIsNone(response.get("Transfer-Encoding"))
            self.assertTrue(connection.ended())

    def test_http_1_0_may_ask_to_be_kept(self):
        with Connection(self.meridian.address()) as connection:
            for _ in range(3):
                connection.ask("GET", "/", {"Connection": "keep-alive"}, version="HTTP/1.0")
                response = connection.read_response()
                self.assertEqual(response.get("Connection").lower(), "keep-alive")

    def test_connection_close_is_honoured(self):
        with Connection(self.meridian.address()) as connection:
            response = connection.request(headers={"Connection": "close"})
            self.assertEqual((response.status, response.get("Connection")), (200, "close"))
            self.assertTrue(connection.ended())


class Backpressure(SystemTest):
    """A body of 200 MiB waits for a side that does not read: Meridian holds little of it."""

    SIZE = 200 * MIB
    MOST = 24 * MIB

    @staticmethod
    def settled(value):
        """Waits until value() has stayed the same for a while, and gives it."""
        seen = [None, 0]

        def same():
            now = value()
            seen[1] = seen[1] + 1 if now == seen[0] and now > 0 else 0
            seen[0] = now
            return seen[1] >= 50
        wait_until(same, "the transfer stalls", 30)
        return seen[0]

    def test_a_client_that_does_not_read_bounds_memory(self):
        sites = Sites(self.scope, names=["dallas"], endpoints=1)
        sites["dallas"].add_file("huge", size=self.SIZE)
        meridian = Meridian(self.scope, web_config(sites))
        self.assertEqual(get(meridian.address()).status, 200)
        before = meridian.process.resident_bytes()
        with Connection(meridian.address(), receive_buffer=65536) as connection:
            connection.ask("GET", "/files/huge")
            held = self.settled(lambda: meridian.metric("meridian_sent_bytes_total"))
            grown = meridian.process.resident_bytes() - before
            self.assertLess(grown, self.MOST)
            self.assertLess(held, self.SIZE / 2)
            response = connection.read_head()
            left = int(response.get("Content-Length"))
            self.assertEqual(left, self.SIZE)
            left -= len(connection.buffer)
            while left > 0:
                data = connection.socket.recv(MIB)
                self.assertTrue(data)
                left -= len(data)
            self.assertEqual(left, 0)
        self.assertLess(meridian.process.resident_bytes() - before, self.MOST)

    def test_a_server_that_does_not_read_bounds_memory(self):
        go_on = threading.Event()
        received = []

        def read_late(request, connection):
            go_on.wait(60)
            received.append(len(request.read_body()))
            connection.send(answer())

        site = ScriptedServer(self.scope, read_late)
        meridian = Meridian(self.scope, web_config({"dallas": [site.address]}))
        self.assertEqual(get(meridian.address(), "/healthz").status, 200)
        before = meridian.process.resident_bytes()
        sent = [0]
        with Connection(meridian.address(), timeout=60) as connection:
            connection.ask("POST", "/", {"Content-Length": str(self.SIZE)})

            def send():
                piece = bytes(MIB // 4)
                while sent[0] < self.SIZE:
                    connection.send(piece)
                    sent[0] += len(piece)
            sender = threading.Thread(target=send, daemon=True)
            sender.start()
            self.assertLess(self.settled(lambda: sent[0]), self.SIZE / 2)
            self.assertLess(meridian.process.resident_bytes() - before, self.MOST)
            go_on.set()
            self.assertEqual(connection.read_response().status, 200)
            sender.join(10)
        self.assertEqual(received, [self.SIZE])


class KeepAlive(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared, names=["dallas"], endpoints=1)
        config = web_config(cls.sites)
        config["process"]["workers"] = 1
        cls.meridian = Meridian(cls.shared, config)

    def nginx_connections(self, uri):
        return {line.connection for line in self.sites["dallas"].log() if line.uri == uri}

    def logged(self, uri, count):
        log = self.sites["dallas"].log
        wait_until(lambda: sum(line.uri == uri for line in log()) >= count, "nginx logs %s" % uri)

    def test_requests_of_one_client_share_one_backend_connection(self):
        with Connection(self.meridian.address()) as connection:
            for _ in range(20):
                self.assertEqual(connection.request(path="/one").status, 200)
        self.logged("/one", 20)
        self.assertEqual(len(self.nginx_connections("/one")), 1)

    def test_clients_one_after_another_share_it_too(self):
        for _ in range(20):
            self.assertEqual(get(self.meridian.address(), "/many").status, 200)
        self.logged("/many", 20)
        self.assertEqual(len(self.nginx_connections("/many")), 1)

    def test_a_backend_that_closes_costs_no_request(self):
        closing = ScriptedServer(self.scope, keep=False)
        meridian = Meridian(self.scope, web_config({"dallas": [closing.address]}))
        with Connection(meridian.address()) as connection:
            for _ in range(50):
                self.assertEqual(connection.request().status, 200)

    def test_pipelined_requests_are_answered_in_order(self):
        with Connection(self.meridian.address()) as connection:
            wire = b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(50))
            connection.send(wire)
            for number in range(50):
                self.assertEqual(connection.read_response().body, b"dallas-1 /%d\n" % number)

    def test_pipelining_mixes_bodies_and_none(self):
        with Connection(self.meridian.address()) as connection:
            connection.send(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
                            b"HEAD /b HTTP/1.1\r\nHost: a\r\n\r\n"
                            b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                            b"3\r\nabc\r\n0\r\n\r\n"
                            b"GET /d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            bodies = [connection.read_response(method).body for method in ("POST", "HEAD", "POST", "GET")]
            self.assertEqual(bodies, [b"dallas-1 /a\n", b"", b"dallas-1 /c\n", b"dallas-1 /d\n"])
            self.assertTrue(connection.ended())

    def test_a_head_in_single_bytes_is_one_request(self):
        with Connection(self.meridian.address()) as connection:
            for byte in b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n":
                connection.send(bytes([byte]))
            self.assertEqual(connection.read_response().body, b"dallas-1 /slow\n")


class Fields(SystemTest):
    """What a backend gets and what comes back, field by field."""

    @classmethod
    def start(cls):
        cls.site = ScriptedServer(cls.shared, cls.answer)
        cls.extra = []
        config = web_config({"dallas": [cls.site.address]})
        config["listeners"]["web"]["trusted_proxies"] = ["127.0.0.9/32"]
        cls.meridian = Meridian(cls.shared, config)

    @classmethod
    def answer(cls, request, connection):
        request.body = request.read_body()
        connection.send(answer(fields=cls.extra))

    def ask(self, fields, source="127.0.33.1", **arguments):
        with Connection(self.meridian.address(), source) as connection:
            response = connection.request(headers=fields, **arguments)
            self.assertEqual(response.status, 200)
        return self.site.requests[-1], response

    def test_hop_by_hop_fields_are_removed_on_the_way_in(self):
        request, _ = self.ask([("Connection", "keep-alive, X-Private"), ("X-Private", "1"), ("Keep-Alive", "3"),
                               ("TE", "trailers"), ("Proxy-Connection", "x"), ("Proxy-Authorization", "y"),
                               ("Trailer", "z"), ("Upgrade", "foo"), ("X-Public", "2")])
        for name in ("X-Private", "Keep-Alive", "TE", "Proxy-Connection", "Proxy-Authorization", "Trailer",
                     "Upgrade"):
            self.assertEqual(request.all(name), [], name)
        self.assertNotIn("x-private", " ".join(request.all("Connection")).lower())
        self.assertEqual(request.all("X-Public"), ["2"])

    def test_hop_by_hop_fields_are_removed_on_the_way_out(self):
        type(self).extra = [("Connection", "X-Private"), ("X-Private", "1"), ("Keep-Alive", "timeout=5"),
                            ("Proxy-Authenticate", "Basic"), ("X-Public", "2")]
        self.addCleanup(setattr, type(self), "extra", [])
        _, response = self.ask([])
        for name in ("X-Private", "Keep-Alive", "Proxy-Authenticate"):
            self.assertEqual(response.all(name), [], name)
        self.assertEqual(response.all("X-Public"), ["2"])

    def test_forwarding_fields_tell_of_the_client(self):
        request, _ = self.ask([("Host", "app.example.com:81")], source="127.0.33.1")
        self.assertEqual(request.all("X-Forwarded-For"), ["127.0.33.1"])
        self.assertEqual(request.all("X-Forwarded-Proto"), ["http"])
        self.assertEqual(request.all("X-Forwarded-Host"), ["app.example.com:81"])
        self.assertEqual(request.all("Forwarded"), ['for=127.0.33.1;host="app.example.com:81";proto=http'])
        self.assertEqual(request.all("Host"), ["app.example.com:81"])

    def test_a_request_has_a_name_of_its_own_and_a_trace(self):
        first, _ = self.ask([])
        second, _ = self.ask([])
        ids = [request.all("X-Request-Id") for request in (first, second)]
        for one in ids:
            self.assertRegex(one[0], "^[0-9a-f]{32}$")
        self.assertNotEqual(*ids)
        self.assertRegex(first.all("traceparent")[0], "^00-[0-9a-f]{32}-[0-9a-f]{16}-00$")

    def test_a_trace_goes_on(self):
        trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        request, _ = self.ask([("traceparent", trace), ("tracestate", "a=1")])
        self.assertEqual(request.all("traceparent"), [trace])
        self.assertEqual(request.all("tracestate"), ["a=1"])

    def test_forwarding_fields_of_a_stranger_are_dropped(self):
        request, _ = self.ask([("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Proto", "https"),
                               ("X-Forwarded-Host", "evil"), ("Forwarded", "for=1.2.3.4")], source="127.0.33.1")
        self.assertEqual(request.all("X-Forwarded-For"), ["127.0.33.1"])
        self.assertEqual(request.all("X-Forwarded-Proto"), ["http"])
        self.assertNotIn("evil", request.all("X-Forwarded-Host"))
        self.assertRegex(request.all("Forwarded")[0], "^for=127.0.33.1;[^,]*$")

    def test_forwarding_fields_of_a_trusted_proxy_are_extended(self):
        request, _ = self.ask([("X-Forwarded-For", "127.0.33.1"), ("X-Forwarded-Proto", "https"),
                               ("X-Forwarded-Host", "shop.example.com")], source="127.0.0.9")
        self.assertEqual(request.all("X-Forwarded-For"), ["127.0.33.1, 127.0.0.9"])
        self.assertEqual(request.all("X-Forwarded-Proto"), ["https"])
        self.assertEqual(request.all("X-Forwarded-Host"), ["shop.example.com"])

    def test_meridian_fields_of_others_are_dropped(self):
        type(self).extra = [("Meridian-Site", "mars")]
        self.addCleanup(setattr, type(self), "extra", [])
        request, response = self.ask([("Meridian-Site", "mars"), ("Meridian-Reason", "because")])
        self.assertEqual(request.all("Meridian-Site"), ["dallas"])
        self.assertEqual(request.all("Meridian-Reason"), ["nearest"])
        self.assertEqual(response.all("Meridian-Site"), ["dallas"])

    def test_repeated_and_odd_fields_pass_in_order(self):
        request, _ = self.ask([("X-Many", "1"), ("X-Many", "2"), ("Cookie", "a=b"), ("X-Empty", "")])
        self.assertEqual(request.all("X-Many"), ["1", "2"])
        self.assertEqual(request.all("Cookie"), ["a=b"])

    def test_a_body_arrives_with_the_framing_it_came_with(self):
        request, _ = self.ask([], method="POST", body=b"hello")
        self.assertEqual((request.all("Content-Length"), request.body), (["5"], b"hello"))
        with Connection(self.meridian.address()) as connection:
            connection.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                            b"5;note=x\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n")
            self.assertEqual(connection.read_response().status, 200)
        request = self.site.requests[-1]
        self.assertEqual((request.all("Transfer-Encoding"), request.body), (["chunked"], b"hello"))
        self.assertEqual(request.all("Content-Length"), [])


class Responses(SystemTest):
    """Ways in which a backend may end a body."""

    def launch(self, raw, close=True):
        def serve(connection):
            while True:
                head = connection.read_until(b"\r\n\r\n")
                if b" /healthz " in head:
                    connection.send(answer())
                    continue
                connection.send(raw)
                if close:
                    return

        site = TcpServer(self.scope, serve)
        return Meridian(self.scope, web_config({"dallas": [site.address]}, retries={"attempts": 0}))

    def test_a_chunked_body_passes(self):
        meridian = self.launch(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        self.assertEqual(get(meridian.address()).body, b"abcde")

    def test_a_body_that_ends_with_the_connection_becomes_chunked(self):
        meridian = self.launch(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        with Connection(meridian.address()) as connection:
            self.assertEqual(connection.request().body, b"all of it")
            self.assertEqual(connection.request().body, b"all of it")

    def test_a_chunked_body_for_http_1_0_ends_with_the_connection(self):
        meridian = self.launch(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        with Connection(meridian.address()) as connection:
            connection.ask(version="HTTP/1.0")
            response = connection.read_response()
            self.assertIsNone(response.get("Transfer-Encoding"))
            self.assertEqual(response.body, b"abc")

    def test_a_body_cut_short_is_seen_as_cut_short(self):
        meridian = self.launch(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        with self.assertRaises(ConnectionError):
            get(meridian.address())

    def test_a_malformed_answer_is_502(self):
        for raw in (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                    b"SMTP ready\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"):
            response = get(self.launch(raw).address())
            self.assertEqual((response.status, response.get("Meridian-Reason")), (502, "backend-malformed"), raw)

    def test_an_empty_answer_is_502(self):
        response = get(self.launch(b"").address())
        self.assertEqual((response.status, response.get("Meridian-Reason")), (502, "backend-reset"))

    def test_interim_answers_come_before_the_final_one(self):
        meridian = self.launch(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + answer(b"done"))
        with Connection(meridian.address()) as connection:
            connection.ask()
            early = connection.read_head()
            self.assertEqual((early.status, early.get("Link")), (103, "</a.css>"))
            self.assertEqual(connection.read_response().body, b"done")


class WebSockets(SystemTest):
    @classmethod
    def start(cls):
        cls.site = WebSocketServer(cls.shared)
        cls.meridian = Meridian(cls.shared, web_config({"dallas": [cls.site.address]}))

    def test_messages_of_every_size_are_echoed(self):
        with WebSocketClient(self.meridian.address(), "/chat") as client:
            self.assertEqual(client.handshake.get("Upgrade").lower(), "websocket")
            self.assertEqual(client.say(1, b"hello"), (1, b"hello"))
            self.assertEqual(client.say(9, b"there?"), (10, b"there?"))
            for size in (0, 125, 126, 65535, 65536, 1000000):
                message = some_bytes(size)
                self.assertEqual(client.say(2, message), (2, message))
            self.assertEqual(client.say(8, b"\x03\xe8")[0], 8)
            self.assertTrue(client.ended())

    def test_the_handshake_reaches_the_server_whole(self):
        with WebSocketClient(self.meridian.address(), "/chat?room=1"):
            request = self.site.requests[-1]
        self.assertEqual(request.target, "/chat?room=1")
        self.assertEqual(request.get("Connection").lower(), "upgrade")
        self.assertEqual(request.get("Sec-WebSocket-Version"), "13")
        self.assertEqual(len(base64.b64decode(request.get("Sec-WebSocket-Key"))), 16)

    def test_many_at_once_do_not_mix(self):
        clients = [WebSocketClient(self.meridian.address()) for _ in range(20)]
        for round_number in range(5):
            for number, client in enumerate(clients):
                text = b"%d of %d" % (number, round_number)
                self.assertEqual(client.say(1, text), (1, text))
        for client in clients:
            client.close()

    def test_a_refused_upgrade_is_an_ordinary_answer(self):
        with Connection(self.meridian.address()) as connection:
            response = connection.request(headers=[("Connection", "Upgrade"), ("Upgrade", "other")])
            self.assertEqual(response.status, 200)
            self.assertEqual(connection.request().status, 200)

    def test_bytes_sent_with_the_handshake_are_not_lost(self):
        with Connection(self.meridian.address()) as connection:
            connection.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
                            b"\x81\x82\x00\x00\x00\x00hi")
            self.assertEqual(parse_response(connection.read_until(b"\r\n\r\n")).status, 101)
            self.assertEqual(connection.read_exactly(4), b"\x81\x02hi")


if __name__ == "__main__":
    main()
