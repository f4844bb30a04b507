"""UDP with real peers: DNS (dig and dnsperf, dnsmasq behind) and SIP calls (SIPp on both sides, over TCP too)."""
import os
import re
import shutil
import signal
import socket
import subprocess
import unittest

from harness import PLACES, Meridian, SystemTest, free_port, main, python_thread, tcp_config, wait_until
from harness.process import Process

ATLANTA, DALLAS = PLACES["atlanta"].client, PLACES["dallas"].client


def tool(name):
    path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
    if path is None:
        raise unittest.SkipTest("%s is not installed: packaging/deps test" % name)
    return path


def udp_config(addresses, bind="127.0.0.1:0", **service):
    config = tcp_config(addresses, **service)
    config["listeners"]["web"].update(protocol="udp", bind=[bind] if isinstance(bind, str) else bind)
    return config


class Dnsmasq:
    """A DNS server that answers who.test with the name of its site."""

    def __init__(self, scope, site, port=None):
        self.scope, self.site = scope, site
        self.port = port or free_port()
        self.address = "127.0.0.1:%d" % self.port
        self.directory = scope.make_directory("dnsmasq-" + site)
        self.start()

    def start(self):
        self.process = Process(self.scope, [
            tool("dnsmasq"), "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
            "--no-poll", "--user=", "--pid-file=", "--log-facility=-", "--bind-interfaces",
            "--listen-address=127.0.0.1", "--port=%d" % self.port, "--txt-record=who.test," + self.site,
            "--host-record=host.test,192.0.2.7"], self.directory, "dnsmasq-" + self.site)
        wait_until(lambda: dig(("127.0.0.1", self.port)) == self.site, "dnsmasq answers")


def dig(address, source=None, name="who.test", kind="TXT"):
    """The answer, or "" if there is none; dig takes one only from the address it asked."""
    command = [tool("dig"), "+short", "+tries=1", "+time=2", "@" + address[0], "-p", str(address[1])]
    done = subprocess.run(command + (["-b", source] if source else []) + [name, kind], capture_output=True,
                          text=True, timeout=30, check=False)
    return done.stdout.strip().strip('"') if done.returncode == 0 else ""


class EchoServer:
    """Answers each datagram with its site's name and the port that it came from."""

    def __init__(self, scope, site):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.site = site
        scope.callback(self.socket.close)
        python_thread(self._serve)

    def _serve(self):
        while True:
            try:
                data, peer = self.socket.recvfrom(65536)
                self.socket.sendto(b"%s %d %s" % (self.site.encode(), peer[1], data), peer)
            except OSError:
                return


class Client:
    """A client of its own port, which takes answers from anywhere and tells where they came from."""

    def __init__(self, scope, address, source="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((source, 0))
        self.socket.settimeout(5)
        self.address = address
        scope.callback(self.socket.close)

    def ask(self, data, to=None):
        self.socket.sendto(data, to or self.address)
        answer, self.answered_from = self.socket.recvfrom(65536)
        return answer


class Dns(SystemTest):
    @classmethod
    def start(cls):
        cls.servers = {site: Dnsmasq(cls.shared, site) for site in PLACES}
        cls.addresses = {site: [server.address] for site, server in cls.servers.items()}
        cls.meridian = Meridian(cls.shared, udp_config(cls.addresses))

    def test_dig_gets_the_site_nearest_to_it(self):
        for site, place in PLACES.items():
            self.assertEqual(dig(self.meridian.address(), place.client), site)

    def test_the_listener_is_reported_as_udp(self):
        self.assertEqual(self.meridian.printed_listeners()[0][1], "udp")

    def test_dnsperf_loses_no_query_and_reloads_cost_none(self):
        queries = os.path.join(self.scope.directory, "queries")
        with open(queries, "w", encoding="ascii") as file:
            file.write("who.test TXT\nhost.test A\n" * 1000)
        host, port = self.meridian.address()
        before = self.meridian.metric("meridian_datagrams_total", direction="out")
        perf = subprocess.Popen(
            [tool("dnsperf"), "-m", "udp", "-s", host, "-p", str(port), "-d", queries, "-c", "20", "-n", "5",
             "-q", "50", "-Q", "4000"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(perf.kill)
        for _ in range(3):
            generation = self.meridian.generation()
            self.meridian.process.signal(signal.SIGHUP)
            wait_until(lambda at=generation: self.meridian.generation() > at, "it is reloaded")
        output = perf.communicate(timeout=60)[0]
        self.assertRegex(output, r"Queries sent:\s+10000\n", output)
        self.assertRegex(output, r"Queries completed:\s+10000 ", output)
        self.assertRegex(output, r"NOERROR 10000 ", output)
        self.assertEqual(self.meridian.metric("meridian_datagrams_total", direction="out"), before + 10000)

    def test_a_server_that_is_killed_is_followed_by_the_next_site(self):
        doomed = Dnsmasq(self.scope, "atlanta")
        addresses = {"atlanta": [doomed.address], "dallas": self.addresses["dallas"]}
        meridian = Meridian(self.scope, udp_config(addresses, health_check="none"))
        self.assertEqual(dig(meridian.address(), ATLANTA), "atlanta")
        doomed.process.kill()
        for number in range(1, 11):  # the first pays with a round trip, no other with anything
            self.assertEqual(dig(meridian.address(), "127.0.33.%d" % number), "dallas")
        self.assertEqual(meridian.metric("meridian_backend_connect_failures_total", site="atlanta"), 1)
        self.assertEqual(meridian.site_state("atlanta"), "down")

    def test_checks_bring_a_site_back(self):
        server = Dnsmasq(self.scope, "atlanta")
        addresses = {"atlanta": [server.address], "dallas": self.addresses["dallas"]}
        meridian = Meridian(self.scope, udp_config(addresses))
        server.process.kill()
        meridian.wait_site("atlanta", "down")
        self.assertEqual(dig(meridian.address(), ATLANTA), "dallas")
        server.start()
        meridian.wait_site("atlanta", "up")
        self.assertEqual(dig(meridian.address(), ATLANTA), "atlanta")

    def test_who_is_denied_is_not_answered(self):
        config = udp_config(self.addresses)
        config["listeners"]["web"]["deny"] = {"country": ["DE"]}
        meridian = Meridian(self.scope, config)
        self.assertEqual(dig(meridian.address(), "127.0.49.1"), "")
        self.assertEqual(dig(meridian.address(), DALLAS), "dallas")
        self.assertEqual(meridian.metric("meridian_datagrams_dropped_total", reason="refused"), 1)


class Sessions(SystemTest):
    @classmethod
    def start(cls):
        cls.servers = {site: EchoServer(cls.shared, site) for site in ("atlanta", "dallas")}
        cls.addresses = {site: [server.address] for site, server in cls.servers.items()}

    def config(self, *arguments, **service):
        return udp_config(self.addresses, *arguments, health_check="none", **service)

    def test_the_answer_comes_from_the_address_that_was_asked(self):
        meridian = Meridian(self.scope, self.config("0.0.0.0:0"))
        port = meridian.address()[1]
        client = Client(self.scope, None)
        for asked in ("127.0.0.2", "127.0.0.1", "127.9.9.9"):
            self.assertIn(b"hello", client.ask(b"hello", (asked, port)))
            self.assertEqual(client.answered_from, (asked, port))

    def test_ipv6_and_ipv4_side_by_side(self):
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as six:
            try:
                six.bind(("::1", 0))
            except OSError:
                self.skipTest("no IPv6 on loopback")
            port = free_port()
            Meridian(self.scope, self.config(["0.0.0.0:%d" % port, "[::]:%d" % port]))
            self.assertIn(b"four", Client(self.scope, ("127.0.0.1", port)).ask(b"four"))
            six.settimeout(5)
            six.sendto(b"six", ("::1", port))
            answer, peer = six.recvfrom(1000)
            self.assertIn(b"six", answer)
            self.assertEqual(peer[:2], ("::1", port))

    def test_a_session_survives_a_reload_by_signal(self):
        meridian = Meridian(self.scope, self.config())
        client = Client(self.scope, meridian.address(), ATLANTA)
        before = client.ask(b"one").split()[:2]
        for number in range(3):
            meridian.write(self.config(timeouts={"idle": "%ds" % (60 + number)}))
            meridian.process.signal(signal.SIGHUP)
            wait_until(lambda at=number: meridian.generation() == at + 2, "it is reloaded")
            self.assertEqual(client.ask(b"again").split()[:2], before)  # from the same port of ours
        self.assertEqual(meridian.metric("meridian_sessions_total"), 1)

    def test_clients_keep_their_server_over_all_workers(self):
        meridian = Meridian(self.scope, self.config())
        for _ in range(40):
            client = Client(self.scope, meridian.address(), DALLAS)
            self.assertEqual(len({tuple(client.ask(b"x").split()[:2]) for _ in range(5)}), 1)
        self.assertEqual(meridian.metric("meridian_connections_active"), 40)
        self.assertEqual(meridian.read("/v1/sites/dallas")["sessions"], 40)

    def test_sessions_end_in_silence_and_the_table_is_bounded(self):
        config = self.config(timeouts={"idle": "500ms"})
        config["process"]["workers"] = 1
        config["listeners"]["web"]["limits"] = {"sessions": 2}
        meridian = Meridian(self.scope, config)
        clients = [Client(self.scope, meridian.address()) for _ in range(3)]
        clients[0].ask(b"x")
        clients[1].ask(b"x")
        clients[2].socket.sendto(b"x", meridian.address())
        wait_until(lambda: meridian.metric("meridian_datagrams_dropped_total", reason="table-full") == 1,
                   "the third is dropped")
        wait_until(lambda: meridian.metric("meridian_connections_active") == 0, "the others end")
        self.assertIn(b"x", clients[2].ask(b"x"))

    def test_every_size_arrives_whole(self):
        meridian = Meridian(self.scope, self.config())
        client = Client(self.scope, meridian.address())
        for size in (0, 1, 1472, 1473, 9000, 65000):
            data = os.urandom(size)
            self.assertEqual(client.ask(data).split(b" ", 2)[2], data)

    def test_a_drain_ends_with_the_last_session(self):
        meridian = Meridian(self.scope, self.config(timeouts={"idle": "300ms"}))
        client = Client(self.scope, meridian.address())
        client.ask(b"x")
        self.assertEqual(meridian.terminate(), 0)


class Sipp(Process):
    """A SIPp; its messages in error are in `errors`."""

    def __init__(self, scope, name, *arguments):
        directory = scope.make_directory(name)
        self.errors_path = os.path.join(directory, "errors.log")
        super().__init__(scope, [tool("sipp"), *arguments, "-nostdin", "-max_socket", "500", "-trace_err",
                                 "-error_file", self.errors_path], directory, name, {"TERM": "dumb"})


BYE_SERVER = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="ends calls that others have begun">
  <recv request="BYE"></recv>
  <send><![CDATA[

    SIP/2.0 200 OK
    [last_Via:]
    [last_From:]
    [last_To:]
    [last_Call-ID:]
    [last_CSeq:]
    Content-Length: 0

  ]]></send>
</scenario>
"""


class Sip(SystemTest):
    def server(self, name, transport, *scenario):
        port = free_port()
        server = Sipp(self.scope, name, *(scenario or ("-sn", "uas")), "-t", transport, "-i", "127.0.0.1", "-p",
                      str(port))
        server.address = "127.0.0.1:%d" % port
        hexport = "%04X" % port
        table = "/proc/net/" + ("udp" if transport.startswith("u") else "tcp")
        wait_until(lambda: any(line.split()[1].endswith(":" + hexport) for line in
                               open(table, encoding="ascii").readlines()[1:]), "SIPp listens")
        return server

    def calls(self, meridian, transport, count, milliseconds=0, more=()):
        host, port = meridian.address()
        return Sipp(self.scope, "uac", "-sn", "uac", "-t", transport, "-i", "127.0.0.1", "-m", str(count), "-r", "50",
                    "-l", str(count), "-d", str(milliseconds), "-timeout", "40", "-timeout_error", *more,
                    "%s:%d" % (host, port))

    def in_flight(self, meridian, site):
        endpoints = meridian.read("/v1/sites/" + site)["services"]["web"]["endpoints"]
        return [endpoint["in_flight"] for endpoint in endpoints]

    def place_calls(self, transport, protocol):
        servers = [self.server("uas-%d" % number, transport) for number in range(3)]
        config = udp_config({"dallas": [server.address for server in servers]}, health_check="none",
                            session={"by": "sip-call-id"})
        config["listeners"]["web"]["protocol"] = protocol
        meridian = Meridian(self.scope, config)
        # INVITE, ACK and BYE of a call must come to the same server: to any other it is a stranger.
        calls = self.calls(meridian, transport, 60, milliseconds=2000)
        wait_until(lambda: all(self.in_flight(meridian, "dallas")), "all three servers have calls")
        self.assertEqual(calls.wait(60), 0, calls.stdout()[-3000:])
        self.assertEqual(meridian.metric("meridian_sessions_total", site="dallas"), 60)

    def test_calls_over_udp_from_one_socket_are_spread_and_kept_together(self):
        self.place_calls("u1", "udp")

    def test_calls_over_udp_from_a_socket_each(self):
        self.place_calls("un", "udp")

    def test_calls_over_tcp(self):
        self.place_calls("tn", "tcp")

    def lose_a_site(self, transport, protocol, *more):
        """Atlanta begins ten calls and dies; Dallas, which has not heard of them, gets their ends."""
        scenario = os.path.join(self.scope.directory, "bye.xml")
        with open(scenario, "w", encoding="ascii") as file:
            file.write(BYE_SERVER)
        messages = os.path.join(self.scope.directory, "messages")
        first = self.server("atlanta", transport, "-sn", "uas", "-trace_msg", "-message_file", messages)
        second = self.server("dallas", transport, "-sf", scenario)
        config = udp_config({"atlanta": [first.address], "dallas": [second.address]}, health_check="none",
                            session={"by": "sip-call-id"}, steering="ordered", order=["atlanta", "dallas"])
        config["listeners"]["web"]["protocol"] = protocol
        meridian = Meridian(self.scope, config)
        calls = self.calls(meridian, transport, 10, milliseconds=3000, more=more)
        wait_until(lambda: meridian.read("/v1/sites/atlanta")["sessions"] >= 1, "calls have begun")
        with open(messages, encoding="ascii", errors="replace") as file:
            got = []
            wait_until(lambda: got.append(file.read()) or "".join(got).count("\nACK sip:") == 10, "each is acknowledged")
        first.kill()
        return meridian, calls

    def test_a_site_lost_amid_a_call_loses_no_call(self):
        meridian, calls = self.lose_a_site("u1", "udp")
        self.assertEqual(calls.wait(60), 0, calls.stdout()[-3000:])
        self.assertEqual(meridian.metric("meridian_sessions_total", site="dallas"), 10)
        self.assertEqual(meridian.metric("meridian_retries_total", site="atlanta"), 10)

    def test_over_tcp_the_caller_is_told_by_a_reset_and_comes_again(self):
        again = ("-max_reconnect", "100", "-reconnect_close", "false", "-reconnect_sleep", "100")
        calls = self.lose_a_site("t1", "tcp", *again)[1]
        calls.wait(60)
        # SIPp sees the reset when it writes the first of the ten BYEs, and has lost that one.
        ended = re.search(r"BYE -+>\s+(\d+).*\n\s+200 <-+\s+(\d+)", calls.stdout()[-3000:])
        self.assertEqual(ended.groups(), ("9", "9"))


if __name__ == "__main__":
    main()
