"""Endpoints that are names: A, AAAA and SRV against servers that answer, change, fail and fall silent, and dnsmasq."""
import collections
import json
import os
import signal
import socket
import threading
import time
import unittest

from harness import Connection, Meridian, SystemTest, free_port, get, main, run_meridian, wait_until, web_config
from harness.name_server import Backends, NameServer
from harness.process import Process

NAME, SRV = "app.internal", "_web._tcp.app.internal"


def names_config(server, endpoints, **service):
    config = web_config({"atlanta": endpoints}, **service)
    config["resolver"] = {"servers": [server.address], "timeout": "200ms", "attempts": 2, "min_ttl": "200ms",
                          "max_ttl": "1s"}
    return config


def spread(meridian, count=60):
    """How many of so many requests each endpoint answered; every one must be answered well."""
    answers = collections.Counter()
    for _ in range(count):
        response = get(meridian.address())
        if response.status != 200:
            raise AssertionError("answered %r" % response)
        answers[response.endpoint] += 1
    return answers


def present(meridian):
    """{address: (state, weight)} of the site's endpoints."""
    pool = meridian.read("/v1/sites/atlanta")["services"].get("web", {"endpoints": []})
    return {endpoint["address"]: (endpoint["state"], endpoint["weight"]) for endpoint in pool["endpoints"]}


def wait_up(meridian, *endpoints, seconds=10):
    """Until these and no others are there, all up."""
    wait_until(lambda: {address: state for address, (state, _) in present(meridian).items()} ==
               {endpoint: "up" for endpoint in endpoints}, "exactly %s are up" % ", ".join(endpoints), seconds)


class Asking:
    """One request after the other, each on a connection of its own; whatever is not 200 is kept."""

    def __init__(self, meridian, clients=2):
        self.address, self.bad, self.good, self.stopping = meridian.address(), [], 0, threading.Event()
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def _run(self):
        while not self.stopping.is_set():
            try:
                response = get(self.address)
                if response.status == 200:
                    self.good += 1
                else:
                    self.bad.append(repr(response))
            except OSError as error:
                self.bad.append(repr(error))
            time.sleep(0.002)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(20)


class Changes(SystemTest):
    def start_at(self, *addresses, **service):
        self.backends = Backends(self.scope)
        self.server = NameServer(self.scope, {NAME: {"A": list(addresses)}})
        config = names_config(self.server, ["%s:%d" % (NAME, self.backends.port)], **service)
        self.meridian = Meridian(self.scope, config)
        return [self.backends.endpoint("127.0.0.%d" % (i + 1)) for i in range(3)]

    def test_the_first_answers_are_there_when_it_serves(self):
        one, two, _ = self.start_at("127.0.0.1", "127.0.0.2")
        self.assertEqual(self.meridian.generation(), 1)
        self.assertEqual(set(spread(self.meridian)), {one, two})

    def test_an_address_joins_and_one_that_goes_drains(self):
        # By chance: by load, requests next to each other may settle on an endpoint each.
        one, two, three = self.start_at("127.0.0.1", "127.0.0.2", balance="random")
        with Asking(self.meridian) as asking:
            self.server.zone[NAME] = {"A": ["127.0.0.3", "127.0.0.2", "127.0.0.1"]}
            wait_up(self.meridian, one, two, three)
            self.assertEqual(set(spread(self.meridian)), {one, two, three})
            download = Connection(self.meridian.address())
            self.addCleanup(download.close)
            head = None
            while head is None or head.endpoint != two:
                download.close()
                download = Connection(self.meridian.address())
                download.ask("GET", "/slow")
                head = download.read_head()
            self.server.zone[NAME] = {"A": ["127.0.0.3", "127.0.0.1"]}
            wait_until(lambda: present(self.meridian).get(two) == ("draining", 0), "it drains")
            (intent,) = self.meridian.read("/v1/status")["drains"]
            self.assertEqual((intent["target"], intent["intent"], intent["author"]), ("atlanta/" + two, "drain", "dns"))
            self.assertEqual(intent["reason"], "no longer in the answer for %s:%d" % (NAME, self.backends.port))
            self.assertEqual(set(spread(self.meridian)), {one, three})
            self.assertEqual(self.meridian.site_state("atlanta"), "up")
            body = download.read_exactly(int(head.get("Content-Length")))
            self.assertEqual(body, two.encode() * 60)
            wait_up(self.meridian, one, three)
            wait_until(lambda: self.meridian.read("/v1/status")["drains"] == [], "the drain is forgotten")
        self.assertEqual(asking.bad, [])
        self.assertGreater(asking.good, 100)
        texts = [event["text"] for event in self.meridian.read("/v1/events?follow=false")["events"] if event["kind"] == "names"]
        self.assertTrue(any("; draining " + two in text for text in texts), texts)
        self.assertNotIn(two + ": draining → up", self.meridian.process.stderr())

    def test_one_that_comes_back_while_it_drains_serves_again(self):
        one, two, _ = self.start_at("127.0.0.1", "127.0.0.2")
        connections = []
        while len(connections) < 4:  # some are at the second
            connection = Connection(self.meridian.address())
            self.addCleanup(connection.close)
            connection.ask("GET", "/slow")
            connections.append(connection)
        heads = [connection.read_head() for connection in connections]
        self.assertIn(two, [head.endpoint for head in heads])
        self.server.zone[NAME] = {"A": ["127.0.0.1"]}
        wait_until(lambda: present(self.meridian).get(two) == ("draining", 0), "it drains")
        self.server.zone[NAME] = {"A": ["127.0.0.1", "127.0.0.2"]}
        wait_up(self.meridian, one, two)
        self.assertEqual(set(spread(self.meridian)), {one, two})
        for connection, head in zip(connections, heads):
            self.assertEqual(len(connection.read_exactly(int(head.get("Content-Length")))), 60 * len(one))

    def test_an_answer_that_replaces_all_of_them_leaves_no_gap(self):
        one, two, three = self.start_at("127.0.0.1", panic="reject")
        with Asking(self.meridian) as asking:
            for address, endpoint in (("127.0.0.2", two), ("127.0.0.3", three), ("127.0.0.1", one)):
                self.server.zone[NAME] = {"A": [address]}
                wait_up(self.meridian, endpoint, seconds=15)
        self.assertEqual(asking.bad, [])
        self.assertGreater(asking.good, 100)

    def test_a_drain_by_an_operator_is_left_alone(self):
        one, two, _ = self.start_at("127.0.0.1", "127.0.0.2")
        self.assertEqual(self.meridian.cli("drain", "atlanta/" + two, "--deadline", "1h").returncode, 0)
        self.server.zone[NAME] = {"A": ["127.0.0.1"]}
        wait_up(self.meridian, one)
        self.server.zone[NAME] = {"A": ["127.0.0.1", "127.0.0.2"]}
        wait_until(lambda: present(self.meridian).get(two, ("",))[0] == "draining", "it is drained as before")


class Faults(SystemTest):
    @classmethod
    def start(cls):
        cls.backends = Backends(cls.shared)
        cls.server = NameServer(cls.shared, {NAME: {"A": ["127.0.0.1", "127.0.0.2"]}})
        cls.meridian = Meridian(cls.shared, names_config(cls.server, ["%s:%d" % (NAME, cls.backends.port)]))

    def lookups(self, result):
        return self.meridian.metric("meridian_resolver_lookups_total", name=NAME, result=result)

    def events(self):
        return [event["text"] for event in self.meridian.read("/v1/events?follow=false")["events"] if event["kind"] == "names"]

    def holds_during(self, fault, result):
        before, told = self.lookups(result), len(self.events())
        generation, held = self.meridian.generation(), present(self.meridian)
        self.assertEqual(len(held), 2)
        with Asking(self.meridian, clients=1) as asking:
            self.server.faults[NAME] = fault
            wait_until(lambda: self.lookups(result) >= before + 2, "two lookups are " + result)
            self.assertEqual(present(self.meridian), held)
            self.assertGreater(self.meridian.metric("meridian_resolver_answer_age_seconds", name=NAME), 0.2)
            del self.server.faults[NAME]
            wait_until(lambda: NAME + " is answered again" in self.events()[told:], "the turns are told")
        self.assertEqual(asking.bad, [])
        self.assertIn("%s: no usable answer (%s); the one before goes on" % (NAME, result), self.events()[told:])
        self.assertEqual(self.meridian.generation(), generation)

    def test_servfail(self):
        self.holds_during("servfail", "failed")

    def test_nxdomain(self):
        self.holds_during("nxdomain", "no-name")

    def test_an_empty_answer(self):
        self.holds_during("empty", "empty")

    def test_silence(self):
        self.holds_during("silent", "timeout")

    def test_a_server_that_has_stopped(self):
        before = self.lookups("failed") + self.lookups("timeout")
        self.server.stop()
        wait_until(lambda: self.lookups("failed") + self.lookups("timeout") >= before + 2, "two lookups fail")
        self.assertEqual(len(spread(self.meridian)), 2)
        good = self.lookups("found")
        self.server.start()
        wait_until(lambda: self.lookups("found") > good, "it is answered again")


class Start(SystemTest):
    def test_a_name_without_an_answer_is_a_warning(self):
        backends = Backends(self.scope, 1)
        server = NameServer(self.scope, {})
        meridian = Meridian(self.scope, names_config(server, ["%s:%d" % (NAME, backends.port)]))
        self.assertEqual(get(meridian.address()).status, 503)
        self.assertIn("no usable answer (no-name); it has no address", meridian.process.stderr())
        self.assertEqual(meridian.site_state("atlanta"), "down")
        self.assertIn("has no address yet", meridian.cli("sites").stdout)
        server.zone[NAME] = {"A": ["127.0.0.1"]}
        wait_up(meridian, backends.endpoint("127.0.0.1"))
        self.assertEqual(get(meridian.address()).status, 200)

    def test_a_silent_server_delays_it_by_the_grace_alone(self):
        backends = Backends(self.scope, 1)
        server = NameServer(self.scope, {NAME: {"A": ["127.0.0.1"]}})
        server.faults[NAME] = "silent"
        config = names_config(server, ["%s:%d" % (NAME, backends.port), "127.0.0.1:%d" % backends.port])
        config["resolver"].update(timeout="2s", attempts=5)
        config["process"]["startup_grace"] = "500ms"
        meridian = Meridian(self.scope, config)
        self.assertEqual(get(meridian.address()).status, 200)
        self.assertIn("not every name has been answered within startup_grace", meridian.process.stderr())

    def test_the_hosts_file_counts(self):
        backends = Backends(self.scope, 1)
        server = NameServer(self.scope, {})
        meridian = Meridian(self.scope, names_config(server, ["localhost:%d" % backends.port]))
        self.assertIn("127.0.0.1:%d" % backends.port, present(meridian))
        self.assertEqual(server.asked["localhost", "A"], 0)


class Services(SystemTest):
    def start_with(self, records, **zone):
        self.backends = Backends(self.scope)
        hosts = {"host%d.internal" % (i + 1): {"A": ["127.0.0.%d" % (i + 1)]} for i in range(3)}
        self.server = NameServer(self.scope, {SRV: {"SRV": self.records(records)}, **hosts, **zone})
        self.meridian = Meridian(self.scope, names_config(self.server, [{"srv": SRV}], balance="random"))
        return [self.backends.endpoint("127.0.0.%d" % (i + 1)) for i in range(3)]

    def records(self, records):
        return [(priority, weight, self.backends.port, "host%d.internal" % host) for host, priority, weight in records]

    def test_weights_and_priorities(self):
        one, two, three = self.start_with([(1, 10, 300), (2, 10, 100), (3, 20, 1)])
        self.assertEqual(present(self.meridian), {one: ("up", 300), two: ("up", 100), three: ("up", 1)})
        answers = spread(self.meridian, 400)
        self.assertEqual(answers[three], 0)
        self.assertGreater(answers[one], 240)  # 300 expected, six sigma
        self.assertLess(answers[one], 360)
        self.backends.servers["127.0.0.1"].healthy = False
        self.backends.servers["127.0.0.2"].healthy = False
        wait_until(lambda: self.meridian.endpoint_states("atlanta")[two] != "up" and
                   self.meridian.endpoint_states("atlanta")[one] != "up", "the preferred are down")
        self.assertEqual(set(spread(self.meridian)), {three})
        self.backends.servers["127.0.0.2"].healthy = True
        wait_until(lambda: self.meridian.endpoint_states("atlanta")[two] == "up", "one of them is back")
        self.assertEqual(set(spread(self.meridian)), {two})

    def test_a_weight_of_zero_still_serves_alone(self):
        one, two, _ = self.start_with([(1, 1, 0), (2, 1, 50)])
        self.assertEqual({address: weight for address, (_, weight) in present(self.meridian).items()},
                         {one: 1, two: 5000})
        self.server.zone[SRV] = {"SRV": self.records([(1, 1, 0)])}
        wait_up(self.meridian, one)
        self.assertEqual(set(spread(self.meridian)), {one})

    def test_records_and_their_hosts_change(self):
        one, two, three = self.start_with([(1, 1, 1), (2, 1, 1)])
        with Asking(self.meridian) as asking:
            self.server.zone[SRV] = {"SRV": self.records([(3, 1, 1), (2, 1, 1)])}
            wait_up(self.meridian, two, three)
            self.server.zone["host2.internal"] = {"A": ["127.0.0.1"]}
            wait_up(self.meridian, one, three)
        self.assertEqual(asking.bad, [])

    @unittest.skipUnless(os.path.exists("/proc/net/if_inet6"), "this machine has no IPv6")
    def test_both_families(self):
        backends = Backends(self.scope, addresses=["127.0.0.1", "::1"])
        server = NameServer(self.scope, {NAME: {"A": ["127.0.0.1"], "AAAA": ["::1"]}})
        meridian = Meridian(self.scope, names_config(server, ["%s:%d" % (NAME, backends.port)]))
        self.assertEqual(set(spread(meridian)), {backends.endpoint("127.0.0.1"), backends.endpoint("::1")})
        server.zone[NAME] = {"AAAA": ["::1"]}
        wait_up(meridian, backends.endpoint("::1"))


class Reload(SystemTest):
    def test_names_take_the_place_of_addresses_without_a_gap(self):
        backends = Backends(self.scope)
        server = NameServer(self.scope, {NAME: {"A": ["127.0.0.1", "127.0.0.2"]}})
        endpoint = ["%s:%d" % (NAME, backends.port)]
        config = names_config(server, [backends.endpoint("127.0.0.1")])
        meridian = Meridian(self.scope, config)
        with Asking(meridian) as asking:
            answer = meridian.reload(names_config(server, endpoint), force=True)
            self.assertTrue(answer["accepted"], answer)
            wait_up(meridian, backends.endpoint("127.0.0.1"), backends.endpoint("127.0.0.2"))
            # What DNS takes away is not what the file takes away.
            server.zone[NAME] = {"A": ["127.0.0.2"]}
            wait_up(meridian, backends.endpoint("127.0.0.2"))
            self.assertTrue(meridian.reload()["accepted"])
        self.assertEqual(asking.bad, [])

    def test_a_refused_one_leaves_names_as_they_were(self):
        backends = Backends(self.scope)
        server = NameServer(self.scope, {NAME: {"A": ["127.0.0.1"]}, "other.internal": {"A": ["127.0.0.2"]}})
        meridian = Meridian(self.scope, names_config(server, ["%s:%d" % (NAME, backends.port)]))
        config = names_config(server, ["other.internal:%d" % backends.port])
        self.assertFalse(meridian.reload(config)["accepted"])  # more than half would go
        config["services"]["web"]["health_check"] = "none-such"
        self.assertFalse(meridian.reload(config, force=True)["accepted"])
        self.assertEqual(set(present(meridian)), {backends.endpoint("127.0.0.1")})
        server.zone[NAME] = {"A": ["127.0.0.3"]}
        wait_up(meridian, backends.endpoint("127.0.0.3"))


class Shown(SystemTest):
    @classmethod
    def start(cls):
        cls.backends = Backends(cls.shared, 1)
        cls.server = NameServer(cls.shared, {NAME: {"A": ["127.0.0.1"]}})
        cls.endpoint = "%s:%d" % (NAME, cls.backends.port)
        cls.meridian = Meridian(cls.shared, names_config(cls.server, [cls.endpoint]))

    def test_sites_and_explain_show_the_name(self):
        address = self.backends.endpoint("127.0.0.1")
        self.assertIn("web: %s is %s" % (self.endpoint, address), self.meridian.cli("sites").stdout)
        explained = self.meridian.cli("explain", "--service", "web", "--client", "127.0.33.1")
        self.assertIn("endpoint %s of %s" % (address, self.endpoint), explained.stdout)
        self.assertEqual(self.meridian.read("/v1/config")["resolver"]["servers"], [self.server.address])

    def test_commands_without_an_instance_look_nothing_up(self):
        asked = run_meridian("check", "-c", self.meridian.config_path)
        self.assertEqual(asked.returncode, 0, asked.stderr)
        self.assertIn("atlanta (%s by name)" % self.endpoint, asked.stdout)
        explained = run_meridian("explain", "-c", self.meridian.config_path, "--service", "web", "--client", "10.0.0.1")
        self.assertIn("of " + self.endpoint, explained.stdout)
        self.assertIn("names are not looked up here", explained.stderr)


class Dnsmasq(SystemTest):
    """A real server: the names of a hosts file, and SRV records."""

    def test_addresses_come_and_go(self):
        binary = next((path for path in ("/usr/sbin/dnsmasq", "/usr/bin/dnsmasq") if os.path.exists(path)), None)
        if binary is None:
            self.skipTest("dnsmasq is not installed: packaging/deps test")
        backends = Backends(self.scope)
        directory, port = self.scope.make_directory("dnsmasq"), free_port()
        hosts = os.path.join(directory, "hosts")

        def write(*numbers):
            with open(hosts, "w", encoding="utf-8") as file:
                file.writelines("127.0.0.%d %s host%d.internal\n" % (number, NAME, number) for number in numbers)
        write(1, 2)
        process = Process(self.scope, [
            binary, "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--no-poll",
            "--user=", "--pid-file=", "--log-facility=-", "--bind-interfaces", "--listen-address=127.0.0.1",
            "--port=%d" % port, "--addn-hosts=" + hosts, "--local-ttl=1",
            "--srv-host=%s,host1.internal,%d,1,3" % (SRV, backends.port),
            "--srv-host=%s,host3.internal,%d,2,1" % (SRV, backends.port)], directory, "dnsmasq")
        one, two, three = [backends.endpoint("127.0.0.%d" % (i + 1)) for i in range(3)]
        server = NameServer(self.scope, {})
        config = names_config(server, ["%s:%d" % (NAME, backends.port)])
        config["resolver"]["servers"] = ["127.0.0.1:%d" % port]
        config["regions"]["us-south"] = {"sites": {"dallas": {
            "latitude": 32.8, "longitude": -96.8, "services": {"web": [{"srv": SRV}]}}}}
        meridian = Meridian(self.scope, config)
        wait_up(meridian, one, two)
        wait_until(lambda: meridian.endpoint_states("dallas") == {one: "up"}, "the SRV record's host is up")
        with Asking(meridian) as asking:
            write(2, 3, 1)
            process.signal(signal.SIGHUP)
            wait_up(meridian, one, two, three)
            wait_until(lambda: meridian.endpoint_states("dallas") == {one: "up", three: "up"}, "both hosts are up")
            write(1)
            process.signal(signal.SIGHUP)
            wait_up(meridian, one)
            process.kill()
            wait_until(lambda: meridian.metric("meridian_resolver_lookups_total", name=NAME, result="failed") > 0,
                       "it is missed")
            self.assertEqual(set(spread(meridian)), {one})
        self.assertEqual(asking.bad, [])


if __name__ == "__main__":
    main()
