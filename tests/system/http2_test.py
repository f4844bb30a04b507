"""HTTP/2 from clients that begin with it: curl, nghttp and h2load, and what becomes of them."""
import os
import shutil
import signal
import socket
import struct
import subprocess
import threading
import unittest

from harness import (Meridian, ScriptedServer, Sites, SystemTest, answer, curl, main, python_thread, refused,
                     wait_until, web_config)

MIB = 1 << 20
_NGHTTP = shutil.which("nghttp")
_H2LOAD = shutil.which("h2load")
H2 = "--http2-prior-knowledge"


SETTINGS, PING, GOAWAY = 4, 6, 7


def frame(kind, payload, flags=0, stream=0):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def run(*command, seconds=60):
    done = subprocess.run(command, capture_output=True, timeout=seconds, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise AssertionError("%r ended with %d: %s" % (command, done.returncode, done.stderr.decode(errors="replace")))
    return done.stdout.decode(errors="replace")


class Curl(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared, names=["dallas"], endpoints=2)
        cls.nginx = cls.sites["dallas"]
        cls.meridian = Meridian(cls.shared, web_config(cls.sites))

    def test_a_request_is_answered_over_http_2(self):
        done = curl(H2, "--include", self.meridian.url("/hello"))
        text = done.stdout.decode()
        self.assertTrue(text.startswith("HTTP/2 200"), text)
        self.assertIn("meridian-site: dallas", text)
        self.assertTrue(text.endswith(" /hello\n"), text)

    def test_the_backend_sees_whom_it_is_for(self):
        done = curl(H2, "--header", "Host: shop.test", "--header", "X-Forwarded-For: 1.2.3.4",
                    self.meridian.url("/forwarded"))
        self.assertEqual(done.stdout.decode(), "shop.test|127.0.0.1|http|shop.test")

    def test_bodies_pass_unchanged_both_ways(self):
        data = os.urandom(8 * MIB)
        path = os.path.join(self.scope.directory, "body")
        with open(path, "wb") as file:
            file.write(data)
        for extra in ([], ["--header", "Content-Length:"]):
            curl(H2, *extra, "--upload-file", path, self.meridian.url("/stored/h2"))
            self.assertEqual(self.nginx.stored("h2"), data)
        self.nginx.add_file("h2", data)
        self.assertEqual(curl(H2, self.meridian.url("/files/h2")).stdout, data)

    def test_head_and_empty_answers(self):
        done = curl(H2, "--head", "--write-out", "%{http_code}", self.meridian.url("/"))
        self.assertTrue(done.stdout.decode().endswith("200"))


@unittest.skipUnless(_NGHTTP and _H2LOAD, "nghttp and h2load are not installed (packaging/deps test)")
class Nghttp(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared, names=["dallas"], endpoints=2)
        cls.meridian = Meridian(cls.shared, web_config(cls.sites))

    def test_nghttp_agrees_with_every_frame(self):
        text = run(_NGHTTP, "--verbose", "--no-dep", self.meridian.url("/a"), self.meridian.url("/b"))
        self.assertEqual(text.count(":status: 200"), 2, text)
        self.assertNotIn("RST_STREAM", text)
        self.assertIn("SETTINGS_MAX_CONCURRENT_STREAMS(0x03):100", text)

    def test_thousands_of_requests_lose_none(self):
        text = run(_H2LOAD, "-n", "20000", "-c", "8", "-m", "32", self.meridian.url("/"))
        self.assertIn("20000 succeeded, 0 failed, 0 errored, 0 timeout", text)
        self.assertIn("status codes: 20000 2xx", text)

    def test_reloads_under_load_lose_none(self):
        load = subprocess.Popen([_H2LOAD, "-n", "20000", "-c", "4", "-m", "16", self.meridian.url("/")],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            for _ in range(5):
                self.meridian.reload()
            text = load.communicate(timeout=60)[0].decode()
        finally:
            load.kill()
        self.assertIn("20000 succeeded, 0 failed", text)


class Ends(SystemTest):
    def setUp(self):
        super().setUp()
        self.go_on = threading.Event()
        self.scope.callback(self.go_on.set)

        def slow(request, connection):
            if request.target == "/slow":
                self.go_on.wait(60)
            connection.send(answer(b"done"))
        self.site = ScriptedServer(self.scope, slow)
        self.meridian = Meridian(self.scope, web_config({"dallas": [self.site.address]}))

    def test_sigterm_lets_a_request_finish(self):
        bodies = []
        thread = python_thread(lambda: bodies.append(curl(H2, self.meridian.url("/slow")).stdout))
        wait_until(lambda: self.site.requests, "the request is under way")
        self.meridian.process.signal(signal.SIGTERM)
        wait_until(lambda: refused(self.meridian.address()), "new connects are refused")
        self.go_on.set()
        thread.join(20)
        self.assertEqual(bodies, [b"done"])
        self.assertEqual(self.meridian.process.wait(10), 0)

    def test_a_flood_is_cut_off_and_counted(self):
        with socket.create_connection(self.meridian.address(), 10) as flood:
            flood.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, b""))
            flood.sendall(frame(PING, b"12345678") * 500)
            received = b""
            while True:
                data = flood.recv(65536)
                if not data:
                    break
                received += data
        self.assertEqual(received[-17:-8], frame(GOAWAY, b"x" * 8)[:9])
        self.assertEqual(received[-4:], struct.pack(">I", 11))
        self.assertEqual(self.meridian.metric("meridian_http2_faults_total", reason="pings"), 1)
        self.assertEqual(curl(H2, self.meridian.url("/")).stdout, b"done")


if __name__ == "__main__":
    main()
