"""A site's network swallows packets, all of them or some, or says no: real TCP and UDP, in a network namespace of the
test's own, by nftables."""
import socket
import struct
import time
import unittest

from harness import (PLACES, Connection, Crowd, Meridian, Sites, TcpServer, main, python_thread,
                     tcp_config, wait_until, web_config)
from harness.network import Network

ATLANTA = PLACES["atlanta"].client


class BlackHole(Network):
    def setUp(self):
        super().setUp()
        self.sites = Sites(self.scope)

    def swallow(self, site):
        for address in self.sites.addresses(site):
            self.rule("tcp dport %s drop" % address.rsplit(":", 1)[1])

    def test_a_request_on_a_pooled_connection_does_not_wait_for_the_response_timeout(self):
        config = web_config(self.sites, health_check="none", timeouts={"connect": "30s", "response": "60s"})
        meridian = Meridian(self.scope, config)
        with Connection(meridian.address(), ATLANTA) as connection:
            for _ in range(4):
                self.assertEqual(connection.request().site, "atlanta")
            self.swallow("atlanta")
            began = time.monotonic()
            response = connection.request()
            self.assertEqual((response.status, response.site), (200, "dallas"))
            self.assertLess(time.monotonic() - began, 5)

    def test_no_request_fails_while_a_site_is_swallowed_under_load(self):
        meridian = Meridian(self.scope, web_config(self.sites, timeouts={"connect": "30s", "response": "60s"}))
        with Crowd(meridian.address(), ATLANTA, clients=8) as crowd:
            wait_until(lambda: crowd.count("atlanta") >= 400, "the nearest site answers")
            self.swallow("atlanta")
            wait_until(lambda: crowd.count("dallas") >= 400, "the next site answers")
            meridian.wait_site("atlanta", "down")
            crowd.stop()
            self.assertEqual(crowd.failures, [])


def greeter(name):
    """Says its name, then sends back what it gets."""
    def serve(connection):
        connection.send(name.encode() + b"\n")
        while connection.fill():
            data, connection.buffer = connection.buffer, b""
            connection.send(data)
    return serve


class Tcp(Network):
    """Established sessions and new ones of a tcp listener; checks are so slow that only traffic can tell."""

    def setUp(self):
        super().setUp()
        servers = {site: TcpServer(self.scope, greeter(site)) for site in ("atlanta", "dallas")}
        self.port = servers["atlanta"].address.rsplit(":", 1)[1]
        config = tcp_config({site: [server.address] for site, server in servers.items()},
                            timeouts={"connect": "30s"})
        config["process"]["workers"] = 1
        config["health_checks"]["ready"].update(interval="1h", fast_interval="1h")
        self.meridian = Meridian(self.scope, config)

    def session(self):
        connection = Connection(self.meridian.address(), ATLANTA)
        self.scope.callback(connection.close)
        return connection

    def site(self, connection):
        return connection.read_until(b"\n").decode()

    def established(self):
        connection = self.session()
        self.assertEqual(self.site(connection), "atlanta")
        return connection

    def check_new_ones_go_on(self, within):
        """The first pays with a race at most, no other with anything."""
        began = time.monotonic()
        self.assertEqual(self.site(self.session()), "dallas")
        self.assertLess(time.monotonic() - began, within)
        began = time.monotonic()
        for _ in range(5):
            self.assertEqual(self.site(self.session()), "dallas")
        self.assertLess(time.monotonic() - began, 0.5)

    def test_all_is_swallowed(self):
        self.rule("tcp dport %s drop" % self.port)
        self.check_new_ones_go_on(2)
        self.assertEqual(self.meridian.metric("meridian_races_won_total", site="dallas"), 1)

    def test_what_a_session_sends_and_nobody_acknowledges_warns_all(self):
        session = self.established()
        self.rule("tcp dport %s drop" % self.port)
        session.send(b"hello")
        wait_until(lambda: self.meridian.metric("meridian_stalled_sessions_total", site="atlanta") == 1,
                   "the silence is noticed")
        self.check_new_ones_go_on(0.5)
        self.heal()
        self.assertEqual(session.read_exactly(5), b"hello")

    def test_only_syns_are_swallowed(self):
        session = self.established()
        self.rule("tcp dport %s tcp flags & (syn | ack) == syn drop" % self.port)
        self.check_new_ones_go_on(2)
        session.send(b"hello")
        self.assertEqual(session.read_exactly(5), b"hello")
        self.assertEqual(self.meridian.metric("meridian_stalled_sessions_total"), 0)

    def test_only_replies_are_swallowed(self):
        session = self.established()
        self.rule("tcp sport %s drop" % self.port)
        session.send(b"hello")
        wait_until(lambda: self.meridian.metric("meridian_stalled_sessions_total", site="atlanta") == 1,
                   "the silence is noticed")
        self.check_new_ones_go_on(0.5)
        self.heal()
        self.assertEqual(session.read_exactly(5), b"hello")

    def test_only_replies_to_new_ones_are_swallowed(self):
        self.rule("tcp sport %s drop" % self.port)
        self.check_new_ones_go_on(2)

    def test_a_reset_on_the_way(self):
        session = self.established()
        self.rule("tcp dport %s reject with tcp reset" % self.port)
        session.send(b"hello")
        with self.assertRaises(ConnectionResetError):
            session.read_exactly(1)
        self.check_new_ones_go_on(0.5)
        self.assertEqual(self.meridian.metric("meridian_races_won_total"), 0)

    def check_a_router_that_says(self, code):
        self.rule("tcp dport %s reject with icmp %s" % (self.port, code))
        self.check_new_ones_go_on(0.5)
        self.assertEqual(self.meridian.metric("meridian_races_won_total"), 0)

    def test_a_router_that_knows_no_host(self):
        self.check_a_router_that_says("host-unreachable")

    def test_a_router_that_forbids(self):
        self.check_a_router_that_says("admin-prohibited")

    def test_a_router_that_knows_no_port(self):
        self.check_a_router_that_says("port-unreachable")


class EchoServer:
    """Answers each datagram with its site's name; health checks find it by TCP."""

    def __init__(self, scope, site):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.checked = TcpServer(scope, lambda connection: connection.fill())
        host, port = self.checked.address.rsplit(":", 1)
        self.socket.bind((host, int(port)))
        self.address, self.port, self.site = self.checked.address, port, site
        scope.callback(self.socket.close)
        python_thread(self._serve)

    def _serve(self):
        while True:
            try:
                self.socket.sendto(self.site.encode(), self.socket.recvfrom(65536)[1])
            except OSError:
                return


class Udp(Network):
    def setUp(self):
        super().setUp()
        self.servers = {site: EchoServer(self.scope, site) for site in ("atlanta", "dallas")}
        self.port = self.servers["atlanta"].port

    def start_with(self, **check):
        config = tcp_config({site: [server.address] for site, server in self.servers.items()})
        config["listeners"]["web"]["protocol"] = "udp"
        config["health_checks"]["ready"].update(check)
        return Meridian(self.scope, config)

    def client(self):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.bind((ATLANTA, 0))
        client.settimeout(1)
        self.scope.callback(client.close)
        return client

    @staticmethod
    def ask(client, address):
        """The site that answers, or "" within a second."""
        client.sendto(b"x", address)
        try:
            return client.recv(100).decode()
        except socket.timeout:
            return ""

    def test_all_is_swallowed_until_a_check_sees_it(self):
        meridian = self.start_with()
        client = self.client()
        self.assertEqual(self.ask(client, meridian.address()), "atlanta")
        self.rule("meta l4proto { tcp, udp } th dport %s drop" % self.port)
        meridian.wait_site("atlanta", "down")
        # The session that stood goes over, and new ones with it.
        self.assertEqual(self.ask(client, meridian.address()), "dallas")
        self.assertEqual(self.ask(self.client(), meridian.address()), "dallas")
        self.heal()
        meridian.wait_site("atlanta", "up")
        self.assertEqual(self.ask(self.client(), meridian.address()), "atlanta")

    def test_only_replies_are_swallowed_until_a_check_sees_it(self):
        meridian = self.start_with()
        client = self.client()
        self.assertEqual(self.ask(client, meridian.address()), "atlanta")
        self.rule("meta l4proto { tcp, udp } th sport %s drop" % self.port)
        meridian.wait_site("atlanta", "down")
        self.assertEqual(self.ask(client, meridian.address()), "dallas")

    def test_a_router_that_says_no_is_believed_at_once(self):
        meridian = self.start_with(interval="1h", fast_interval="1h")
        self.rule("udp dport %s reject with icmp host-unreachable" % self.port)
        began = time.monotonic()
        for _ in range(5):
            self.assertEqual(self.ask(self.client(), meridian.address()), "dallas")
        self.assertLess(time.monotonic() - began, 0.9)

    def test_a_port_that_is_closed_is_believed_at_once(self):
        meridian = self.start_with(interval="1h", fast_interval="1h")
        client = self.client()
        self.assertEqual(self.ask(client, meridian.address()), "atlanta")
        self.rule("udp dport %s reject with icmp port-unreachable" % self.port)
        self.assertEqual(self.ask(client, meridian.address()), "dallas")


class FastOpen(Network):
    """Bytes with the SYN: the kernel of this network is told to take them."""

    @classmethod
    def start(cls):
        super().start()
        try:
            with open("/proc/sys/net/ipv4/tcp_fastopen", "w", encoding="ascii") as file:
                file.write("3")
        except OSError as why:
            raise unittest.SkipTest("needs net.ipv4.tcp_fastopen: %s" % why) from why

    def test_the_first_bytes_come_with_the_syn(self):
        server = TcpServer(self.scope, greeter("atlanta"))
        config = tcp_config({"atlanta": [server.address]}, health_check="none")
        config["process"]["workers"] = 1
        config["listeners"]["web"]["fast_open"] = True
        meridian = Meridian(self.scope, config)

        def ask():
            """How many bytes the kernel had acknowledged with the SYN."""
            client = socket.socket()
            self.scope.callback(client.close)
            client.sendto(b"hello", socket.MSG_FASTOPEN, meridian.address())  # without a cookie it connects first
            client.settimeout(5)
            answer = b""
            while not answer.endswith(b"hello"):
                answer += client.recv(100)
            self.assertEqual(answer, b"atlanta\nhello")
            # TCPI_OPT_SYN_DATA of tcpi_options, the sixth byte of struct tcp_info.
            return bool(struct.unpack_from("B", client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8), 5)[0] & 32)
        self.assertFalse(ask())  # gets the cookie
        self.assertTrue(ask())


if __name__ == "__main__":
    main()
