"""Health checks that speak more than HTTP: TLS with its certificates, gRPC's health service, and agents."""
import http.server
import os
import ssl
import subprocess
import threading
import unittest

from harness import Authority, Meridian, Sites, SystemTest, TcpServer, main, wait_until, web_config
from harness.process import Process

# Debian's python3-grpcio belongs to Debian's interpreter.
_PYTHON = "/usr/bin/python3"
_GRPC = subprocess.run([_PYTHON, "-c", "import grpc"], capture_output=True, check=False).returncode == 0
_PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "harness/grpc_peer.py")


class HttpsServer:
    """/healthz over TLS, with that certificate."""

    def __init__(self, scope, files):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.send_response(200 if self.path == "/healthz" else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files["certificate"], files["key"])
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.address = "127.0.0.1:%d" % self.server.server_address[1]
        scope.callback(self.server.server_close)
        scope.callback(self.server.shutdown)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


class Agent(TcpServer):
    """Says `line` to whoever connects; None: nothing, for ever."""

    def __init__(self, scope, line):
        self.line, self.gate = line, threading.Event()
        scope.callback(self.gate.set)
        super().__init__(scope)

    def serve_connection(self, connection):
        if self.line is None:
            self.gate.wait(60)
        else:
            connection.socket.sendall(self.line.encode())


class Checked:
    """A Meridian that checks these sites, and what it makes of them."""

    def __init__(self, scope, sites, check, **service):
        self.config = web_config(sites, **service)
        self.config["process"]["workers"] = 1
        self.config["health_checks"]["ready"] = {"interval": "300ms", "fast_interval": "50ms", "timeout": "300ms",
                                                 "rise": 1, "fall": 2, **check}
        self.meridian = Meridian(scope, self.config)

    def change(self, **keys):
        self.config["health_checks"]["ready"].update(keys)
        answer = self.meridian.reload(self.config)
        if not answer["accepted"]:
            raise AssertionError(answer)

    def endpoint(self, site="atlanta"):
        return self.meridian.read("/v1/sites/" + site)["services"]["web"]["endpoints"][0]

    def wait_state(self, state, site="atlanta"):
        wait_until(lambda: self.endpoint(site)["state"] == state, "%s is %s" % (site, state), 10)

    def answers(self, result, site="atlanta", **labels):
        return self.meridian.metric("meridian_checks_total", site=site, result=result, **labels)


class Tls(SystemTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.scope)
        known = self.authority.issue("app", "127.0.0.1", "app.test", days=10)
        strange = Authority(self.scope, "other").issue("app", "127.0.0.1", days=10)
        self.sites = {"atlanta": [HttpsServer(self.scope, known).address],
                      "dallas": [HttpsServer(self.scope, strange).address],
                      "san-jose": [Agent(self.scope, None).address]}

    def judge(self, checked):
        checked.wait_state("up")
        wait_until(lambda: checked.answers("tls", "dallas") >= 2, "dallas is not trusted", 10)
        wait_until(lambda: checked.answers("timeout", "san-jose") >= 2, "san-jose says nothing", 10)
        for site in ("dallas", "san-jose"):
            self.assertEqual(checked.endpoint(site)["state"], "down")
        asked = checked.answers("good")
        wait_until(lambda: checked.answers("good") >= asked + 3, "nobody else is delayed", 5)

    def test_a_handshake_is_verified_and_expiry_is_told(self):
        checked = Checked(self.scope, self.sites, {"type": "tls", "tls": {"ca": self.authority.certificate}})
        self.judge(checked)
        left = checked.endpoint()["certificate_seconds_left"] / 86400
        self.assertTrue(9 < left <= 10, left)
        self.assertRegex(checked.endpoint()["certificate_expires"], r"^\d{4}-\d\d-\d\dT")
        self.assertNotIn("certificate_expires", checked.endpoint("dallas"))
        metric = "meridian_endpoint_certificate_expiry_timestamp_seconds"
        self.assertGreater(checked.meridian.metric(metric, site="atlanta"), 1.7e9)
        warnings = checked.meridian.read("/v1/status")["warnings"]
        self.assertTrue(any("the certificate of atlanta/" in warning and "expires in" in warning
                            for warning in warnings), warnings)

    def test_https_is_asked_as_the_backend_is(self):
        checked = Checked(self.scope, self.sites, {"type": "https", "path": "/healthz"},
                          backend={"tls": {"ca": self.authority.certificate, "server_name": "app.test"}})
        self.judge(checked)
        checked.change(path="/elsewhere")
        checked.wait_state("down")
        self.assertGreater(checked.answers("status"), 0)


@unittest.skipUnless(_GRPC, "python3-grpcio is not installed (packaging/deps test)")
class Http(SystemTest):
    def test_method_headers_and_body_over_both_versions(self):
        for http2 in (False, True):
            sites = Sites(self.scope, ("atlanta",), endpoints=1, http2=http2)
            check = {"type": "http", "path": "/files/health", "protocol": "http2" if http2 else "http1",
                     "headers": {"X-Probe": "1"}, "expect_body": "green"}
            sites["atlanta"].add_file("health", b"all is green")
            checked = Checked(self.scope, {"atlanta": sites.addresses("atlanta")}, check)
            checked.wait_state("up")
            sites["atlanta"].add_file("health", b"all is red")
            checked.wait_state("down")
            self.assertGreaterEqual(checked.answers("body"), 2)
            checked.change(method="HEAD", expect_body="")
            checked.wait_state("up")
            checked.change(protocol="http1" if http2 else "http2")
            checked.wait_state("down")
            methods = {line.method for line in sites["atlanta"].log() if line.uri == "/files/health"}
            self.assertEqual(methods, {"GET", "HEAD"})


class GrpcHealth(SystemTest):
    def test_the_server_says_whether_it_serves(self):
        server = Process(self.scope, [_PYTHON, "-B", _PEER, "serve"], self.scope.directory, "grpc")
        wait_until(lambda: server.stdout().endswith("\n"), "the gRPC server has its port")
        address = "127.0.0.1:" + server.stdout().split()[0]
        checked = Checked(self.scope, {"atlanta": [address]}, {"type": "grpc", "service": "up"})
        checked.wait_state("up")
        for service, state in (("down", "down"), ("", "up"), ("unknown", "down")):
            checked.change(service=service)
            checked.wait_state(state)
        self.assertGreater(checked.answers("failed"), 0)
        server.kill()
        wait_until(lambda: checked.answers("refused") > 0, "nobody is there", 10)


class Agents(SystemTest):
    def test_an_agent_alone_is_verdict_and_word(self):
        agent = Agent(self.scope, "up 50% # half of the disks\n")
        checked = Checked(self.scope, {"atlanta": [agent.address]}, {"type": "agent"})
        checked.wait_state("up")
        self.assertEqual(checked.endpoint()["agent_share"], 50)
        self.assertEqual(checked.meridian.metric("meridian_endpoint_agent_share", site="atlanta"), 0.5)
        for line, state in (("drain # being replaced\n", "draining"), ("ready\n", "up"), ("maint\n", "out"),
                            ("ready,down # disk full\n", "down")):
            agent.line = line
            checked.wait_state(state)
        self.assertEqual((checked.endpoint()["cause"], checked.endpoint()["agent_reason"]), ("agent", "disk full"))
        self.assertIn("down by agent: disk full", checked.meridian.cli("sites").stdout)
        agent.line = "up\n"
        checked.wait_state("up")
        agent.line = None
        checked.wait_state("down")
        self.assertEqual(checked.endpoint()["cause"], "probe")

    def test_an_agent_beside_has_a_word_and_its_silence_none(self):
        agent, server = Agent(self.scope, "maint # being replaced\n"), Agent(self.scope, "hello\n")
        checked = Checked(self.scope, {"atlanta": [server.address]},
                          {"type": "tcp", "agent_port": int(agent.address.split(":")[1])})
        checked.wait_state("out")
        self.assertEqual(checked.endpoint()["facts"]["probe"], "up")
        agent.line = "ready\n"
        checked.wait_state("up")
        agent.close()
        wait_until(lambda: checked.answers("refused", check="ready agent") >= 3, "the agent is gone", 10)
        self.assertEqual(checked.endpoint()["state"], "up")


if __name__ == "__main__":
    main()
