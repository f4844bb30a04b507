"""Other people's proxies around Meridian: HAProxy in front, speaking PROXY protocol and X-Forwarded-For."""
import os
import shutil
import unittest

from harness import (PLACES, Meridian, Sites, SystemTest, TcpServer, Connection, Crowd, free_port, get, main,
                     refused, tcp_config, wait_until, web_config)
from harness.process import Process

_HAPROXY = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")


@unittest.skipUnless(_HAPROXY, "haproxy is not installed (packaging/deps test)")
class Haproxy(SystemTest):
    def put_in_front(self, meridian, mode, send):
        """HAProxy from 127.0.0.9 to the listener; the address on which it accepts."""
        port = free_port()
        path = os.path.join(self.scope.directory, "haproxy-%d.cfg" % port)
        with open(path, "w", encoding="utf-8") as file:
            file.write("""
defaults
  mode %s
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen front
  bind 127.0.0.1:%d
  source 127.0.0.9
  %s
  server meridian %s:%d %s
""" % (mode, port, "option forwardfor" if mode == "http" else "", *meridian.address(), send))
        Process(self.scope, [_HAPROXY, "-db", "-f", path], self.scope.directory, "haproxy-%d" % port)
        wait_until(lambda: not refused(("127.0.0.1", port)), "haproxy accepts")
        return "127.0.0.1", port

    def test_proxy_v1_and_v2_carry_the_client_to_http(self):
        sites = Sites(self.scope, endpoints=1)
        config = web_config(sites)
        config["listeners"]["web"].update(proxy_protocol="require", trusted_proxies=["127.0.0.9/32"])
        meridian = Meridian(self.scope, config)
        for send in ("send-proxy", "send-proxy-v2", "send-proxy-v2-ssl-cn"):
            front = self.put_in_front(meridian, "tcp", send)
            for site, place in PLACES.items():
                response = get(front, "/forwarded", source=place.client)
                self.assertEqual((response.status, response.site), (200, site))
                self.assertEqual(response.text.split("|")[1], place.client)

    def test_proxy_v2_carries_the_client_to_tcp(self):
        servers = {site: TcpServer(self.scope, lambda connection, name=site: connection.send(name.encode() + b"\n"))
                   for site in PLACES}
        config = tcp_config({site: [server.address] for site, server in servers.items()})
        config["listeners"]["web"].update(proxy_protocol="accept", trusted_proxies=["127.0.0.9/32"])
        front = self.put_in_front(Meridian(self.scope, config), "tcp", "send-proxy-v2")
        for site, place in PLACES.items():
            with Connection(front, place.client) as connection:
                self.assertEqual(connection.read_until(b"\n"), site.encode())

    def test_servers_behind_are_told_the_client(self):
        port = free_port()
        path = os.path.join(self.scope.directory, "behind.cfg")
        with open(path, "w", encoding="utf-8") as file:
            file.write("""
defaults
  mode http
  timeout client 60s
frontend servers
  bind 127.0.0.1:%d accept-proxy
  http-request return status 200 content-type text/plain lf-string "%%[src] %%[dst_port] %%[fc_pp_unique_id]"
""" % port)
        Process(self.scope, [_HAPROXY, "-db", "-f", path], self.scope.directory, "behind")
        wait_until(lambda: not refused(("127.0.0.1", port)), "haproxy accepts")
        for version, words in (("v1", 2), ("v2", 3)):
            config = tcp_config({"dallas": ["127.0.0.1:%d" % port]}, backend={"proxy_protocol": version})
            meridian = Meridian(self.scope, config)
            told = get(meridian.address(), "/", source=PLACES["dallas"].client).text.split()
            self.assertEqual(told[:2], [PLACES["dallas"].client, str(meridian.address()[1])])
            self.assertEqual(len(told), words)

    def test_x_forwarded_for_carries_the_client_over_shared_connections(self):
        sites = Sites(self.scope, endpoints=1)
        config = web_config(sites)
        config["listeners"]["web"]["trusted_proxies"] = ["127.0.0.9/32"]
        front = self.put_in_front(Meridian(self.scope, config), "http", "")
        for _ in range(10):
            for site, place in PLACES.items():
                self.assertEqual(get(front, source=place.client).site, site)

    def test_load_through_both_loses_nothing_when_a_site_dies(self):
        sites = Sites(self.scope, endpoints=1)
        config = web_config(sites)
        config["listeners"]["web"].update(proxy_protocol="require", trusted_proxies=["127.0.0.9/32"])
        meridian = Meridian(self.scope, config)
        front = self.put_in_front(meridian, "tcp", "send-proxy-v2")
        with Crowd(front, PLACES["dallas"].client, clients=4) as crowd:
            wait_until(lambda: crowd.count("dallas") >= 100, "the nearest site answers")
            sites.kill("dallas")
            wait_until(lambda: crowd.count("atlanta") >= 100, "the next site answers")
            crowd.stop()
            self.assertEqual(crowd.failures, [])


if __name__ == "__main__":
    main()
