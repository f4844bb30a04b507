"""The binary under test: one running instance with its configuration and admin socket, and its commands."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess

from .base import wait_until
from .process import Process

BINARY = os.path.abspath(os.environ.get("MERIDIAN_BINARY") or "build/release/meridian")


def run_meridian(*arguments, seconds=30, environment=None):
    """A command to its end: .returncode, .stdout, .stderr (text)."""
    inherited = {name: value for name, value in os.environ.items() if name != "MERIDIAN_SOCKET"}
    return subprocess.run([BINARY, *arguments], capture_output=True, encoding="utf-8", timeout=seconds,
                          stdin=subprocess.DEVNULL, env={**inherited, **(environment or {})}, check=False)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Meridian:
    """`config` is a dict in the shape of conf/example.yaml, written as JSON (which is YAML), or text as it stands."""

    def __init__(self, scope, config, name="meridian", start=True):
        self.scope = scope
        self.name = name
        self.directory = scope.make_directory(name)
        self.config_path = os.path.join(self.directory, "meridian.yaml")
        self.socket_path = os.path.join(self.directory, "admin.sock")
        self.process = None
        self.write(config)
        if start:
            self.start()

    def write(self, config):
        self.config = config
        text = config if isinstance(config, str) else json.dumps(config, indent=1)
        with open(self.config_path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(self.config_path + ".new", self.config_path)
        return text

    def start(self, wait=True):
        self.process = Process(self.scope, [BINARY, "run", "-c", self.config_path], self.directory, self.name)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        def ready():
            if not self.process.running():
                raise AssertionError("meridian ended with status %d:\n%s" %
                                     (self.process.popen.returncode, self.process.stderr()))
            try:
                return self.api("GET", "/readyz")[0] == 200
            except OSError:
                return False
        wait_until(ready, "meridian is ready", 15)

    # ---- what an operator does

    def api(self, method, path, body=None, headers=None):
        """(status, JSON or text) from the admin socket."""
        connection = _UnixConnection(self.socket_path)
        try:
            data = json.dumps(body) if body is not None else None
            connection.request(method, path, data, headers or {})
            response = connection.getresponse()
            text = response.read().decode()
            is_json = response.headers.get_content_type() == "application/json"
            return response.status, json.loads(text) if is_json else text
        finally:
            connection.close()

    def read(self, path):
        status, value = self.api("GET", path)
        if status != 200:
            raise AssertionError("GET %s: %d %s" % (path, status, value))
        return value

    def cli(self, *arguments, **options):
        return run_meridian(*arguments, "--socket", self.socket_path, **options)

    def reload(self, config=None, force=False):
        """The answer of POST /v1/reload, whether accepted or not."""
        if config is not None:
            self.write(config)
        return self.api("POST", "/v1/reload" + ("?force=true" if force else ""))[1]

    def generation(self):
        return self.read("/v1/status")["generation"]

    def site_state(self, site):
        return self.read("/v1/sites/" + site)["state"]

    def wait_site(self, site, state, seconds=10):
        wait_until(lambda: self.site_state(site) == state, "site %s is %s" % (site, state), seconds)

    def endpoint_states(self, site, service="web"):
        endpoints = self.read("/v1/sites/" + site)["services"][service]["endpoints"]
        return {endpoint["address"]: endpoint["state"] for endpoint in endpoints}

    def metrics(self):
        """name{labels} as it stands in the exposition -> value."""
        text = self.read("/metrics")
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines}

    def metric(self, name, /, **labels):
        """The sum of a family's samples that carry all of these labels."""
        total = 0.0
        for key, value in self.metrics().items():
            if key.split("{", 1)[0] == name and all('%s="%s"' % pair in key for pair in labels.items()):
                total += value
        return total

    def terminate(self, seconds=15):
        self.process.signal(signal.SIGTERM)
        return self.process.wait(seconds)

    # ---- what a client needs

    def address(self, listener="web"):
        """(host, port) as the running instance reports it."""
        for entry in self.read("/v1/status")["listeners"]:
            if entry["name"] == listener:
                host, port = entry["address"].rsplit(":", 1)
                return host.strip("[]"), int(port)
        raise AssertionError("there is no listener " + listener)

    def url(self, path="/", listener="web"):
        return "http://%s:%d%s" % (*self.address(listener), path)

    def printed_listeners(self):
        """[(name, protocol, address)] of the lines on standard output."""
        return re.findall(r"^listening (\S+) (\S+) (\S+)$", self.process.stdout(), re.MULTILINE)
