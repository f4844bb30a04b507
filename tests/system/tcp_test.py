"""Plain TCP: streams relayed whole in both directions, PROXY headers read, TLS passed through untouched."""
import contextlib
import hashlib
import os
import random
import socket
import struct
import subprocess
import threading

from harness import (PLACES, Connection, Meridian, SystemTest, TcpServer, main, refused, tcp_config, wait_until,
                     free_port)
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
