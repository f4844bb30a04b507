"""HTTP/2 to servers: nghttpx and gRPC behind Meridian."""
import json
import os
import shutil
import signal
import subprocess
import unittest

from harness import (Authority, Meridian, Sites, SystemTest, WebSocketClient, WebSocketServer, curl, free_port, main,
                     tcp_config, wait_until)
from harness.process import Process
from harness.websocket import BINARY, CLOSE, TEXT

_NGHTTPX = shutil.which("nghttpx", path=os.environ.get("PATH", "") + ":/usr/sbin")
_H2LOAD = shutil.which("h2load")
_PYTHON = "/usr/bin/python3"  # Debian's, which has Debian's gRPC
_GRPC = subprocess.run([_PYTHON, "-c", "import grpc"], capture_output=True, check=False).returncode == 0
_PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "harness/grpc_peer.py")
MIB = 1 << 20


def http2_config(sites):
    config = tcp_config(sites, backend={"protocol": "http2"})
    config["listeners"]["web"]["protocol"] = "http"
    return config


def launch_nghttpx(scope, backend, files=None, protocols="h2"):
    """Its process and port: HTTP/2 to the HTTP/1.1 server at `backend`."""
    port = free_port()
    path = os.path.join(scope.directory, "nghttpx-%d.conf" % port)
    with open(path, "w", encoding="utf-8") as file:
        file.write("frontend=127.0.0.1,%d%s\nbackend=%s\nworkers=1\nsingle-process=yes\naccesslog-file=/dev/null\n"
                   % (port, "" if files else ";no-tls", ",".join(backend.rsplit(":", 1))))
        if files:
            file.write("private-key-file=%(key)s\ncertificate-file=%(certificate)s\n" % files)
            file.write("npn-list=%s\n" % protocols)
    return Process(scope, [_NGHTTPX, "--conf", path], scope.directory, "nghttpx-%d" % port), port


@unittest.skipUnless(_NGHTTPX and _H2LOAD, "nghttpx and h2load are not installed (packaging/deps test)")
class Nghttpx(SystemTest):
    """Two of them, as two endpoints, in front of one nginx."""

    def setUp(self):
        super().setUp()
        self.nginx = Sites(self.scope, names=["dallas"], endpoints=1)["dallas"]
        self.peers = [self.launch() for _ in range(2)]
        addresses = ["127.0.0.1:%d" % port for _, port in self.peers]
        self.meridian = Meridian(self.scope, http2_config({"dallas": addresses}))

    def launch(self, *arguments):
        return launch_nghttpx(self.scope, self.nginx.addresses[0], *arguments)

    def test_bodies_pass_unchanged_both_ways(self):
        data = os.urandom(8 * MIB)
        path = os.path.join(self.scope.directory, "body")
        with open(path, "wb") as file:
            file.write(data)
        for version in ("--http1.1", "--http2-prior-knowledge"):
            for extra in ([], ["--header", "Content-Length:"] if version != "--http1.1" else []):
                curl(version, *extra, "--upload-file", path, self.meridian.url("/stored/b"))
                self.assertEqual(self.nginx.stored("b"), data)
            self.nginx.add_file("b", data)
            self.assertEqual(curl(version, self.meridian.url("/files/b")).stdout, data)

    def test_the_server_sees_http_2_and_few_connections(self):
        done = curl("--include", self.meridian.url("/hello"))
        self.assertIn(b"nghttpx", done.stdout)
        text = subprocess.run([_H2LOAD, "-n", "20000", "-c", "8", "-m", "32", self.meridian.url("/")],
                              capture_output=True, timeout=100, check=True).stdout.decode()
        self.assertIn("20000 succeeded, 0 failed, 0 errored, 0 timeout", text)
        self.assertLess(self.meridian.metric("meridian_backend_connects_total"), 40)

    def test_over_tls_it_is_agreed_on_by_alpn(self):
        authority = Authority(self.scope)
        files = authority.issue("server", "server.test")
        for protocol, expected in (("h2", b"server: nghttpx"), ("http/1.1", b"Meridian-Reason: backend-tls")):
            _, port = self.launch(files, protocol)
            config = http2_config({"dallas": ["127.0.0.1:%d" % port]})
            config["services"]["web"]["backend"]["tls"] = {"server_name": "server.test", "ca": authority.certificate}
            meridian = Meridian(self.scope, config, name="meridian-%d" % port)
            for _ in range(3):
                self.assertIn(expected, curl("--include", meridian.url("/hello")).stdout)

    def test_a_server_that_says_goodbye_under_load_costs_nobody_a_request(self):
        load = subprocess.Popen([_H2LOAD, "-n", "30000", "-c", "4", "-m", "16", self.meridian.url("/")],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            wait_until(lambda: self.meridian.metric("meridian_backend_connects_total") > 1, "requests are under way")
            self.peers[0][0].signal(signal.SIGQUIT)
            text = load.communicate(timeout=100)[0].decode()
        finally:
            load.kill()
        self.assertIn("30000 succeeded, 0 failed", text)


@unittest.skipUnless(_NGHTTPX, "nghttpx is not installed (packaging/deps test)")
class WebSockets(SystemTest):
    """By extended CONNECT to nghttpx, which speaks HTTP/1.1 to the server behind."""

    def serve(self):
        self.site = WebSocketServer(self.scope)
        _, port = launch_nghttpx(self.scope, self.site.address)
        return Meridian(self.scope, http2_config({"dallas": ["127.0.0.1:%d" % port]}))

    def test_messages_pass_both_ways_on_shared_connections(self):
        meridian = self.serve()
        clients = [WebSocketClient(meridian.address(), "/chat?room=1") for _ in range(20)]
        for number, client in enumerate(clients):
            self.assertEqual(client.say(TEXT, b"mine is %d" % number), (TEXT, b"mine is %d" % number))
        data = os.urandom(3 * MIB)
        self.assertEqual(clients[0].say(BINARY, data), (BINARY, data))
        self.assertLess(meridian.metric("meridian_backend_connects_total"), 8)
        request = self.site.requests[-1]
        self.assertEqual(request.get("Meridian-Site"), "dallas")
        for client in clients:
            self.assertEqual(client.say(CLOSE, b"\x03\xe8"), (CLOSE, b"\x03\xe8"))
            client.close()
        wait_until(lambda: meridian.metric("meridian_sessions_active") == 0, "all have ended")
        self.assertEqual(curl(meridian.url("/")).stdout, b"")

    def test_a_server_that_takes_none_is_not_asked(self):
        nginx = Sites(self.scope, names=["dallas"], endpoints=1, http2=True)["dallas"]
        meridian = Meridian(self.scope, http2_config({"dallas": nginx.addresses}))
        self.assertIn(b"dallas", curl("--include", meridian.url("/hello")).stdout)
        with self.assertRaisesRegex(ConnectionError, "501"):
            WebSocketClient(meridian.address())


@unittest.skipUnless(_GRPC, "python3-grpcio is not installed (packaging/deps test)")
class Grpc(SystemTest):
    def setUp(self):
        super().setUp()
        self.server = Process(self.scope, [_PYTHON, "-B", _PEER, "serve"], self.scope.directory, "grpc")
        wait_until(lambda: self.server.stdout().endswith("\n"), "the gRPC server has its port")
        port = self.server.stdout().split()[0]
        self.meridian = Meridian(self.scope, http2_config({"dallas": ["127.0.0.1:" + port]}))

    def call(self):
        port = self.meridian.address()[1]
        return subprocess.run([_PYTHON, "-B", _PEER, "call", str(port)], capture_output=True, timeout=100, check=False)

    def test_calls_of_every_kind_pass(self):
        done = self.call()
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        said = json.loads(done.stdout)
        self.assertEqual(said["unary"], ["HELLO", "kept"])
        self.assertEqual(said["large"], 3_000_000)
        self.assertEqual(said["count"], 1000)
        self.assertEqual(said["total"], "500000")
        self.assertEqual(said["chat"], ["cba", "fed", "ihg"])
        self.assertEqual(said["Fail"], ["NOT_FOUND", "nothing by that name"])
        self.assertEqual(said["Absent"][0], "UNIMPLEMENTED")
        self.assertEqual(said["Sleep"][0], "DEADLINE_EXCEEDED")
        self.assertTrue(said["Sleep in time"])
        wait_until(lambda: "cancelled" in self.server.stdout(), "the server hears that the client has given up")

    def test_a_server_that_is_gone_is_unavailable(self):
        self.server.kill()
        told = self.call().stderr.decode()
        self.assertIn("UNAVAILABLE", told)
        self.assertIn("no server could be reached", told)


if __name__ == "__main__":
    main()
