"""TLS with peers that were not written for it: curl and openssl as clients, nginx with TLS behind, certificates that
change while traffic runs."""
import contextlib
import os
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess

from harness import (Authority, Meridian, ScriptedServer, SystemTest, TcpServer, curl, free_port, get, main,
                     python_thread, run_meridian, tcp_config, wait_until, web_config)
from harness.process import Process


def https_config(addresses, certificates, **tls):
    config = web_config({"atlanta": addresses})
    config["listeners"]["web"]["tls"] = {"certificates": certificates, **tls}
    return config


class Peers:
    """An authority, a certificate of it, a backend that records, and clients that ask."""

    def __init__(self, scope):
        self.authority = Authority(scope)
        self.certificate = self.authority.issue("app", "app.test", "*.app.test")
        self.backend = ScriptedServer(scope)

    def run(self, scope, config=None, **tls):
        return Meridian(scope, config or https_config([self.backend.address], [self.certificate], **tls))

    def curl(self, meridian, *arguments, name="app.test", listener="web"):
        host, port = meridian.address(listener)
        return curl("--cacert", self.authority.certificate, "--resolve", "%s:%d:%s" % (name, port, host),
                    *arguments, "https://%s:%d/x" % (name, port))

    def s_client(self, meridian, *arguments, name="app.test", listener="web", request=b"", failing=False):
        """What openssl's client prints."""
        command = ["openssl", "s_client", "-connect", "%s:%d" % meridian.address(listener), "-servername", name,
                   "-CAfile", self.authority.certificate, *arguments]
        done = subprocess.run(command, input=request, capture_output=True, timeout=30, check=False)
        text = (done.stdout + done.stderr).decode(errors="replace")
        if done.returncode != 0 and not failing:
            raise AssertionError(text)
        return text


class Https(SystemTest):
    @classmethod
    def start(cls):
        cls.tls = Peers(cls.shared)

    def test_curl_by_either_version(self):
        meridian = self.tls.run(self.scope)
        for version in ("1.2", "1.3"):
            arguments = ["--tlsv" + version, "--tls-max", version, "--http1.1", "--verbose"]
            done = self.tls.curl(meridian, *arguments)
            self.assertIn("TLSv" + version, done.stderr.decode())
        request = self.tls.backend.requests[-1]
        self.assertIn(b"X-Forwarded-Proto: https", request.head)
        self.assertEqual(meridian.metric("meridian_tls_connections_total", listener="web", version="1.2"), 1)
        self.assertEqual(meridian.metric("meridian_tls_connections_total", listener="web", version="1.3"), 1)

    def test_alpn_settles_on_what_is_offered(self):
        meridian = self.tls.run(self.scope)
        self.assertIn("ALPN protocol: h2", self.tls.s_client(meridian, "-alpn", "http/1.1,h2"))
        self.assertIn("ALPN protocol: http/1.1", self.tls.s_client(meridian, "-alpn", "http/1.1"))
        self.assertIn("No ALPN negotiated", self.tls.s_client(meridian))
        old = self.tls.run(self.scope, alpn=["http/1.1"])
        self.assertIn("ALPN protocol: http/1.1", self.tls.s_client(old, "-alpn", "h2,http/1.1"))
        self.assertIn("no application protocol", self.tls.s_client(old, "-alpn", "h2", failing=True))

    def test_curl_speaks_http_2(self):
        meridian = self.tls.run(self.scope)
        done = self.tls.curl(meridian, "--http2", "-o", "/dev/null", "-w", "%{http_version} %{http_code}")
        self.assertEqual(done.stdout, b"2 200")
        self.assertIn(b"X-Forwarded-Proto: https", self.tls.backend.requests[-1].head)

    def test_old_versions_are_refused(self):
        meridian = self.tls.run(self.scope, min_version="1.3")
        self.tls.s_client(meridian, "-tls1_2", failing=True)
        wait_until(lambda: meridian.metric("meridian_tls_handshake_failures_total", reason="version") == 1,
                   "the refusal is counted")
        self.tls.s_client(meridian, "-tls1_3")

    def test_plain_http_on_the_port_is_refused(self):
        meridian = self.tls.run(self.scope)
        with socket.create_connection(meridian.address()) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            plain.settimeout(10)
            self.assertNotIn(b"HTTP/1.1 200", plain.recv(1000))
        self.assertEqual(meridian.metric("meridian_tls_handshake_failures_total", reason="not-tls"), 1)

    def test_a_client_does_not_renegotiate(self):
        meridian = self.tls.run(self.scope)
        text = self.tls.s_client(meridian, "-tls1_2", request=b"R\n", failing=True)
        self.assertNotIn("HTTP/1.1 200", text)
        self.assertIn("no renegotiation", text)

    def test_a_large_body_either_way(self):
        body = os.urandom(3 << 20)
        path = os.path.join(self.scope.directory, "body")
        with open(path, "wb") as file:
            file.write(body)
        received = []

        def keep(request, connection):
            received.append(request.read_body())
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        backend = ScriptedServer(self.scope, keep)
        meridian = self.tls.run(self.scope, https_config([backend.address], [self.tls.certificate]))
        done = self.tls.curl(meridian, "--http1.1", "-H", "Expect:", "--data-binary", "@" + path)
        self.assertEqual(received, [body])
        self.assertEqual(done.stdout, body)


class Names(SystemTest):
    @classmethod
    def start(cls):
        cls.tls = Peers(cls.shared)

    def subject(self, meridian, name, *arguments):
        text = self.tls.s_client(meridian, *arguments, name=name)
        return re.search(r"subject=CN = (\S+)", text).group(1)

    def test_each_name_gets_its_certificate(self):
        other = self.tls.authority.issue("other", "other.test")
        exact = self.tls.authority.issue("exact", "www.app.test")
        certificates = [self.tls.certificate, other, exact]
        meridian = self.tls.run(self.scope, https_config([self.tls.backend.address], certificates))
        expected = {"other.test": "other", "www.app.test": "exact", "api.app.test": "app", "nobody.test": "app"}
        self.assertEqual({name: self.subject(meridian, name) for name in expected}, expected)
        done = self.tls.curl(meridian, "-o", "/dev/null", "-w", "%{http_code}", name="other.test")
        self.assertEqual(done.stdout, b"200")

    def test_keys_of_two_kinds(self):
        rsa = self.tls.authority.issue("rsa", "app.test", key="rsa")
        meridian = self.tls.run(self.scope, https_config([self.tls.backend.address], [self.tls.certificate, rsa]))
        self.assertEqual(self.subject(meridian, "app.test", "-sigalgs", "RSA-PSS+SHA256"), "rsa")
        self.assertEqual(self.subject(meridian, "app.test", "-sigalgs", "ECDSA+SHA256"), "app")

    def test_a_response_is_stapled(self):
        staple = self.tls.authority.staple("app", self.tls.certificate)
        files = {**self.tls.certificate, "ocsp": staple}
        meridian = self.tls.run(self.scope, https_config([self.tls.backend.address], [files]))
        text = self.tls.s_client(meridian, "-status")
        self.assertIn("OCSP Response Status: successful", text)
        self.assertIn("Cert Status: good", text)


class ClientCertificates(SystemTest):
    @classmethod
    def start(cls):
        cls.tls = Peers(cls.shared)
        cls.client = cls.tls.authority.issue("ada", subject="/O=Example/CN=Ada Lovelace")

    def test_the_subject_reaches_the_backend(self):
        meridian = self.tls.run(self.scope, client_ca=self.tls.authority.certificate)
        self.tls.curl(meridian, "--cert", self.client["certificate"], "--key", self.client["key"],
                  "-H", "X-Client-Cert-Subject: CN=root")
        head = self.tls.backend.requests[-1].head
        self.assertIn(b"X-Client-Cert-Subject: CN=Ada Lovelace,O=Example\r\n", head + b"\r\n")
        self.assertNotIn(b"CN=root", head)

    def test_without_one_there_is_no_request(self):
        meridian = self.tls.run(self.scope, client_ca=self.tls.authority.certificate)
        before = len(self.tls.backend.requests)
        with self.assertRaises(AssertionError):
            self.tls.curl(meridian)
        self.assertEqual(len(self.tls.backend.requests), before)
        wait_until(lambda: meridian.metric("meridian_tls_handshake_failures_total", reason="no-certificate") == 1,
                   "the refusal is counted")


class Tickets(SystemTest):
    @classmethod
    def start(cls):
        cls.tls = Peers(cls.shared)

    def write_keys(self, name, *characters):
        path = os.path.join(self.scope.directory, name)
        with open(path, "w", encoding="ascii") as file:
            file.writelines(character * 64 + "\n" for character in characters)
        return path

    def resumes(self, meridian, version, session, how):
        request = b"GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n"
        text = self.tls.s_client(meridian, version, "-ign_eof", how, session, request=request)
        self.assertIn("HTTP/1.1 200", text)
        return "Reused, " in text

    def test_instances_that_share_keys_resume_each_others_sessions(self):
        keys = self.write_keys("tickets", "a")
        one, two = self.tls.run(self.scope, ticket_key_file=keys), self.tls.run(self.scope, ticket_key_file=keys)
        other = self.tls.run(self.scope)
        for version in ("-tls1_2", "-tls1_3"):
            session = os.path.join(self.scope.directory, "session" + version)
            self.assertFalse(self.resumes(one, version, session, "-sess_out"))
            self.assertTrue(self.resumes(two, version, session, "-sess_in"))
            self.assertFalse(self.resumes(other, version, session, "-sess_in"))
        self.assertEqual(two.metric("meridian_tls_handshakes_total", listener="web", result="resumed"), 2)

    def test_keys_rotate_by_reload(self):
        keys = self.write_keys("tickets", "a")
        meridian = self.tls.run(self.scope, ticket_key_file=keys)
        session = os.path.join(self.scope.directory, "session")
        self.resumes(meridian, "-tls1_3", session, "-sess_out")
        self.write_keys("tickets", "b", "a")
        self.assertTrue(meridian.reload()["accepted"])
        self.assertTrue(self.resumes(meridian, "-tls1_3", session, "-sess_in"))
        self.resumes(meridian, "-tls1_3", session, "-sess_out")
        self.write_keys("tickets", "b")
        self.assertTrue(meridian.reload()["accepted"])
        self.assertTrue(self.resumes(meridian, "-tls1_3", session, "-sess_in"))


class Termination(SystemTest):
    @classmethod
    def start(cls):
        cls.tls = Peers(cls.shared)

    def run_shouting(self, **listener):
        """Meridian in front of a server that says everything louder."""
        def serve(connection):
            while connection.fill():
                data, connection.buffer = connection.buffer, b""
                connection.send(data.upper())
        server = TcpServer(self.scope, serve)
        config = tcp_config({"atlanta": [server.address]})
        config["listeners"]["web"].update(listener, tls={"certificates": [self.tls.certificate]})
        if "routes" in listener:
            del config["listeners"]["web"]["service"]
        return Meridian(self.scope, config)

    def connect(self, meridian, name="app.test"):
        context = ssl.create_default_context(cafile=self.tls.authority.certificate)
        plain = socket.create_connection(meridian.address(), 10)
        self.addCleanup(plain.close)
        return context.wrap_socket(plain, server_hostname=name, suppress_ragged_eofs=False)

    def test_the_name_of_the_handshake_routes(self):
        meridian = self.run_shouting(routes=[{"sni": "api.app.test", "service": "web"}])
        with self.connect(meridian, "api.app.test") as connection:
            connection.sendall(b"hello")
            self.assertEqual(connection.recv(100), b"HELLO")
        with self.assertRaises(OSError), self.connect(meridian, "www.app.test") as connection:
            connection.recv(100)
        self.assertEqual(meridian.metric("meridian_failures_total", listener="web", reason="no-route"), 1)

    def test_a_tcp_listener_relays_what_is_inside(self):
        with self.connect(self.run_shouting()) as connection:
            connection.sendall(b"hello")
            self.assertEqual(connection.recv(100), b"HELLO")
            data = b"x" * (1 << 20)
            self.assertEqual(self.exchange(connection, data), data.upper())

    def exchange(self, connection, data):
        """Sends and receives at once, from one thread: Python's TLS sockets are not for two."""
        connection.setblocking(False)
        sent, received = 0, b""
        while len(received) < len(data):
            select.select([connection], [connection] if sent < len(data) else [], [], 10)
            with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                if sent < len(data):
                    sent += connection.send(data[sent:sent + (1 << 16)])
            with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                piece = connection.recv(1 << 16)
                self.assertNotEqual(piece, b"", "closed after %d of %d bytes" % (len(received), len(data)))
                received += piece
        return received


class Reload(SystemTest):
    @classmethod
    def start(cls):
        cls.tls = Peers(cls.shared)

    def test_a_new_certificate_under_load_costs_no_request(self):
        files = {name: os.path.join(self.scope.directory, "live." + name) for name in ("certificate", "key")}
        for name, path in files.items():
            shutil.copy(self.tls.certificate[name], path)
        meridian = self.tls.run(self.scope, https_config([self.tls.backend.address], [files]))
        context = ssl.create_default_context(cafile=self.tls.authority.certificate)
        failures, done, served = [], [], []

        def ask(keep):
            while not done:
                try:
                    with socket.create_connection(meridian_address, 10) as plain, \
                            context.wrap_socket(plain, server_hostname="app.test") as connection:
                        for _ in range(20 if keep else 1):
                            connection.sendall(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
                            if not connection.recv(4000).startswith(b"HTTP/1.1 200"):
                                raise ConnectionError("no answer")
                            served.append(1)
                except OSError as error:
                    failures.append(error)
        meridian_address = meridian.address()
        threads = [python_thread(ask, number % 2 == 0) for number in range(4)]
        for number in range(5):
            renewed = self.tls.authority.issue("renewed%d" % number, "app.test")
            for name, path in files.items():
                shutil.copy(renewed[name], path)
            before = len(served)
            meridian.process.signal(signal.SIGHUP)
            self.assertEqual(meridian.cli("wait", "generation", str(number + 2)).returncode, 0)
            self.assertIn("CN = renewed%d" % number, self.tls.s_client(meridian))
            wait_until(lambda at=before: len(served) > at + 20, "requests go on")
        done.append(True)
        for thread in threads:
            thread.join(20)
        self.assertEqual(failures, [])

    def test_what_cannot_be_used_is_refused_with_file_and_reason(self):
        files = {name: os.path.join(self.scope.directory, "live." + name) for name in ("certificate", "key")}
        for name, path in files.items():
            shutil.copy(self.tls.certificate[name], path)
        meridian = self.tls.run(self.scope, https_config([self.tls.backend.address], [files]))
        shutil.copy(self.tls.authority.key, files["key"])
        answer = meridian.reload()
        self.assertFalse(answer["accepted"])
        expected = "listeners.web.tls: %s: does not match the certificate in %s" % (files["key"], files["certificate"])
        self.assertIn(expected, " ".join(answer["errors"]))
        self.assertIn("CN = app", self.tls.s_client(meridian))
        check = run_meridian("check", "-c", meridian.config_path)
        self.assertEqual(check.returncode, 1)
        self.assertIn("does not match the certificate", check.stderr)


_NGINX = """
daemon off; master_process off; worker_processes 1; pid {directory}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {certificate}; ssl_certificate_key {key};
    {more}
    location / {{ return 200 "$ssl_server_name $ssl_session_reused $connection $ssl_client_s_dn\\n"; }}
  }}
}}
"""


class Backends(SystemTest):
    @classmethod
    def start(cls):
        cls.tls = Peers(cls.shared)
        cls.own = cls.tls.authority.issue("meridian", subject="/CN=meridian")
        files = cls.tls.authority.issue("internal", "app.internal")
        cls.ports = {}
        for name, more in (("open", ""), ("mutual", "ssl_client_certificate %s; ssl_verify_client on;"
                                          % cls.tls.authority.certificate)):
            directory = cls.shared.make_directory("nginx-" + name)
            port = cls.ports[name] = free_port()
            path = os.path.join(directory, "nginx.conf")
            with open(path, "w", encoding="utf-8") as file:
                file.write(_NGINX.format(directory=directory, port=port, more=more, **files))
            binary = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
            Process(cls.shared, [binary, "-e", "stderr", "-p", directory, "-c", path], directory, "nginx-" + name)

            def accepts(at=port):
                with socket.socket() as probe:
                    return probe.connect_ex(("127.0.0.1", at)) == 0
            wait_until(accepts, "nginx accepts")

    def run_meridian(self, config=None, port="open", **tls):
        config = web_config({"atlanta": ["127.0.0.1:%d" % self.ports[port]]},
                            backend={"tls": {"ca": self.tls.authority.certificate, **tls}},
                            outliers={"consecutive_errors": 1000})
        config["health_checks"]["ready"] = {"type": "tcp", "interval": "300ms"}
        return Meridian(self.scope, config)

    def ask(self, meridian):
        return get(meridian.address())

    def test_a_verified_backend_is_asked_by_its_name_on_pooled_connections(self):
        meridian = self.run_meridian(server_name="app.internal")
        answers = {self.ask(meridian).text for _ in range(4)}
        self.assertTrue(all(answer.startswith("app.internal ") for answer in answers), answers)
        self.assertLessEqual(len(answers), 2)  # a connection for each worker, at most

    def test_sessions_are_resumed(self):
        meridian = self.run_meridian(server_name="app.internal")
        config = meridian.config
        config["services"]["web"]["backend"]["max_idle"] = 0
        config["process"]["workers"] = 1
        resuming = Meridian(self.scope, config)
        answers = [self.ask(resuming).text.split()[1] for _ in range(3)]
        self.assertEqual(answers, [".", "r", "r"])
        self.assertEqual(resuming.metric("meridian_backend_tls_handshakes_total", service="web", result="resumed"), 2)

    def test_our_certificate_is_shown(self):
        meridian = self.run_meridian(port="mutual", server_name="app.internal", **self.own)
        self.assertIn("CN=meridian", self.ask(meridian).text)

    def test_the_wrong_name_is_refused_with_its_own_reason(self):
        meridian = self.run_meridian(server_name="elsewhere.internal")
        response = self.ask(meridian)
        self.assertEqual((response.status, response.get("Meridian-Reason")), (502, "backend-tls"))
        self.assertIn("hostname mismatch", meridian.process.stderr())

    def test_an_unknown_authority_is_refused_unless_nothing_is_verified(self):
        stranger = Authority(self.scope, "stranger")
        meridian = self.run_meridian(server_name="app.internal", ca=stranger.certificate)
        self.assertEqual(self.ask(meridian).get("Meridian-Reason"), "backend-tls")
        config = meridian.config
        config["services"]["web"]["backend"]["tls"]["verify"] = False
        self.assertTrue(meridian.reload(config)["accepted"])
        self.assertEqual(self.ask(meridian).status, 200)


if __name__ == "__main__":
    main()
