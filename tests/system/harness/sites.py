"""Sites made of real nginx processes, and the configuration that puts Meridian in front of them.

A site's endpoints are servers of one nginx, so that killing it is a data centre going dark; with
separate=True each endpoint is a process of its own. nginx runs as one process from a directory of its
own, as root or not, and logs each request with its connection's number.
"""
import collections
import copy
import os
import signal

from .base import wait_until
from .client import refused
from .ports import free_port
from .process import Process

Place = collections.namedtuple("Place", "region latitude longitude network client")

# A client "from" a place connects from a loopback address that geo.networks puts there.
PLACES = {
    "atlanta": Place("us-east", 33.749, -84.388, "127.0.33.0/24", "127.0.33.1"),
    "dallas": Place("us-south", 32.7767, -96.797, "127.0.32.0/24", "127.0.32.1"),
    "san-jose": Place("us-west", 37.3382, -121.8863, "127.0.37.0/24", "127.0.37.1"),
}

_CONFIG = """
daemon off;
master_process off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log notice;
events {{ worker_connections 1024; }}
http {{
  log_format fields '$connection $server_port $request_method $request_uri $status $http_host';
  access_log {directory}/access.log fields;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  client_max_body_size 0;
  keepalive_requests 1000000;
  keepalive_timeout 75s;
  default_type text/plain;
{servers}
}}
"""
_SERVER = """
  server {{
    listen 127.0.0.1:{port}{listen};
    add_header X-Endpoint {name} always;
    location = /healthz {{ access_log off; return 200 "ok\\n"; }}
    location /files/ {{ alias {directory}/files/; }}
    location /stored/ {{ alias {directory}/stored/; dav_methods PUT; }}
    location /forwarded {{
      return 200 "$http_host|$http_x_forwarded_for|$http_x_forwarded_proto|$http_x_forwarded_host";
    }}
    location / {{ return 200 "{name} $request_uri\\n"; }}
  }}
"""
_BINARIES = ("/usr/sbin/nginx", "/usr/bin/nginx")

LogLine = collections.namedtuple("LogLine", "connection port method uri status host")


class Nginx:
    """`names` of its endpoints, one port each; `http2`: by prior knowledge."""

    def __init__(self, scope, name, names, http2=False):
        self.scope, self.name, self.names = scope, name, names
        self.ports = [free_port() for _ in names]
        self.directory = scope.make_directory("nginx-" + name)
        for folder in ("files", "stored"):
            os.mkdir(os.path.join(self.directory, folder))
        servers = "".join(_SERVER.format(port=port, name=endpoint, directory=self.directory,
                                         listen=" http2" if http2 else "")
                          for port, endpoint in zip(self.ports, names))
        self.config_path = os.path.join(self.directory, "nginx.conf")
        with open(self.config_path, "w", encoding="utf-8") as file:
            file.write(_CONFIG.format(directory=self.directory, servers=servers))
        scope.logs.append(os.path.join(self.directory, "error.log"))
        self.process = None
        self.start()

    @property
    def addresses(self):
        return ["127.0.0.1:%d" % port for port in self.ports]

    def start(self):
        """Nothing if it runs."""
        if self.process and self.process.running():
            return
        binary = next(path for path in _BINARIES if os.path.exists(path))
        command = [binary, "-e", "stderr", "-p", self.directory, "-c", self.config_path]
        self.process = Process(self.scope, command, self.directory, "nginx-" + self.name)
        for port in self.ports:
            wait_until(lambda at=port: not refused(("127.0.0.1", at)), "nginx %s accepts" % self.name)

    def kill(self):
        self.process.kill()

    def pause(self):
        self.process.signal(signal.SIGSTOP)

    def resume(self):
        self.process.signal(signal.SIGCONT)

    def add_file(self, name, content=None, size=None):
        """Served as /files/NAME: the bytes given, or so many zeros."""
        path = os.path.join(self.directory, "files", name)
        with open(path, "wb") as file:
            if content is not None:
                file.write(content)
            else:
                file.truncate(size)
        return path

    def stored(self, name):
        """What was PUT to /stored/NAME."""
        with open(os.path.join(self.directory, "stored", name), "rb") as file:
            return file.read()

    def log(self):
        """The requests it has served, health checks left out."""
        with open(os.path.join(self.directory, "access.log"), encoding="utf-8") as file:
            return [LogLine(*line.split()) for line in file]


class Sites:
    """Some of PLACES, each with as many endpoints, named "atlanta-1" and so on."""

    def __init__(self, scope, names=tuple(PLACES), endpoints=2, separate=False, http2=False):
        self.names = list(names)
        self.servers = {}
        for site in names:
            ends = ["%s-%d" % (site, number + 1) for number in range(endpoints)]
            groups = [[end] for end in ends] if separate else [ends]
            self.servers[site] = [Nginx(scope, group[0], group, http2) for group in groups]

    def __getitem__(self, site):
        """The site's only nginx."""
        (server,) = self.servers[site]
        return server

    def addresses(self, site):
        return [address for server in self.servers[site] for address in server.addresses]

    def address_of(self, endpoint):
        """"atlanta-2" -> its address."""
        site, number = endpoint.rsplit("-", 1)
        return self.addresses(site)[int(number) - 1]

    def server_of(self, endpoint):
        """"atlanta-2" -> the nginx it is part of."""
        site = endpoint.rsplit("-", 1)[0]
        return next(server for server in self.servers[site] if endpoint in server.names)

    def kill(self, site):
        for server in self.servers[site]:
            server.kill()

    def start(self, site):
        for server in self.servers[site]:
            server.start()


def _base(addresses, service, check):
    regions = {}
    for site, endpoints in addresses.items():
        place = PLACES[site]
        regions[place.region] = {"sites": {site: {
            "latitude": place.latitude, "longitude": place.longitude, "country": "US", "continent": "NA",
            "services": {"web": list(endpoints)}}}}
    networks = {place.network: {"latitude": place.latitude, "longitude": place.longitude, "country": "US",
                                "continent": "NA"} for place in PLACES.values()}
    # Berlin: for rules by country.
    networks["127.0.49.0/24"] = {"latitude": 52.52, "longitude": 13.4, "country": "DE", "continent": "EU"}
    return {
        "process": {"workers": 2, "state_directory": "state", "drain_timeout": "10s"},
        "geo": {"networks": networks},
        "health_checks": {"ready": check},
        "regions": regions,
        "services": {"web": {"health_check": "ready", **copy.deepcopy(service)}},
        "listeners": {"web": {"bind": ["127.0.0.1:0"], "protocol": "http", "service": "web"}},
        "admin": {"socket": "admin.sock"},
    }


def _addresses(sites):
    if isinstance(sites, Sites):
        return {site: sites.addresses(site) for site in sites.names}
    return sites


def web_config(sites, **service):
    """One http listener to the service "web" at these sites (a Sites, or {site: [address]}), two workers."""
    check = {"type": "http", "path": "/healthz", "interval": "300ms", "fast_interval": "50ms",
             "timeout": "1s", "rise": 1, "fall": 2}
    return _base(_addresses(sites), service, check)


def tcp_config(sites, **service):
    """The same with a tcp listener and tcp checks."""
    check = {"type": "tcp", "interval": "300ms", "fast_interval": "50ms", "timeout": "1s", "rise": 1,
             "fall": 2}
    config = _base(_addresses(sites), service, check)
    config["listeners"]["web"]["protocol"] = "tcp"
    return config
