"""`meridian run`: what it prints, when it begins to accept, how it refuses to start, several workers."""
import json
import os
import socket

from harness import (Meridian, ScriptedServer, Sites, SystemTest, answer, get, main, refused, run_meridian,
                     wait_until, web_config)


class Start(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared)

    def test_each_listener_is_printed_with_its_real_address(self):
        config = web_config(self.sites)
        config["listeners"]["raw"] = {"bind": ["127.0.0.1:0", "127.0.0.2:0"], "protocol": "tcp", "service": "web"}
        meridian = Meridian(self.scope, config)
        printed = meridian.printed_listeners()
        self.assertEqual(sorted(name for name, _, _ in printed), ["raw", "raw", "web"])
        for name, protocol, address in printed:
            self.assertEqual(protocol, "http" if name == "web" else "tcp")
            host, port = address.rsplit(":", 1)
            self.assertNotEqual(port, "0")
            self.assertEqual(get((host, int(port))).status, 200)

    def test_it_accepts_only_once_every_check_has_answered(self):
        asked = []

        def late(request, connection):
            asked.append(request)
            connection.send(answer())

        site = ScriptedServer(self.scope, late)
        config = web_config({"dallas": [site.address]})
        config["health_checks"]["ready"].update(path="/late", timeout="5s", interval="5s", fast_interval="5s")
        config["process"]["startup_grace"] = "30s"
        meridian = Meridian(self.scope, config)
        self.assertGreaterEqual(len(asked), 1)
        self.assertEqual(meridian.site_state("dallas"), "up")

    def test_it_accepts_after_the_grace_when_a_check_stays_silent(self):
        silent = socket.create_server(("127.0.0.1", 0))
        self.scope.callback(silent.close)
        addresses = {"atlanta": self.sites.addresses("atlanta"),
                     "dallas": ["127.0.0.1:%d" % silent.getsockname()[1]]}
        config = web_config(addresses)
        config["health_checks"]["ready"].update(timeout="60s")
        config["process"]["startup_grace"] = "300ms"
        meridian = Meridian(self.scope, config)
        self.assertIn("startup_grace", meridian.process.stderr())
        self.assertEqual(get(meridian.address(), source="127.0.32.1").site, "atlanta")

    def test_four_workers_share_a_port(self):
        config = web_config(self.sites)
        config["process"]["workers"] = 4
        meridian = Meridian(self.scope, config)
        self.assertEqual(meridian.read("/v1/status")["workers"], 4)
        with open("/proc/net/tcp", encoding="ascii") as table:
            at = ":%04X" % meridian.address()[1]
            listening = [row for row in table if row.split()[1].endswith(at) and row.split()[3] == "0A"]
        self.assertEqual(len(listening), 4)
        self.assertTrue(all(get(meridian.address()).status == 200 for _ in range(40)))

    def test_a_bad_file_ends_it_with_its_diagnostics(self):
        meridian = Meridian(self.scope, "services: {web: {steering: neares}}\n", start=False)
        meridian.start(wait=False)
        self.assertEqual(meridian.process.wait(10), 1)
        self.assertIn("meridian.yaml:1:28: error: services.web.steering:", meridian.process.stderr())
        self.assertIn("did you mean 'nearest'?", meridian.process.stderr())

    def test_a_taken_port_ends_it_with_the_address(self):
        taken = socket.create_server(("127.0.0.1", 0))
        self.scope.callback(taken.close)
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        config = web_config(self.sites)
        config["listeners"]["web"]["bind"] = [address]
        meridian = Meridian(self.scope, config, start=False)
        meridian.start(wait=False)
        self.assertEqual(meridian.process.wait(10), 1)
        self.assertIn(address, meridian.process.stderr())
        self.assertIn("in use", meridian.process.stderr())

    def test_a_second_instance_does_not_take_the_admin_socket(self):
        first = Meridian(self.scope, web_config(self.sites))
        config = web_config(self.sites)
        config["admin"]["socket"] = first.socket_path
        second = Meridian(self.scope, config, name="second", start=False)
        second.start(wait=False)
        self.assertEqual(second.process.wait(10), 1)
        self.assertIn("another instance is listening there", second.process.stderr())
        self.assertEqual(first.read("/v1/status")["pid"], first.process.pid)

    def test_a_killed_instance_leaves_nothing_that_stops_the_next(self):
        meridian = Meridian(self.scope, web_config(self.sites))
        before = meridian.address()
        meridian.process.kill()
        self.assertTrue(refused(before))
        self.assertTrue(os.path.exists(meridian.socket_path))
        meridian.start()
        self.assertEqual(get(meridian.address()).status, 200)

    def test_the_admin_socket_is_for_owner_and_group(self):
        meridian = Meridian(self.scope, web_config(self.sites))
        self.assertEqual(os.stat(meridian.socket_path).st_mode & 0o777, 0o660)

    def test_logs_as_json_are_json_throughout(self):
        config = web_config(self.sites)
        config["log"] = {"level": "debug", "format": "json"}
        meridian = Meridian(self.scope, config)
        self.sites["dallas"].kill()
        self.addCleanup(self.sites["dallas"].start)
        meridian.wait_site("dallas", "down")
        wait_until(lambda: "dallas" in meridian.process.stderr(), "the log tells of dallas")
        self.assertEqual(meridian.terminate(), 0)
        lines = meridian.process.stderr().splitlines()
        self.assertTrue(all(set(json.loads(line)) >= {"time", "level", "message"} for line in lines))

    def test_run_needs_a_file_that_is_there(self):
        done = run_meridian("run", "-c", "/nonexistent/meridian.yaml")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nonexistent/meridian.yaml", done.stderr)


if __name__ == "__main__":
    main()
