"""A site with disaster recovery as far as Meridian sees it, and the configuration of three."""
import http.server
import json
import threading

from .ports import free_port
from .sites import PLACES

STANDBYS = ("dallas", "san-jose")


class RecoverySite:
    """One server: /healthz, /replication as `status` says, and an answer that repeats the epoch it was given."""

    def __init__(self, scope, name, **status):
        self.name, self.status, self.port = name, status, free_port()
        self.epochs = []  # of requests, as received
        self.paths = []  # of the same requests
        self.server = None
        scope.callback(self.kill)
        self.start()

    def start(self):
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.path == "/replication":
                    body = json.dumps(site.status).encode()
                elif self.path == "/healthz":
                    body = b"ok"
                else:
                    site.epochs.append(self.headers.get_all("Meridian-Epoch", []))
                    site.paths.append(self.path)
                    body = site.name.encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def __init__(self, *arguments):
                self.open = set()
                super().__init__(*arguments)

            def process_request(self, request, address):
                self.open.add(request)
                super().process_request(request, address)

            def shutdown_request(self, request):
                self.open.discard(request)
                super().shutdown_request(request)

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def kill(self):
        server, self.server = self.server, None
        if server is None:
            return
        server.shutdown()
        server.server_close()
        for request in list(server.open):
            try:
                request.shutdown(2)
            except OSError:
                pass


def recovery_sites(scope):
    """Atlanta has the primary role, the other two follow it without lag."""
    sites = {"atlanta": RecoverySite(scope, "atlanta", role="primary", epoch=1)}
    for name in STANDBYS:
        sites[name] = RecoverySite(scope, name, role="standby", lag_seconds=0, backlog_bytes=0, epoch=1,
                                   source_connected=True)
    return sites


def recovery_config(sites, **service):
    """Two workers; the service "db" with disaster recovery over `sites`, atlanta being the primary."""
    regions = {}
    for name in sites:
        place = PLACES[name]
        regions[place.region] = {"sites": {name: {
            "latitude": place.latitude, "longitude": place.longitude,
            "services": {"db": ["127.0.0.1:%d" % sites[name].port]}}}}
    return {
        "process": {"workers": 2, "state_directory": "state"},
        "admin": {"socket": "admin.sock"},
        "health_checks": {"ready": {"type": "http", "path": "/healthz", "interval": "500ms",
                                    "fast_interval": "200ms", "timeout": "500ms", "rise": 1, "fall": 3}},
        "regions": regions,
        "services": {"db": {
            "mode": "disaster-recovery", "primary": "atlanta", "standby": ["dallas", "san-jose"],
            "health_check": "ready",
            "replication": {"check": {"path": "/replication", "interval": "400ms", "timeout": "400ms"},
                            "max_lag": "5s", "max_backlog": "1MiB"},
            "failover": {"after": "1s", "cooldown": "0s", "switch_hold": "5s"}, **service}},
        "listeners": {"web": {"bind": ["127.0.0.1:0"], "service": "db"}}}
