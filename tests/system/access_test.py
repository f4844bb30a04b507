"""Who may come in: allow and deny of listeners, over http and tcp, by where geo.networks says a client is."""
import os
import subprocess

from harness import (PLACES, Connection, Meridian, Sites, SystemTest, TcpServer, get, main, refused, tcp_config,
                     free_port, wait_until, web_config)
from harness.process import Process

BERLIN, NOWHERE, PROXY = "127.0.49.1", "127.0.0.77", "127.0.0.9"


class Http(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared, endpoints=1)
        config = web_config(cls.sites)
        config["listeners"]["web"]["trusted_proxies"] = [PROXY + "/32"]
        config["listeners"]["web"]["allow"] = {"country": ["US"], "network": ["127.0.49.64/26"]}
        config["listeners"]["web"]["deny"] = {"network": [PLACES["san-jose"].client + "/32"]}
        cls.meridian = Meridian(cls.shared, config)

    def status(self, source, **fields):
        response = get(self.meridian.address(), source=source, headers=fields)
        self.assertEqual(response.get("Meridian-Reason") == "denied", response.status == 403)
        return response.status

    def test_only_those_who_are_allowed_and_not_denied_get_in(self):
        self.assertEqual(self.status(PLACES["dallas"].client), 200)
        self.assertEqual(self.status("127.0.49.65"), 200)
        for source in (BERLIN, NOWHERE, PLACES["san-jose"].client):
            self.assertEqual(self.status(source), 403, source)

    def test_the_client_of_a_trusted_proxy_is_judged(self):
        name = "X-Forwarded-For"
        self.assertEqual(self.status(PROXY, **{name: PLACES["dallas"].client}), 200)
        self.assertEqual(self.status(PROXY, **{name: BERLIN}), 403)
        self.assertEqual(self.status(BERLIN, **{name: PLACES["dallas"].client}), 403)
        self.assertEqual(self.status(PROXY), 403)

    def test_a_connection_goes_on_and_each_refusal_is_counted(self):
        before = self.meridian.metric("meridian_failures_total", listener="web", reason="denied")
        with Connection(self.meridian.address(), PROXY) as connection:
            for source, status in ((BERLIN, 403), (PLACES["dallas"].client, 200), (NOWHERE, 403)):
                self.assertEqual(connection.request(headers={"X-Forwarded-For": source}).status, status)
        self.assertEqual(self.meridian.metric("meridian_failures_total", listener="web", reason="denied"), before + 2)


class Tcp(SystemTest):
    def test_who_is_denied_is_reset_before_a_byte_is_read(self):
        seen = []

        def serve(connection):
            connection.send(b"hello\n")
            seen.append(connection.read_to_end())
        server = TcpServer(self.scope, serve)
        config = tcp_config({"dallas": [server.address]}, health_check="none")
        config["listeners"]["web"]["deny"] = {"continent": ["EU"]}
        meridian = Meridian(self.scope, config)
        with Connection(meridian.address(), PLACES["dallas"].client) as connection:
            self.assertEqual(connection.read_until(b"\n"), b"hello")
        with self.assertRaises(ConnectionError), Connection(meridian.address(), BERLIN) as connection:
            connection.read_exactly(1)
        self.assertEqual(meridian.metric("meridian_failures_total", listener="web", reason="denied"), 1)
        wait_until(lambda: len(seen) == 1, "the server has seen one client")


class ServerNames(SystemTest):
    """A tcp listener that reads the server name and nothing else: openssl on both sides."""

    def server(self, name):
        """An s_server of its own certificate: its address and certificate."""
        key, certificate = (os.path.join(self.scope.directory, name + end) for end in (".key", ".pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=" + name],
                       check=True, capture_output=True, timeout=60)
        port = free_port()
        Process(self.scope, ["openssl", "s_server", "-accept", "127.0.0.1:%d" % port, "-key", key, "-cert",
                             certificate, "-www", "-quiet"], self.scope.directory, name)
        wait_until(lambda: not refused(("127.0.0.1", port)), "s_server accepts")
        return "127.0.0.1:%d" % port

    def subject(self, meridian, *name):
        done = subprocess.run(["openssl", "s_client", "-connect", "%s:%d" % meridian.address(), *name],
                              input=b"Q\n", capture_output=True, timeout=30, check=False)
        lines = [line for line in done.stdout.decode().splitlines() if line.startswith("subject=")]
        return lines[0].replace(" ", "") if lines else None

    def test_a_server_name_leads_to_its_service(self):
        addresses = {"web": self.server("web.test"), "mail": self.server("mail.test")}
        config = tcp_config({"dallas": [addresses["web"]]}, health_check="none")
        site = config["regions"][PLACES["dallas"].region]["sites"]["dallas"]
        site["services"]["mail"] = [addresses["mail"]]
        config["services"]["mail"] = {}
        listener = config["listeners"]["web"]
        del listener["service"]
        listener["routes"] = [{"sni": "mail.example.com", "service": "mail"},
                              {"sni": "*.example.com", "service": "web"}]
        meridian = Meridian(self.scope, config)
        self.assertEqual(self.subject(meridian, "-servername", "mail.example.com"), "subject=CN=mail.test")
        self.assertEqual(self.subject(meridian, "-servername", "www.example.com"), "subject=CN=web.test")
        self.assertIsNone(self.subject(meridian, "-servername", "other.test"))
        self.assertIsNone(self.subject(meridian, "-noservername"))
        listener["routes"].append({"sni": "*", "service": "web"})
        self.assertTrue(meridian.reload(config)["accepted"])
        self.assertEqual(self.subject(meridian, "-noservername"), "subject=CN=web.test")


if __name__ == "__main__":
    main()
