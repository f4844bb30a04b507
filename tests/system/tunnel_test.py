"""CONNECT through Meridian to a forward proxy, by curl, plain and over TLS."""
import os
import select
import socket

from harness import Authority, Meridian, Sites, SystemTest, TcpServer, curl, main, web_config


def relay(one, other):
    """Bytes both ways until either side ends."""
    while True:
        for source in select.select([one, other], [], [])[0]:
            data = source.recv(1 << 16)
            if not data:
                return
            (other if source is one else one).sendall(data)


class ForwardProxy(TcpServer):
    """Grants every CONNECT; keeps the heads it was asked with."""

    def __init__(self, scope):
        super().__init__(scope)
        self.heads = []

    def serve_connection(self, connection):
        while b"\r\n\r\n" not in connection.buffer:
            if not connection.fill():
                return
        head, rest = connection.buffer.split(b"\r\n\r\n", 1)
        if not head.startswith(b"CONNECT "):
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        self.heads.append(head.decode())
        host, port = head.split()[1].decode().rsplit(":", 1)
        with socket.create_connection((host, int(port)), 10) as target:
            connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            target.sendall(rest)
            relay(connection.socket, target)


class Tunnels(SystemTest):
    @classmethod
    def start(cls):
        cls.proxy = ForwardProxy(cls.shared)
        cls.nginx = Sites(cls.shared, names=["atlanta"], endpoints=1)["atlanta"]

    def run_meridian(self, **listener):
        config = web_config({"dallas": [self.proxy.address]})
        config["listeners"]["web"].update(listener, via="edge")
        del config["listeners"]["web"]["service"]
        config["listeners"]["web"]["routes"] = [{"host": "127.0.0.1", "methods": ["CONNECT"], "service": "web"}]
        return Meridian(self.scope, config)

    def through(self, meridian, path="/hello", scheme="http", target=None):
        proxy = "%s://%s:%d" % (scheme, *meridian.address())
        return curl("--noproxy", "", "--proxytunnel", "--proxy", proxy, "--proxy-insecure",
                    "http://" + (target or self.nginx.addresses[0]) + path)

    def test_curl_reaches_what_is_behind_the_proxy(self):
        meridian = self.run_meridian()
        self.assertEqual(self.through(meridian).stdout, b"atlanta-1 /hello\n")
        head = self.proxy.heads[-1]
        self.assertIn("CONNECT %s HTTP/1.1\r\nHost: %s" % ((self.nginx.addresses[0],) * 2), head)
        self.assertIn("Meridian-Site: dallas", head)
        self.assertIn("Via: 1.1 edge", head)

    def test_a_large_body_passes_through_a_tls_proxy(self):
        certificate = Authority(self.scope).issue("app", "127.0.0.1")
        meridian = self.run_meridian(tls={"certificates": [certificate]})
        data = os.urandom(8 << 20)
        self.nginx.add_file("large", data)
        self.assertEqual(self.through(meridian, "/files/large", "https").stdout, data)

    def test_without_a_route_that_names_it_there_is_none(self):
        meridian = self.run_meridian()
        before = len(self.proxy.heads)
        with self.assertRaisesRegex(AssertionError, "501"):
            self.through(meridian, target="localhost:80")
        self.assertEqual(len(self.proxy.heads), before)


if __name__ == "__main__":
    main()
