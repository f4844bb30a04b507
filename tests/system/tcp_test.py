"""Plain TCP: streams relayed whole in both directions, PROXY headers read, TLS passed through untouched."""
import contextlib
import hashlib
import os
import random
import select
import socket
import ssl
import struct
import subprocess
import threading
import time

from harness import (PLACES, Authority, Connection, Meridian, SystemTest, TcpServer, free_port, main, python_thread,
                     refused, tcp_config, wait_until)
from harness.process import Process

MIB = 1 << 20


def greeter(name):
    """Says its name, then echoes until the other side has ended, and says goodbye."""
    def serve(connection):
        connection.send(name + b"\n")
        while connection.fill():
            data, connection.buffer = connection.buffer, b""
            connection.send(data)
        connection.send(b"goodbye\n")
    return serve


class Relay(SystemTest):
    @classmethod
    def start(cls):
        cls.servers = {site: TcpServer(cls.shared, greeter(site.encode())) for site in PLACES}
        addresses = {site: [server.address] for site, server in cls.servers.items()}
        cls.config = tcp_config(addresses)
        cls.meridian = Meridian(cls.shared, cls.config)

    def test_a_client_gets_the_site_nearest_to_its_address(self):
        for site, place in PLACES.items():
            with Connection(self.meridian.address(), place.client) as connection:
                self.assertEqual(connection.read_until(b"\n"), site.encode())

    def test_both_sides_are_watched_for_silence(self):
        with Connection(self.meridian.address(), PLACES["dallas"].client) as connection:
            self.assertEqual(connection.read_until(b"\n"), b"dallas")
            backend = self.servers["dallas"].address.split(":")[1]
            for side, port in (("sport", self.meridian.address()[1]), ("dport", backend)):
                shown = subprocess.run(["ss", "-tnoH", "state", "established", "%s = :%s" % (side, port)],
                                       capture_output=True, text=True, check=True).stdout
                self.assertIn("timer:(keepalive,", shown)

    def test_a_client_that_has_ended_still_gets_its_answer(self):
        with Connection(self.meridian.address(), PLACES["dallas"].client) as connection:
            self.assertEqual(connection.read_until(b"\n"), b"dallas")
            connection.send(b"hello")
            connection.end()
            self.assertEqual(connection.read_to_end(), b"hellogoodbye\n")

    def test_a_server_that_has_ended_still_gets_the_rest(self):
        got = []

        def serve(connection):
            connection.send(b"that was all")
            connection.end()
            got.append(connection.read_to_end())
        server = TcpServer(self.scope, serve)
        config = tcp_config({"dallas": [server.address]}, health_check="none")
        with Connection(Meridian(self.scope, config).address()) as connection:
            self.assertEqual(connection.read_to_end(), b"that was all")
            connection.send(b"still here")
        wait_until(lambda: b"still here" in got, "the server gets what comes after its own end")

    def test_50_mib_go_both_ways_at_once(self):
        data = random.Random(11).randbytes(50 * MIB)
        digest, received = hashlib.sha256(), 0
        with Connection(self.meridian.address(), PLACES["atlanta"].client, timeout=60) as connection:
            connection.read_until(b"\n")

            def send():
                connection.send(data)
                connection.end()
            sender = threading.Thread(target=send, daemon=True)
            sender.start()
            while received < len(data):
                piece = connection.socket.recv(min(MIB, len(data) - received))
                self.assertTrue(piece)
                digest.update(piece)
                received += len(piece)
            self.assertEqual(connection.read_to_end(), b"goodbye\n")
            sender.join(10)
        self.assertEqual(digest.hexdigest(), hashlib.sha256(data).hexdigest())

    def test_a_reset_is_passed_on(self):
        reset = threading.Event()

        def serve(connection):
            connection.read_exactly(1)
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            reset.set()
        server = TcpServer(self.scope, serve)
        config = tcp_config({"dallas": [server.address]}, health_check="none")
        with Connection(Meridian(self.scope, config).address()) as connection:
            connection.send(b"x")
            reset.wait(10)
            with self.assertRaises(ConnectionResetError):
                connection.read_exactly(1)

    def test_sessions_and_bytes_are_counted(self):
        before = self.meridian.metric("meridian_sessions_total", site="san-jose")
        with Connection(self.meridian.address(), PLACES["san-jose"].client) as connection:
            connection.read_until(b"\n")
            self.assertEqual(self.meridian.read("/v1/sites/san-jose")["sessions"], 1)
        self.assertEqual(self.meridian.metric("meridian_sessions_total", site="san-jose"), before + 1)
        wait_until(lambda: self.meridian.read("/v1/sites/san-jose")["sessions"] == 0, "the session ends")

    def test_an_idle_session_ends(self):
        config = dict(self.config, services={"web": {"timeouts": {"idle": "300ms"}}})
        with Connection(Meridian(self.scope, config).address()) as connection:
            connection.read_until(b"\n")
            self.assertTrue(connection.ended())

    def test_a_dead_site_costs_a_new_client_nothing(self):
        nobody = "127.0.0.1:%d" % free_port()
        addresses = {"atlanta": [nobody], "dallas": [self.servers["dallas"].address]}
        meridian = Meridian(self.scope, tcp_config(addresses, health_check="none"))
        for _ in range(10):
            with Connection(meridian.address(), PLACES["atlanta"].client) as connection:
                self.assertEqual(connection.read_until(b"\n"), b"dallas")

    def test_with_nobody_left_the_client_is_reset(self):
        config = tcp_config({"atlanta": ["127.0.0.1:%d" % free_port()]})
        address = Meridian(self.scope, config).address()
        with self.assertRaises(ConnectionResetError):  # of the connect, if it comes that early
            with Connection(address) as connection:
                connection.read_exactly(1)

    def test_sessions_at_a_site_that_goes_down_are_closed_so_that_clients_come_again(self):
        server = TcpServer(self.scope, greeter(b"dallas"))
        addresses = {"dallas": [server.address], "atlanta": [self.servers["atlanta"].address]}
        meridian = Meridian(self.scope, tcp_config(addresses))
        with Connection(meridian.address(), PLACES["dallas"].client) as connection:
            self.assertEqual(connection.read_until(b"\n"), b"dallas")
            server.listener.close()
            server.listener = socket.create_server(("127.0.0.1", 0))  # a place of its own to close
            wait_until(lambda: meridian.site_state("dallas") == "down", "the checks fail")
            self.assertTrue(connection.ended())
        with Connection(meridian.address(), PLACES["dallas"].client) as connection:
            self.assertEqual(connection.read_until(b"\n"), b"atlanta")


def proxy_v1(source, destination="127.0.0.1"):
    return b"PROXY TCP4 %s %s 40000 80\r\n" % (source.encode(), destination.encode())


def proxy_v2(source, destination="127.0.0.1", command=0x21, extra=b""):
    addresses = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!HH", 40000, 80) + extra
    return b"\r\n\r\n\0\r\nQUIT\n" + bytes([command, 0x11]) + struct.pack("!H", len(addresses)) + addresses


class ProxyHeader(SystemTest):
    @classmethod
    def start(cls):
        cls.servers = {site: TcpServer(cls.shared, greeter(site.encode())) for site in PLACES}
        config = tcp_config({site: [server.address] for site, server in cls.servers.items()})
        config["listeners"]["web"].update(proxy_protocol="require", trusted_proxies=["127.0.0.9/32"])
        config["listeners"]["maybe"] = {**config["listeners"]["web"], "proxy_protocol": "accept"}
        cls.meridian = Meridian(cls.shared, config)

    def site(self, head, source="127.0.0.9", listener="web"):
        with Connection(self.meridian.address(listener), source) as connection:
            connection.send(head)
            return connection.read_until(b"\n").decode()

    def test_both_versions_tell_the_client(self):
        for site, place in PLACES.items():
            self.assertEqual(self.site(proxy_v1(place.client)), site)
            self.assertEqual(self.site(proxy_v2(place.client)), site)
            self.assertEqual(self.site(proxy_v2(place.client, extra=b"\x04\x00\x05hello")), site)

    def test_a_local_v2_header_speaks_for_the_peer_itself(self):
        self.assertIn(self.site(proxy_v2("127.0.33.1", command=0x20)), PLACES)

    def test_bytes_behind_the_header_reach_the_server(self):
        with Connection(self.meridian.address(), "127.0.0.9") as connection:
            connection.send(proxy_v2(PLACES["dallas"].client) + b"hello")
            self.assertEqual(connection.read_exactly(12), b"dallas\nhello")

    def test_a_header_in_single_bytes_is_read(self):
        for header in (proxy_v1(PLACES["dallas"].client), proxy_v2(PLACES["dallas"].client)):
            with Connection(self.meridian.address(), "127.0.0.9") as connection:
                for byte in header:
                    connection.send(bytes([byte]))
                self.assertEqual(connection.read_until(b"\n"), b"dallas")

    def test_where_it_is_required_nothing_else_gets_in(self):
        before = self.meridian.metric("meridian_failures_total", reason="proxy-header")
        bad = [b"GET / HTTP/1.1\r\n\r\n", b"PROXY TCP4 1.2.3.4\r\n", b"PROXY TCP4 999.1.1.1 1.1.1.1 1 2\r\n",
               proxy_v2("1.2.3.4")[:12] + b"\x31" + proxy_v2("1.2.3.4")[13:]]
        for head in bad:
            with self.assertRaises(ConnectionError, msg=head):
                self.site(head)
        with self.assertRaises(ConnectionError):
            self.site(proxy_v1("127.0.33.1"), source="127.0.0.8")
        self.assertEqual(self.meridian.metric("meridian_failures_total", reason="proxy-header"),
                         before + len(bad) + 1)

    def test_where_it_is_accepted_a_client_may_come_without(self):
        self.assertEqual(self.site(proxy_v1(PLACES["dallas"].client), listener="maybe"), "dallas")
        self.assertEqual(self.site(b"hello there, a line\n", listener="maybe") in PLACES, True)
        with Connection(self.meridian.address("maybe"), PLACES["dallas"].client) as connection:
            connection.send(b"PROXY is not believed here")
            self.assertEqual(connection.read_until(b"\n"), b"dallas")
            self.assertEqual(connection.read_exactly(5), b"PROXY")


def reset(connection):
    """Closes with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Failing(SystemTest):
    """What one side breaks breaks on the other, and what a dead site leaves behind comes again, but not at once."""

    def test_a_reset_of_the_client_is_passed_on(self):
        ends = []

        def serve(connection):
            connection.read_exactly(1)
            connection.send(b"y")
            try:
                ends.append(connection.socket.recv(1))
            except ConnectionResetError:
                ends.append("reset")
        server = TcpServer(self.scope, serve)
        meridian = Meridian(self.scope, tcp_config({"dallas": [server.address]}, health_check="none"))
        with Connection(meridian.address()) as connection:
            connection.send(b"x")
            connection.read_exactly(1)
            reset(connection.socket)
        wait_until(lambda: ends, "the server hears of it")
        self.assertEqual(ends, ["reset"])

    def start_two_sites(self):
        """Meridian with one worker before dallas, whose server is returned too, and atlanta."""
        server = TcpServer(self.scope, greeter(b"dallas"))
        other = TcpServer(self.scope, greeter(b"atlanta"))
        config = tcp_config({"dallas": [server.address], "atlanta": [other.address]})
        config["process"]["workers"] = 1
        return Meridian(self.scope, config), server

    def sessions(self, meridian, count):
        clients = []
        for _ in range(count):
            client = Connection(meridian.address(), PLACES["dallas"].client)
            self.scope.callback(client.close)
            self.assertEqual(client.read_until(b"\n"), b"dallas")
            clients.append(client)
        return clients

    def check_reset_one_by_one(self, clients):
        by_number = {client.socket.fileno(): client for client in clients}
        gone = []
        with select.epoll() as poll:
            for number in by_number:
                poll.register(number, select.EPOLLIN)
            while len(gone) < len(clients):
                events = poll.poll(10)
                self.assertTrue(events, "%d of %d are gone" % (len(gone), len(clients)))
                for number, _ in events:
                    poll.unregister(number)
                    with self.assertRaises(ConnectionResetError):
                        by_number[number].socket.recv(1)
                    gone.append(time.monotonic())
        self.assertGreater(gone[-1] - gone[0], 0.3)

    def test_sessions_at_a_dead_site_are_reset_one_after_the_other(self):
        meridian, server = self.start_two_sites()
        clients = self.sessions(meridian, 400)
        server.listener.close()
        server.listener = socket.create_server(("127.0.0.1", 0))  # a place of its own to close
        self.check_reset_one_by_one(clients)
        self.assertEqual(meridian.site_state("dallas"), "down")
        with Connection(meridian.address(), PLACES["dallas"].client) as connection:
            self.assertEqual(connection.read_until(b"\n"), b"atlanta")

    def test_what_a_drain_has_left_is_seen_and_reset_one_after_the_other_at_its_deadline(self):
        meridian, _ = self.start_two_sites()
        clients = self.sessions(meridian, 402)
        self.assertEqual(meridian.cli("drain", "dallas", "--expires", "1h", "--reason", "kernel").returncode, 0)
        self.assertRegex(meridian.cli("status").stdout, r"dallas: drained by .* \(kernel\), .*: 402 sessions")
        with Connection(meridian.address(), PLACES["dallas"].client) as connection:
            self.assertEqual(connection.read_until(b"\n"), b"atlanta")
        for client in clients[:2]:
            client.close()
        wait_until(lambda: meridian.read("/v1/drain?target=us-south")["intent"] == "serve" and
                   meridian.read("/v1/drain?target=dallas")["sessions"] == 400, "two have left")
        waited = meridian.cli("wait", "site/dallas", "drained", "--timeout", "100ms")
        self.assertEqual(waited.returncode, 1)
        self.assertIn("with 400 sessions", waited.stderr)
        self.assertEqual(meridian.cli("drain", "dallas", "--deadline", "100ms").returncode, 0)
        self.check_reset_one_by_one(clients[2:])
        self.assertEqual(meridian.cli("wait", "site/dallas", "drained").returncode, 0)

        def told():
            texts = [event["text"] for event in meridian.read("/v1/events?follow=false")["events"]]
            return "dallas: drained, no session is left" in texts
        wait_until(told, "an event says so")

    def test_a_lone_session_at_a_dead_site_is_reset_as_soon_as_that_is_known(self):
        server = TcpServer(self.scope, greeter(b"dallas"))
        meridian = Meridian(self.scope, tcp_config({"dallas": [server.address]}))
        with Connection(meridian.address()) as connection:
            self.assertEqual(connection.read_until(b"\n"), b"dallas")
            server.listener.close()
            server.listener = socket.create_server(("127.0.0.1", 0))
            with self.assertRaises(ConnectionResetError):
                connection.socket.recv(1)


class Warm(SystemTest):
    """Connections opened ahead of need."""

    def start_with(self, serve, **backend):
        self.server = TcpServer(self.scope, serve)
        config = tcp_config({"dallas": [self.server.address]}, health_check="none", backend=backend)
        config["process"]["workers"] = 1
        return Meridian(self.scope, config)

    def waiting(self, meridian):
        return meridian.metric("meridian_warm_connections_ready", site="dallas")

    def accepted(self, number):
        wait_until(lambda: len(self.server.connections) == number, "the server has accepted %d" % number)

    @staticmethod
    def echo(connection):
        while connection.fill():
            data, connection.buffer = connection.buffer, b""
            connection.send(data)

    def test_a_client_gets_one_that_stands_and_it_is_replaced(self):
        meridian = self.start_with(self.echo, warm=3)
        wait_until(lambda: self.waiting(meridian) == 3, "three wait")
        self.accepted(3)
        with Connection(meridian.address()) as connection:
            connection.send(b"hello")
            self.assertEqual(connection.read_exactly(5), b"hello")
            wait_until(lambda: self.waiting(meridian) == 3, "three wait again")
            self.assertEqual(meridian.metric("meridian_warm_connections_total", fate="used"), 1)
            self.accepted(4)

    def test_one_that_the_server_closes_is_replaced(self):
        meridian = self.start_with(self.echo, warm=2)
        wait_until(lambda: self.waiting(meridian) == 2, "two wait")
        self.accepted(2)
        self.server.connections[0].socket.shutdown(socket.SHUT_RDWR)
        wait_until(lambda: meridian.metric("meridian_warm_connections_total", fate="closed") == 1, "it is noticed")
        wait_until(lambda: self.waiting(meridian) == 2, "two wait again")
        self.accepted(3)

    def test_a_server_that_speaks_first_is_left_alone(self):
        meridian = self.start_with(greeter(b"hello"), warm=3)
        wait_until(lambda: meridian.metric("meridian_warm_connections_total", fate="spoke") == 1, "it is noticed")
        self.accepted(3)
        with Connection(meridian.address()) as connection:
            self.assertEqual(connection.read_until(b"\n"), b"hello")
        self.assertEqual(self.waiting(meridian), 0)
        self.accepted(4)

    def test_what_it_said_reaches_the_client_where_that_is_allowed(self):
        meridian = self.start_with(greeter(b"hello"), warm=2, warm_greeting=True)
        wait_until(lambda: self.waiting(meridian) == 2, "two wait")
        with Connection(meridian.address()) as connection:
            self.assertEqual(connection.read_until(b"\n"), b"hello")
            connection.send(b"and on\n")
            self.assertEqual(connection.read_until(b"\n"), b"and on")
            connection.end()
            self.assertEqual(connection.read_to_end(), b"goodbye\n")
        self.assertEqual(meridian.metric("meridian_warm_connections_total", fate="used"), 1)

    def test_one_that_has_shaken_hands_waits_for_whoever_comes(self):
        authority = Authority(self.scope)
        files = authority.issue("db", "db.example.com")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files["certificate"], files["key"])

        def serve(connection):
            connection.socket = context.wrap_socket(connection.socket, server_side=True)
            self.echo(connection)
        meridian = self.start_with(serve, warm=2, tls={"server_name": "db.example.com", "ca": authority.certificate})
        wait_until(lambda: self.waiting(meridian) == 2, "two wait")
        self.assertEqual(meridian.metric("meridian_backend_tls_handshakes_total", site="dallas"), 2)
        with Connection(meridian.address()) as connection:
            connection.send(b"hello")
            self.assertEqual(connection.read_exactly(5), b"hello")
        self.assertEqual(meridian.metric("meridian_warm_connections_total", fate="used"), 1)

    def test_all_go_when_their_site_drains(self):
        meridian = self.start_with(self.echo, warm=2)
        wait_until(lambda: self.waiting(meridian) == 2, "two wait")
        self.assertEqual(meridian.cli("drain", "dallas").returncode, 0)
        wait_until(lambda: self.waiting(meridian) == 0, "they are closed")
        wait_until(lambda: all(connection.socket.fileno() < 0 for connection in self.server.connections),
                   "the server has seen their end")


class Listening(SystemTest):
    """How the system is asked to listen, and how many come in."""

    def start_with(self, **listener):
        server = TcpServer(self.scope, greeter(b"dallas"))
        self.config = tcp_config({"dallas": [server.address]}, health_check="none")
        self.config["process"]["workers"] = 1
        self.config["listeners"]["web"].update(listener)
        return Meridian(self.scope, self.config)

    @staticmethod
    def backlog(address):
        shown = subprocess.run(["ss", "-ltnH", "src", "%s:%d" % address], capture_output=True, text=True,
                               check=True).stdout
        return int(shown.split()[2])

    def test_the_backlog_is_as_asked_and_changes_with_a_reload(self):
        meridian = self.start_with(backlog=17)
        self.assertEqual(self.backlog(meridian.address()), 17)
        with Connection(meridian.address()) as connection:
            self.assertEqual(connection.read_until(b"\n"), b"dallas")
            self.config["listeners"]["web"]["backlog"] = 33
            self.assertTrue(meridian.reload(self.config)["accepted"])
            wait_until(lambda: self.backlog(meridian.address()) == 33, "it changes")
            connection.send(b"still here\n")
            self.assertEqual(connection.read_until(b"\n"), b"still here")

    def test_a_deferred_connection_is_accepted_with_its_first_bytes(self):
        meridian = self.start_with(defer_accept=True)
        with Connection(meridian.address()) as connection:
            with Connection(meridian.address()) as second:
                second.send(b"now\n")
                self.assertEqual(second.read_until(b"\n"), b"dallas")
            self.assertEqual(meridian.metric("meridian_connections_total"), 1)
            connection.send(b"later\n")
            self.assertEqual(connection.read_until(b"\n"), b"dallas")

    def test_an_address_that_is_not_here_yet_is_listened_on(self):
        meridian = self.start_with(bind=["127.0.0.1:0", "192.0.2.9:%d" % free_port()], freebind=True)
        self.assertIn("192.0.2.9:", str(meridian.printed_listeners()))
        with Connection(meridian.address()) as connection:
            self.assertEqual(connection.read_until(b"\n"), b"dallas")

    def served(self, address, count, source=None):
        """How many of so many connections in a row are not reset."""
        served = 0
        for _ in range(count):
            with contextlib.suppress(ConnectionError):
                with Connection(address, source) as connection:
                    served += connection.read_until(b"\n") == b"dallas"
        return served

    def test_more_connections_a_second_than_all_may_make_are_reset(self):
        meridian = self.start_with(limits={"accept_rate": 20})
        began = time.monotonic()
        served = self.served(meridian.address(), 100)
        self.assertGreaterEqual(served, 20)
        self.assertLessEqual(served, 20 + 20 * (time.monotonic() - began) + 1)
        self.assertEqual(meridian.metric("meridian_failures_total", reason="rate-limited"), 100 - served)

    def test_more_connections_than_all_may_have_are_reset(self):
        meridian = self.start_with(limits={"connections": 8})
        with contextlib.ExitStack() as open_now:
            for _ in range(8):  # over both workers
                connection = open_now.enter_context(Connection(meridian.address()))
                self.assertEqual(connection.read_until(b"\n"), b"dallas")
            self.assertEqual(self.served(meridian.address(), 20), 0)
            self.assertEqual(meridian.metric("meridian_failures_total", reason="listener-full"), 20)
            self.assertEqual(meridian.metric("meridian_connections_active"), 8)
            self.config["listeners"]["web"]["limits"]["connections"] = 9
            self.assertTrue(meridian.reload(self.config)["accepted"])
            self.assertEqual(self.served(meridian.address(), 1), 1)
            connection.send(b"still here\n")
            self.assertEqual(connection.read_until(b"\n"), b"still here")
        wait_until(lambda: meridian.metric("meridian_connections_active") == 0, "they have gone")
        self.assertEqual(self.served(meridian.address(), 9), 9)

    def test_nor_more_than_one_client_may(self):
        meridian = self.start_with(limits={"rate": 1, "rate_burst": 5})
        began = time.monotonic()
        served = self.served(meridian.address(), 30, "127.0.32.1")
        self.assertGreaterEqual(served, 5)
        self.assertLessEqual(served, 5 + (time.monotonic() - began) + 1)
        self.assertEqual(self.served(meridian.address(), 5, "127.0.32.2"), 5)


class Families(SystemTest):
    """IPv4, IPv6 and Unix sockets, on either side."""

    def named_server(self, family, address, name):
        listener = socket.socket(family)
        listener.bind(address)
        listener.listen()
        self.scope.callback(listener.close)

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    with listener.accept()[0] as accepted:
                        accepted.sendall(name)
        python_thread(serve)
        return listener.getsockname()

    def test_each_leads_to_each(self):
        with socket.socket(socket.AF_INET6) as six:
            try:
                six.bind(("::1", 0))
            except OSError:
                self.skipTest("no IPv6 on loopback")
        behind, front = (os.path.join(self.scope.directory, name) for name in ("behind", "front"))
        four = self.named_server(socket.AF_INET, ("127.0.0.1", 0), b"four")[1]
        six = self.named_server(socket.AF_INET6, ("::1", 0), b"six")[1]
        self.named_server(socket.AF_UNIX, behind, b"unix")
        config = tcp_config({"dallas": ["127.0.0.1:%d" % four, "[::1]:%d" % six, "unix:" + behind]},
                            health_check="none", balance="round-robin")
        config["process"]["workers"] = 1
        port = free_port()
        config["listeners"]["web"]["bind"] = ["127.0.0.1:%d" % port, "[::1]:%d" % port, "unix:" + front]
        Meridian(self.scope, config)
        for family, address in ((socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port)),
                                (socket.AF_UNIX, front)):
            got = set()
            for _ in range(3):
                with socket.socket(family) as client:
                    client.settimeout(20)
                    client.connect(address)
                    got.add(client.recv(100))
            self.assertEqual(got, {b"four", b"six", b"unix"})


class Alpn(SystemTest):
    """Routed by what OpenSSL's clients offer, without an end of TLS here."""

    @staticmethod
    def hello(name, protocols):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if protocols:
            context.set_alpn_protocols(protocols)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(incoming, outgoing, server_hostname=name)
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()
        return outgoing.read()

    def test_protocols_lead_beside_names(self):
        got = {}

        def server(name):
            def serve(connection):
                connection.fill()
                got[name] = connection.buffer
                connection.send(name.encode() + b"\n")
            return [TcpServer(self.scope, serve).address]
        config = tcp_config({"dallas": []}, health_check="none")
        site = config["regions"]["us-south"]["sites"]["dallas"]
        site["services"] = {name: server(name) for name in ("modern", "mail", "rest")}
        config["services"] = {name: {} for name in site["services"]}
        del config["listeners"]["web"]["service"]
        config["listeners"]["web"]["routes"] = [
            {"sni": "mail.example.com", "alpn": ["imap", "smtp"], "service": "mail"},
            {"alpn": "h2", "service": "modern"}, {"sni": "*", "service": "rest"}]
        meridian = Meridian(self.scope, config)
        for name, protocols, service in (
                ("mail.example.com", ["smtp"], "mail"), ("mail.example.com", ["h2"], "modern"),
                ("app.example.com", ["http/1.1", "h2"], "modern"), ("app.example.com", ["imap"], "rest"),
                ("mail.example.com", [], "rest")):
            with Connection(meridian.address()) as connection:
                hello = self.hello(name, protocols)
                connection.send(hello)
                self.assertEqual(connection.read_until(b"\n").decode(), service, (name, protocols))
                self.assertEqual(got[service], hello)


class Tls(SystemTest):
    """openssl on both sides; Meridian passes what it cannot read."""

    def test_openssl_talks_to_openssl(self):
        directory = self.scope.directory
        key, certificate = (os.path.join(directory, name) for name in ("key.pem", "certificate.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=app.test"],
                       check=True, capture_output=True, timeout=60)
        port = free_port()
        Process(self.scope, ["openssl", "s_server", "-accept", "127.0.0.1:%d" % port, "-key", key, "-cert",
                             certificate, "-www", "-quiet"], directory, "s_server")
        wait_until(lambda: not refused(("127.0.0.1", port)), "s_server accepts")
        meridian = Meridian(self.scope, tcp_config({"dallas": ["127.0.0.1:%d" % port]}, health_check="none"))
        done = subprocess.run(["openssl", "s_client", "-connect", "%s:%d" % meridian.address(), "-servername",
                               "app.test", "-CAfile", certificate, "-verify_return_error", "-ign_eof"],
                              input=b"GET / HTTP/1.0\r\n\r\n", capture_output=True, timeout=30, check=False)
        self.assertIn(b"Verify return code: 0 (ok)", done.stdout)
        self.assertIn(b"200 ok", done.stdout)
        with contextlib.suppress(OSError):
            os.unlink(key)


if __name__ == "__main__":
    main()
