"""Peers from npm through TLS: ws, undici, gRPC's own library for node, and Chromium."""
import hashlib
import os
import random
import unittest

from harness import Authority, Meridian, SystemTest, main, tcp_config, wait_until, web_config
from harness.node import CHROMIUM, HAVE_NODE, MISSING, NodeServer, run_node


def launch(scope, config):
    """(Meridian with TLS before it, its host and port, the authority's certificate)."""
    authority = Authority(scope)
    config["listeners"]["web"]["tls"] = {"certificates": [authority.issue("app", "127.0.0.1", "app.test")]}
    meridian = Meridian(scope, config)
    return meridian, "%s:%d" % meridian.address(), authority.certificate


@unittest.skipUnless(HAVE_NODE, MISSING)
class Node(SystemTest):
    """One site on node's HTTP server."""

    @classmethod
    def start(cls):
        site = NodeServer(cls.shared, "server.cjs")
        cls.meridian, cls.at, cls.ca = launch(cls.shared, web_config({"dallas": [site.address]}))

    def test_web_sockets_of_ws(self):
        said = run_node("websocket.cjs", "wss://" + self.at, self.ca)
        self.assertEqual(said["hello"], {"url": "/chat?room=1", "site": "dallas", "protocol": "echo"})
        self.assertEqual([size for size, same in said["sizes"] if not same], [])
        self.assertEqual((said["text"], said["fragments"], said["pong"]), (True, "abc", "there?"))
        self.assertEqual((said["crowd"], said["close"]), (50, 4001))

    def test_connect_is_refused(self):
        said = run_node("connect.cjs", "https://" + self.at, self.ca)
        self.assertEqual((said["status"], said["reason"]), (501, "unsupported"))
        self.assertIn("(connect)", said["body"])

    def test_undici_pipelines_and_speaks_http_2(self):
        for version in ("1", "2"):
            with self.subTest(version):
                said = run_node("fetch.cjs", "https://" + self.at, self.ca, version)
                self.assertEqual(said["many"], 1000)
                self.assertEqual(said["uploads"], [[200, 3 << 20, True]] * 2)
                self.assertEqual((said["head"], said["missing"], said["afterAbort"]), (200, 404, 20))


@unittest.skipUnless(HAVE_NODE, MISSING)
class NodeGrpc(SystemTest):
    def test_calls_of_every_kind_pass(self):
        server = NodeServer(self.scope, "grpc.cjs", "serve")
        config = tcp_config({"dallas": [server.address]}, backend={"protocol": "http2"})
        config["listeners"]["web"]["protocol"] = "http"
        _, at, ca = launch(self.scope, config)
        said = run_node("grpc.cjs", "call", at, ca)
        self.assertEqual((said["unary"]["code"], said["unary"]["reply"]), (0, "HELLO"))
        self.assertEqual(said["unary"]["trailers"]["x-trailing"], "kept")
        self.assertEqual((said["fail"]["code"], said["fail"]["details"]), (5, "nothing by that name"))
        self.assertEqual((said["large"], said["count"], said["total"]), (3000000, 1000, "500000"))
        self.assertEqual(said["deadline"], 4)
        self.assertEqual(said["chat"], ["cba", "fed", "ihg"])
        self.assertEqual(said["crowd"], 200)
        wait_until(lambda: "cancelled" in server.process.stdout(), "the server hears that the client has given up")


@unittest.skipUnless(HAVE_NODE and CHROMIUM, "chromium, node or its packages are not installed (packaging/deps test)")
class Browser(SystemTest):
    def test_chromium_speaks_http_2_and_web_sockets_hears_events_and_uploads(self):
        site = NodeServer(self.scope, "server.cjs")
        _, at, _ = launch(self.scope, web_config({"dallas": [site.address]}))
        data = random.Random(7).randbytes(5 << 20)
        file = os.path.join(self.scope.directory, "upload.bin")
        with open(file, "wb") as out:
            out.write(data)
        screenshot = os.environ.get("MERIDIAN_SCREENSHOT") or os.path.join(self.scope.directory, "page.png")
        said = run_node("browser.cjs", "https://%s/" % at, file, screenshot, seconds=90)
        self.assertEqual(said["title"], "Behind Meridian")
        self.assertEqual((said["protocol"], said["events"], said["socket"]), ("h2", "5", "echo hello"))
        stored = '200 {"bytes":%d,"sha256":"%s"}' % (len(data), hashlib.sha256(data).hexdigest())
        self.assertEqual(said["upload"], stored)
        self.assertGreater(os.path.getsize(screenshot), 1000)


if __name__ == "__main__":
    main()
