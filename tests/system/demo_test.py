"""`meridian demo`: the tour proves what it says, and what the plain demo prints can be done."""
import json
import os
import re
import signal
import socket
import subprocess

from harness import SystemTest, curl, free_port, main, run_meridian, wait_until
from harness.meridian import BINARY
from harness.process import Process


class Tour(SystemTest):
    def test_every_step_does_what_it_says(self):
        done = run_meridian("demo", "--port", str(free_port()), "--tour", seconds=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertGreaterEqual(done.stdout.count("✓"), 8)
        self.assertNotIn("✗", done.stdout)
        for text in ("nearest", "session", "dies", "drain", "reload", "explain"):
            self.assertIn(text, done.stdout)

    def test_its_steps_are_told_as_json(self):
        done = run_meridian("demo", "--tour", "--json", seconds=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        steps = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        self.assertGreaterEqual(len(steps), 8)
        self.assertTrue(all(step["good"] for step in steps))


class Demo(SystemTest):
    @classmethod
    def start(cls):
        cls.port = free_port()
        temporary = cls.shared.make_directory("tmp")
        cls.temporary = temporary
        cls.process = Process(cls.shared, [BINARY, "demo", "--port", str(cls.port)], cls.shared.directory, "demo",
                              {"TMPDIR": temporary})
        wait_until(lambda: "Ctrl-C ends it." in cls.process.stdout(), "the demo tells what to try", 15)
        cls.text = cls.process.stdout()

    def ask(self, place, *arguments):
        """(site, body) of what a client from there gets, by the line that the demo printed for it."""
        line = re.search(r"curl --interface (\S+) +(\S+) +# %s\n" % place, self.text)
        done = curl("--dump-header", "-", line[2], *arguments, interface=line[1]).stdout.decode()
        head, body = done.split("\r\n\r\n", 1)
        return re.search(r"(?m)^Meridian-Site: (\S+)\r?$", head)[1], body

    def test_clients_go_to_the_nearest_site_as_printed(self):
        for place, site in (("Atlanta", "atlanta"), ("Dallas", "dallas"), ("San Jose", "san-jose"),
                            ("London", "atlanta"), ("Tokyo", "san-jose"), ("Mexico City", "dallas")):
            got, body = self.ask(place)
            self.assertEqual(got, site)
            self.assertIn(site, body)

    def test_x_forwarded_for_speaks_for_tokyo(self):
        line = re.search(r"curl -H '(X-Forwarded-For: \S+)' (\S+) +# a proxy says: Tokyo", self.text)
        done = curl("--include", "--header", line[1], line[2])
        self.assertIn(b"Meridian-Site: san-jose", done.stdout)

    def test_the_cookie_keeps_the_endpoint(self):
        jar = os.path.join(self.scope.directory, "jar")
        _, first = self.ask("Dallas", "--cookie-jar", jar)
        for _ in range(5):
            site, body = self.ask("London", "--cookie", jar)
            self.assertEqual(site, "dallas")
            self.assertEqual(self.endpoint(body), self.endpoint(first))

    @staticmethod
    def endpoint(body):
        return re.search(r"(?:atlanta|dallas|san-jose)\D*\d", body)[0]

    def test_a_site_is_killed_and_revived_as_printed(self):
        kill = re.search(r"curl -X POST (http://\S+/kill/dallas)", self.text)[1]
        curl("--request", "POST", kill)
        try:
            self.assertEqual(self.ask("Dallas")[0], "atlanta")
        finally:
            curl("--request", "POST", kill.replace("/kill/", "/revive/"))
        wait_until(lambda: self.ask("Dallas")[0] == "dallas", "dallas is back")

    def test_the_commands_find_it_as_printed(self):
        exported = re.search(r"export PATH=(\S+):\$PATH MERIDIAN_SOCKET=(\S+)", self.text)
        environment = dict(os.environ, PATH=exported[1] + ":" + os.environ["PATH"], MERIDIAN_SOCKET=exported[2])

        def shell(command):
            return subprocess.run(["sh", "-c", command], env=environment, capture_output=True, encoding="utf-8",
                                  timeout=30, check=False)
        explained = shell(re.search(r"(meridian explain .*)\n", self.text)[1])
        self.assertIn("▶ atlanta", explained.stdout)
        drain = re.search(r"(meridian drain atlanta .*)\n", self.text)[1]
        self.assertEqual(shell(drain).returncode, 0)
        try:
            self.assertNotEqual(self.ask("Atlanta")[0], "atlanta")
            self.assertIn("draining", shell("meridian sites").stdout)
        finally:
            self.assertEqual(shell("meridian undrain atlanta").returncode, 0)
        wait_until(lambda: self.ask("Atlanta")[0] == "atlanta", "atlanta serves again")
        self.assertEqual(shell("meridian reload").returncode, 0)

    def test_a_taken_port_is_a_clear_error(self):
        done = run_meridian("demo", "--port", str(self.port))
        self.assertEqual(done.returncode, 1)
        self.assertIn("port %d is taken" % self.port, done.stderr)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            done = run_meridian("demo", "--port", str(taken.getsockname()[1]), "--tour")
        self.assertEqual(done.returncode, 1)
        self.assertIn("is taken", done.stderr)


class End(SystemTest):
    def test_ctrl_c_ends_it_and_leaves_nothing_behind(self):
        temporary = self.scope.make_directory("tmp")
        demo = Process(self.scope, [BINARY, "demo", "--port", str(free_port())], self.scope.directory, "demo",
                       {"TMPDIR": temporary})
        wait_until(lambda: "Ctrl-C ends it." in demo.stdout(), "the demo is up", 15)
        self.assertEqual(len(os.listdir(temporary)), 1)
        demo.signal(signal.SIGINT)
        self.assertEqual(demo.wait(10), 0)
        self.assertEqual(os.listdir(temporary), [])


if __name__ == "__main__":
    main()
