"""A new configuration while traffic runs: what changes, what must not, and what is refused."""
import json
import os
import signal
import socket

from harness import (PLACES, Connection, Crowd, Meridian, Sites, SystemTest, TcpServer, WebSocketClient,
                     WebSocketServer, free_port, get, main, refused, tcp_config, wait_until, web_config)

ATLANTA = PLACES["atlanta"].client


class Accepted(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared, endpoints=1)

    def config(self, *names, **service):
        return web_config({site: self.sites.addresses(site) for site in names or PLACES}, **service)

    def test_sighup_brings_a_new_site_into_service(self):
        meridian = Meridian(self.scope, self.config("dallas"))
        self.assertEqual(get(meridian.address(), source=ATLANTA).site, "dallas")
        meridian.write(self.config("dallas", "atlanta"))
        meridian.process.signal(signal.SIGHUP)
        self.assertEqual(meridian.cli("wait", "generation", "2").returncode, 0)
        meridian.wait_site("atlanta", "up")
        self.assertEqual(get(meridian.address(), source=ATLANTA).site, "atlanta")

    def test_the_reload_command_tells_the_new_generation(self):
        meridian = Meridian(self.scope, self.config("dallas"))
        meridian.write(self.config("dallas", "atlanta"))
        done = meridian.cli("reload")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("generation 2", done.stdout)
        meridian.wait_site("atlanta", "up")
        self.assertEqual(get(meridian.address(), source=ATLANTA).site, "atlanta")

    def test_established_connections_go_on_and_their_next_request_sees_it(self):
        meridian = Meridian(self.scope, self.config("dallas"))
        with Connection(meridian.address(), ATLANTA) as connection:
            self.assertEqual(connection.request().site, "dallas")
            self.assertTrue(meridian.reload(self.config("dallas", "atlanta"))["accepted"])
            meridian.wait_site("atlanta", "up")
            self.assertEqual(connection.request().site, "atlanta")

    def test_a_tunnel_and_a_tcp_session_are_not_touched(self):
        site = WebSocketServer(self.scope)
        config = web_config({"dallas": [site.address]})
        config["listeners"]["raw"] = {"bind": ["127.0.0.1:0"], "protocol": "tcp", "service": "web"}
        meridian = Meridian(self.scope, config)
        with WebSocketClient(meridian.address()) as tunnel, WebSocketClient(meridian.address("raw")) as session:
            for number in range(5):
                config["services"]["web"]["timeouts"] = {"idle": "%ds" % (60 + number)}
                self.assertTrue(meridian.reload(config)["accepted"])
                for client in (tunnel, session):
                    self.assertEqual(client.say(1, b"%d" % number), (1, b"%d" % number))

    def test_no_request_fails_during_ten_reloads_under_load(self):
        meridian = Meridian(self.scope, self.config())
        with Crowd(meridian.address(), ATLANTA, clients=4) as crowd:
            for number in range(10):
                before = crowd.total()
                config = self.config(*("atlanta", "dallas", "san-jose")[:3 - number % 2])
                answer = meridian.reload(config)
                self.assertTrue(answer["accepted"], answer)
                self.assertEqual(answer["generation"], number + 2)
                wait_until(lambda at=before: crowd.total() >= at + 100, "requests go on")
            for _ in range(50):
                self.assertEqual(get(meridian.address(), source=ATLANTA).status, 200)  # accepts go on, too
            crowd.stop()
            self.assertEqual(crowd.failures, [])
        self.assertEqual(meridian.metric("meridian_reloads_total", result="success"), 10)

    def test_what_is_known_of_endpoints_outlives_it(self):
        self.sites["dallas"].kill()
        self.addCleanup(self.sites["dallas"].start)
        meridian = Meridian(self.scope, self.config())
        self.assertEqual(meridian.site_state("dallas"), "down")
        self.assertEqual(meridian.api("POST", "/v1/drain", {"target": "san-jose"})[0], 200)
        self.assertTrue(meridian.reload()["accepted"])
        states = {site: meridian.site_state(site) for site in PLACES}
        self.assertEqual(states, {"atlanta": "up", "dallas": "down", "san-jose": "draining"})

    def test_listeners_come_and_go(self):
        config = self.config()
        meridian = Meridian(self.scope, config)
        first = meridian.address()
        config["listeners"]["second"] = {"bind": ["127.0.0.1:0"], "protocol": "http", "service": "web"}
        self.assertTrue(meridian.reload(config)["accepted"])
        second = meridian.address("second")
        self.assertEqual(meridian.address(), first)
        self.assertTrue(all(get(second).status == 200 for _ in range(20)))
        with Connection(second) as connection:
            self.assertEqual(connection.request().status, 200)
            del config["listeners"]["second"]
            self.assertTrue(meridian.reload(config)["accepted"])
            self.assertTrue(refused(second))
            connection.ask()
            self.assertIn(self.after_removal(connection), ("answered", "closed"))
        self.assertEqual(get(first).status, 200)

    @staticmethod
    def after_removal(connection):
        try:
            return "answered" if connection.read_response().status == 200 else "refused"
        except ConnectionError:
            return "closed"

    def test_a_listener_moves_to_another_port(self):
        config = self.config()
        meridian = Meridian(self.scope, config)
        before = meridian.address()
        port = free_port()
        config["listeners"]["web"]["bind"] = ["127.0.0.1:%d" % port]
        self.assertTrue(meridian.reload(config)["accepted"])
        self.assertEqual(meridian.address(), ("127.0.0.1", port))
        self.assertEqual(get(meridian.address()).status, 200)
        self.assertTrue(refused(before))

    def test_what_needs_a_restart_is_said(self):
        config = self.config()
        meridian = Meridian(self.scope, config)
        config["process"]["workers"] = 1
        config["admin"]["http"] = "127.0.0.1:0"
        answer = meridian.reload(config)
        self.assertTrue(answer["accepted"])
        text = json.dumps(answer["diagnostics"])
        self.assertIn("process.workers: a change takes effect at the next start", text)
        self.assertIn("admin: a change takes effect at the next start", text)


class Refused(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared, endpoints=1)

    def setUp(self):
        super().setUp()
        self.config = web_config(self.sites)
        self.meridian = Meridian(self.scope, self.config)

    def check_unchanged(self):
        self.assertEqual(self.meridian.generation(), 1)
        for site, place in PLACES.items():
            self.assertEqual(get(self.meridian.address(), source=place.client).site, site)

    def place_of(self, text, mark):
        """line:column of mark in what was written."""
        before = text[:text.index(mark)]
        return "%d:%d" % (before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)

    def test_a_bad_file_changes_nothing_and_every_error_is_named_with_its_place(self):
        config = web_config(self.sites, steering="neares", panik="route")
        config["regions"]["us-south"]["sites"]["dallas"]["longitude"] = 196.797
        config["listeners"]["web"]["service"] = "wep"
        text = self.meridian.write(config)
        expected = [("\"neares\"", "services.web.steering: 'neares' is not a steering policy; did you mean 'nearest'?"),
                    ("\"panik\"", "services.web.panik: unknown key; did you mean 'panic'?"),
                    ("196.797", "regions.us-south.sites.dallas.longitude: 196.797 is outside"),
                    ("\"wep\"", "'wep'")]
        done = self.meridian.cli("reload")
        self.assertEqual(done.returncode, 1)
        answer = self.meridian.reload()
        self.assertFalse(answer["accepted"])
        self.assertEqual(answer["generation"], 1)
        self.meridian.process.signal(signal.SIGHUP)
        wait_until(lambda: self.meridian.read("/v1/status")["reloads_refused"] == 3, "SIGHUP is refused")
        told = [done.stderr, "\n".join(entry["text"] for entry in answer["diagnostics"]),
                self.meridian.process.stderr()]
        for mark, message in expected:
            place = "meridian.yaml:%s: error: " % self.place_of(text, mark)
            for source in told:
                lines = [line for line in source.splitlines() if place in line and message in line]
                self.assertTrue(lines, "%s %s in\n%s" % (place, message, source))
        self.check_unchanged()

    def test_no_yaml_at_all_is_refused_at_its_place(self):
        self.meridian.write("services:\n  web: {steering: nearest\nlisteners: ]\n")
        done = self.meridian.cli("reload")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"meridian\.yaml:\d+:\d+: error: ")
        self.check_unchanged()

    def test_a_missing_file_is_refused(self):
        os.unlink(self.meridian.config_path)
        done = self.meridian.cli("reload")
        self.assertEqual(done.returncode, 1)
        self.assertIn("meridian.yaml", done.stderr)
        self.check_unchanged()

    def test_losing_more_than_half_of_the_sites_needs_force(self):
        self.meridian.write(web_config({"dallas": self.sites.addresses("dallas")}))
        done = self.meridian.cli("reload")
        self.assertEqual(done.returncode, 1)
        self.assertIn("it would remove 2 of 3 sites", done.stderr)
        self.assertIn("--force", done.stderr)
        self.check_unchanged()
        forced = self.meridian.cli("reload", "--force")
        self.assertEqual(forced.returncode, 0, forced.stderr)
        self.assertEqual(self.meridian.generation(), 2)
        self.assertEqual(get(self.meridian.address(), source=ATLANTA).site, "dallas")

    def test_a_listener_on_a_taken_port_is_refused_with_the_address(self):
        taken = socket.create_server(("127.0.0.1", 0))
        self.scope.callback(taken.close)
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        self.config["listeners"]["other"] = {"bind": ["127.0.0.1:0", address], "protocol": "http", "service": "web"}
        self.meridian.write(self.config)
        done = self.meridian.cli("reload")
        self.assertEqual(done.returncode, 1)
        self.assertIn(address, done.stderr)
        self.check_unchanged()
        self.assertEqual([entry["name"] for entry in self.meridian.read("/v1/status")["listeners"]], ["web"])
        taken.close()
        self.assertTrue(self.meridian.reload()["accepted"])
        self.assertEqual(self.meridian.generation(), 2)

    def test_an_endpoint_that_is_no_name_is_refused_not_ignored(self):
        for region in self.config["regions"].values():
            for site in region["sites"].values():
                site["services"]["web"][0] = "app..internal:80"
        answer = self.meridian.reload(self.config)
        self.assertFalse(answer["accepted"])
        text = "\n".join(entry["text"] for entry in answer["diagnostics"])
        self.assertRegex(text, r"'app\.\.internal:80' is not an address such as")
        self.check_unchanged()

    def test_a_refused_reload_under_load_costs_no_request(self):
        with Crowd(self.meridian.address(), ATLANTA, clients=4) as crowd:
            for _ in range(10):
                self.assertFalse(self.meridian.reload("listeners: 7\n")["accepted"])
            wait_until(lambda: crowd.total() >= 200, "requests go on")
            crowd.stop()
            self.assertEqual(crowd.failures, [])
        self.assertEqual(self.meridian.metric("meridian_reloads_total", result="failure"), 10)


class TcpUnderReload(SystemTest):
    def test_connects_are_never_refused(self):
        server = TcpServer(self.scope, lambda connection: connection.send(b"here\n"))
        config = tcp_config({"dallas": [server.address]})
        meridian = Meridian(self.scope, config)
        address = meridian.address()
        for number in range(10):
            config["services"]["web"]["timeouts"] = {"idle": "%ds" % (30 + number)}
            self.assertTrue(meridian.reload(config)["accepted"])
            for _ in range(10):
                with Connection(address) as connection:
                    self.assertEqual(connection.read_until(b"\n"), b"here")


if __name__ == "__main__":
    main()
