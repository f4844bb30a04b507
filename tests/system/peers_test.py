"""Other people's proxies around Meridian: HAProxy and nginx, in front and behind, speaking PROXY protocol and
X-Forwarded-For."""
import os
import shutil
import unittest

from harness import (PLACES, Meridian, Sites, SystemTest, TcpServer, Connection, Crowd, free_port, get, main,
                     refused, tcp_config, wait_until, web_config)
from harness.process import Process

_PATH = os.environ.get("PATH", "") + ":/usr/sbin"
_HAPROXY = shutil.which("haproxy", path=_PATH)
_NGINX = shutil.which("nginx", path=_PATH)
_NGINX_STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so"


def named_servers(scope):
    """Tcp servers that say their site's name and end."""
    return {site: TcpServer(scope, lambda connection, name=site: connection.send(name.encode() + b"\n"))
            for site in PLACES}


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

    def test_proxy_v1_and_v2_carry_the_client_to_tcp(self):
        servers = named_servers(self.scope)
        config = tcp_config({site: [server.address] for site, server in servers.items()})
        config["listeners"]["web"].update(proxy_protocol="accept", trusted_proxies=["127.0.0.9/32"])
        meridian = Meridian(self.scope, config)
        for send in ("send-proxy", "send-proxy-v2", "send-proxy-v2-ssl-cn"):
            front = self.put_in_front(meridian, "tcp", send)
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


@unittest.skipUnless(_NGINX and os.path.exists(_NGINX_STREAM),
                     "nginx with stream is not installed (packaging/deps test)")
class Nginx(SystemTest):
    """It sends version 1 alone, and takes either."""

    def run_nginx(self, body):
        """An nginx from 127.0.0.9 that listens on the port of the text; its address."""
        port = free_port()
        directory = self.scope.make_directory("nginx-%d" % port)
        path = os.path.join(directory, "nginx.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write("""load_module %s;
daemon off;
master_process off;
pid nginx.pid;
error_log stderr notice;
events { worker_connections 1024; }
%s""" % (_NGINX_STREAM, body % port))
        Process(self.scope, [_NGINX, "-p", directory, "-e", "stderr", "-c", path], directory, "nginx-%d" % port)
        wait_until(lambda: not refused(("127.0.0.1", port)), "nginx accepts")
        return "127.0.0.1", port

    def put_in_front(self, meridian):
        return self.run_nginx("""stream {
  server { listen 127.0.0.1:%%d; proxy_pass %s:%d; proxy_bind 127.0.0.9; proxy_protocol on; }
}""" % meridian.address())

    def test_its_header_carries_the_client_to_http_and_tcp(self):
        sites = Sites(self.scope, endpoints=1)
        config = web_config(sites)
        config["listeners"]["web"].update(proxy_protocol="require", trusted_proxies=["127.0.0.9/32"])
        front = self.put_in_front(Meridian(self.scope, config))
        for site, place in PLACES.items():
            response = get(front, "/forwarded", source=place.client)
            self.assertEqual((response.site, response.text.split("|")[1]), (site, place.client))
        config = tcp_config({site: [server.address] for site, server in named_servers(self.scope).items()})
        config["listeners"]["web"].update(proxy_protocol="require", trusted_proxies=["127.0.0.9/32"])
        front = self.put_in_front(Meridian(self.scope, config))
        for site, place in PLACES.items():
            with Connection(front, place.client) as connection:
                self.assertEqual(connection.read_until(b"\n"), site.encode())

    def test_behind_it_is_told_the_client(self):
        behind = self.run_nginx("""http {
  access_log off;
  server {
    listen 127.0.0.1:%d proxy_protocol;
    location / { return 200 "$proxy_protocol_addr $proxy_protocol_server_port"; }
  }
}""")
        for version in ("v1", "v2"):
            config = tcp_config({"dallas": ["%s:%d" % behind]}, backend={"proxy_protocol": version},
                                health_check="none")
            meridian = Meridian(self.scope, config)
            told = get(meridian.address(), "/", source=PLACES["dallas"].client).text
            self.assertEqual(told, "%s %d" % (PLACES["dallas"].client, meridian.address()[1]))


if __name__ == "__main__":
    main()
