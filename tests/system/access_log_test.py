"""The access log: one line for each request and tcp session, judged from its file."""
import json
import os
import re
import signal
import socket

from harness import (PLACES, Authority, Connection, Crowd, Meridian, Sites, SystemTest, TcpServer, curl, get, main,
                     run_meridian, tcp_config, wait_until, web_config)

ATLANTA = PLACES["atlanta"].client
FIELDS = ["time", "client", "location", "listener", "service", "site", "endpoint", "reason", "session", "attempts",
          "protocol", "method", "host", "path", "status", "bytes_in", "bytes_out", "queue_us", "connect_us",
          "first_byte_us", "total_us", "tls", "request_id"]


def lines_of(path):
    with open(path, encoding="utf-8", errors="strict") as file:
        text = file.read()
    assert not text or text.endswith("\n"), text[-200:]
    return text.splitlines()


class AccessLogTest(SystemTest):
    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.scope.make_directory("log"), "access.log")

    def with_log(self, config, path=None, form="json"):
        config["log"] = {"access": {"path": path or self.path, "format": form}}
        return config

    def entries(self, count):
        """So many lines, once they are there, as objects."""
        wait_until(lambda: os.path.exists(self.path) and len(lines_of(self.path)) >= count, "the lines are there")
        found = [json.loads(line) for line in lines_of(self.path)]
        self.assertEqual(len(found), count, found)
        for entry in found:
            self.assertEqual(list(entry), FIELDS)
        return found


class Requests(AccessLogTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared)

    def test_a_request_is_told_of_with_everything_that_is_known(self):
        config = self.with_log(web_config(self.sites, session={"by": "cookie"}))
        meridian = Meridian(self.scope, config)
        response = get(meridian.address(), "/a?b=c", source=ATLANTA)
        (entry,) = self.entries(1)
        self.assertRegex(entry.pop("time"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertRegex(entry.pop("request_id"), r"^[0-9a-f]{32}$")
        for name in ("queue_us", "connect_us", "first_byte_us", "total_us"):
            self.assertGreaterEqual(entry.pop(name), 0)
        self.assertEqual(entry, {
            "client": ATLANTA, "location": {"country": "US"}, "listener": "web", "service": "web", "site": "atlanta",
            "endpoint": self.sites.address_of(response.endpoint), "reason": "nearest", "session": "new",
            "attempts": 1, "protocol": "HTTP/1.1", "method": "GET", "host": entry["host"], "path": "/a?b=c",
            "status": 200, "bytes_in": 0, "bytes_out": len(response.body), "tls": None})

    def test_bodies_heads_and_uploads_are_measured(self):
        self.sites["atlanta"].add_file("big", size=3_000_000)
        meridian = Meridian(self.scope, self.with_log(web_config(self.sites)))
        url = "http://%s:%d" % meridian.address()
        curl("--interface", ATLANTA, "-o", "/dev/null", url + "/files/big")
        curl("--interface", ATLANTA, "-I", url + "/files/big")
        curl("--interface", ATLANTA, "-X", "PUT", "--data-binary", "x" * 70_000, url + "/stored/up")
        big, head, put = self.entries(3)
        self.assertEqual((big["bytes_out"], big["status"]), (3_000_000, 200))
        self.assertEqual((head["method"], head["bytes_out"]), ("HEAD", 0))
        self.assertEqual((put["method"], put["bytes_in"], put["status"]), ("PUT", 70_000, 201))

    def test_refusals_routes_and_hostile_bytes_make_a_line_each_and_one_only(self):
        config = self.with_log(web_config(self.sites))
        config["listeners"]["web"].pop("service")
        config["listeners"]["web"]["routes"] = [
            {"host": "old.test", "redirect": {"to": "https://new.test/"}}, {"host": "a.test", "service": "web"}]
        meridian = Meridian(self.scope, config)
        hostile = b"GET /a\"b\\c%0a HTTP/1.1\r\nHost: a.test\r\nUser-Agent: \"\xff\\\r\n\r\n"
        for number, request in enumerate([
                b"GET / HTTP/1.1\r\nHost: old.test\r\n\r\n", b"GET / HTTP/1.1\r\nHost: none.test\r\n\r\n",
                b"GET / HTTP/1.1\r\n\r\n", b"nonsense\r\n\r\n", hostile]):
            with Connection(meridian.address(), ATLANTA) as connection:
                connection.send(request)
                connection.fill()
            self.entries(number + 1)
        redirect, no_route, no_host, nonsense, odd = self.entries(5)
        self.assertEqual((redirect["status"], redirect["reason"], redirect["service"]), (308, "redirect", None))
        self.assertEqual((no_route["status"], no_route["reason"], no_route["host"]), (404, "no-route", "none.test"))
        self.assertEqual((no_host["status"], no_host["reason"], no_host["method"]), (400, "bad-request", None))
        self.assertEqual((nonsense["status"], nonsense["reason"]), (400, "bad-request"))
        self.assertIn(odd["status"], (200, 400))

    def test_http2_and_tls_are_named(self):
        authority = Authority(self.scope, "tls")
        config = self.with_log(web_config(self.sites))
        config["listeners"]["web"]["tls"] = {"certificates": [authority.issue("app", "app.test")]}
        meridian = Meridian(self.scope, config)
        host, port = meridian.address()
        curl("-k", "--resolve", "app.test:%d:%s" % (port, host), "https://app.test:%d/x" % port)
        (entry,) = self.entries(1)
        self.assertEqual((entry["protocol"], entry["tls"], entry["host"], entry["path"]),
                         ("HTTP/2.0", "1.3", "app.test", "/x"))

    def test_combined_is_what_log_readers_know(self):
        meridian = Meridian(self.scope, self.with_log(web_config(self.sites), form="combined"))
        curl("--interface", ATLANTA, "-A", 'agent "1"', "-e", "http://from.test/",
             "http://%s:%d/x?y" % meridian.address())
        wait_until(lambda: os.path.exists(self.path) and lines_of(self.path), "the line is there")
        (line,) = lines_of(self.path)
        self.assertRegex(line, r'^%s - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET /x\?y HTTP/1\.1" '
                               r'200 \d+ "http://from\.test/" "agent \\x221\\x22"$' % re.escape(ATLANTA))

    def test_stdout_takes_it_too(self):
        meridian = Meridian(self.scope, self.with_log(web_config(self.sites), path="stdout"))
        get(meridian.address(), source=ATLANTA)
        wait_until(lambda: '"path":"/"' in meridian.process.stdout(), "the line is on standard output")


class Rotation(AccessLogTest):
    def test_renaming_and_sigusr1_under_load_lose_no_line(self):
        meridian = Meridian(self.scope, self.with_log(web_config(Sites(self.scope, names=["atlanta"]))))
        paths = ["%s.%d" % (self.path, number) for number in range(5)] + [self.path]
        with Crowd(meridian.address(), ATLANTA, clients=4) as crowd:
            for number in range(5):
                seen = crowd.total()
                wait_until(lambda before=seen: crowd.total() >= before + 100, "requests go on")
                os.rename(self.path, paths[number])
                meridian.process.signal(signal.SIGUSR1)
                wait_until(lambda: os.path.exists(self.path), "the file is made anew")
            crowd.stop()
            self.assertEqual(crowd.failures, [])
            total = crowd.total()
        self.assertEqual(meridian.terminate(), 0)
        entries = [json.loads(line) for path in paths for line in lines_of(path)]
        self.assertEqual(sum(entry["status"] == 200 for entry in entries), total)
        ids = [entry["request_id"] for entry in entries]
        self.assertEqual(len(set(ids)), len(ids))

    def test_what_is_queued_at_the_end_is_written(self):
        meridian = Meridian(self.scope, self.with_log(web_config(Sites(self.scope, names=["atlanta"]))))
        for _ in range(50):
            get(meridian.address(), source=ATLANTA)
        meridian.process.signal(signal.SIGTERM)
        self.assertEqual(meridian.process.wait(15), 0)
        self.assertEqual(len(lines_of(self.path)), 50)


class Files(AccessLogTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared, names=["atlanta"], endpoints=1)

    def test_check_and_start_say_why_a_file_cannot_be_written(self):
        config = self.with_log(web_config(self.sites), path="/nonexistent/access.log")
        meridian = Meridian(self.scope, config, start=False)
        done = run_meridian("check", "-c", meridian.config_path)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"meridian\.yaml:\d+:\d+: error: log\.access\.path: '/nonexistent/access\.log' "
                                      r"cannot be made: '/nonexistent/' No such file or directory")
        done = run_meridian("run", "-c", meridian.config_path)
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nonexistent/access.log", done.stderr)

    def test_a_reload_turns_it_on_moves_it_and_refuses_what_it_cannot_open(self):
        config = web_config(self.sites)
        meridian = Meridian(self.scope, config)
        get(meridian.address(), source=ATLANTA)
        self.assertTrue(meridian.reload(self.with_log(config))["accepted"])
        get(meridian.address(), "/one", source=ATLANTA)
        self.assertEqual(self.entries(1)[0]["path"], "/one")
        self.assertFalse(meridian.reload(self.with_log(config, path="/nonexistent/x"))["accepted"])
        get(meridian.address(), "/two", source=ATLANTA)
        self.assertEqual([entry["path"] for entry in self.entries(2)], ["/one", "/two"])
        other = self.path + ".other"
        self.assertTrue(meridian.reload(self.with_log(config, path=other))["accepted"])
        get(meridian.address(), "/three", source=ATLANTA)
        wait_until(lambda: len(lines_of(other)) == 1, "the other file has the line")
        config["log"]["access"] = {"path": "off"}
        self.assertTrue(meridian.reload(config)["accepted"])
        get(meridian.address(), "/four", source=ATLANTA)
        self.assertEqual(meridian.terminate(), 0)
        self.assertEqual(len(lines_of(self.path)) + len(lines_of(other)), 3)

    def test_a_full_disk_costs_lines_and_no_request(self):
        meridian = Meridian(self.scope, self.with_log(web_config(self.sites), path="/dev/full"))
        for _ in range(20):
            self.assertEqual(get(meridian.address(), source=ATLANTA).status, 200)
        wait_until(lambda: meridian.metric("meridian_access_log_dropped_total", reason="write-failed") == 20,
                   "what was lost is counted")
        self.assertEqual(meridian.process.stderr().count("lines are lost"), 1)

    def test_a_reader_that_stops_reading_delays_nothing_and_not_the_end(self):
        pipe = self.path + ".pipe"
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        meridian = Meridian(self.scope, self.with_log(web_config(self.sites), path=pipe))
        with Crowd(meridian.address(), ATLANTA, clients=4) as crowd:
            wait_until(lambda: crowd.total() >= 1000, "requests go on")
            crowd.stop()
            self.assertEqual(crowd.failures, [])
        self.assertEqual(meridian.terminate(), 0)


class Tcp(AccessLogTest):
    def test_a_session_has_one_line_at_its_end(self):
        def answer_once(connection):
            connection.fill()
            connection.send(b"pong")
            while connection.fill():
                pass
        server = TcpServer(self.scope, answer_once)
        config = self.with_log(tcp_config({"atlanta": [server.address]}, health_check="none"))
        meridian = Meridian(self.scope, config)
        with socket.create_connection(meridian.address(), 10, (ATLANTA, 0)) as client:
            client.sendall(b"12345")
            self.assertTrue(client.recv(100))
        (entry,) = self.entries(1)
        self.assertEqual((entry["protocol"], entry["service"], entry["site"], entry["bytes_in"]),
                         ("tcp", "web", "atlanta", 5))
        self.assertEqual((entry["bytes_out"], entry["reason"]), (4, "nearest"))
        self.assertIsNone(entry["method"])


if __name__ == "__main__":
    main()
