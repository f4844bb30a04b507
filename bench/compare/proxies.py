"""The proxies that are compared, each with the configuration that comes closest to the others', and the backend
behind all of them."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NAMES = ('meridian', 'haproxy', 'nginx', 'nghttpx')
NGINX_STREAM = '/usr/lib/nginx/modules/ngx_stream_module.so'
READY_SECONDS = 20


class Unavailable(Exception):
    """A proxy that cannot take part, and why."""


def free_ports(count):
    """Distinct ports that nothing listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(('127.0.0.1', 0))
        return [each.getsockname()[1] for each in sockets]


def end(process):
    """Ends one process that we started, by its pid."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Backend:
    """One backend process with two listeners, as the two endpoints of the service."""

    def __init__(self, binary, mode, body=128):
        udp = os.path.join(os.path.dirname(binary), 'udp')
        mode = 'http' if mode in ('http2', 'tcp') else mode
        command = [udp, 'backend'] if mode == 'udp' else [binary, mode, '--body', str(body)]
        self.process = subprocess.Popen(command + ['--listeners', '2'], stdout=subprocess.PIPE, text=True)
        self.ports = [int(self.process.stdout.readline()) for _ in range(2)]

    def close(self):
        end(self.process)
        self.process.stdout.close()


def make_certificate(folder):
    """One self-signed ECDSA certificate: (certificate, key, both in one file)."""
    certificate, key, both = (os.path.join(folder, name) for name in ('bench.pem', 'bench.key', 'both.pem'))
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                    '-keyout', key, '-out', certificate, '-days', '30', '-subj', '/CN=bench.example',
                    '-addext', 'subjectAltName=DNS:bench.example'], check=True, capture_output=True)
    with open(both, 'w', encoding='ascii') as file:
        for path in (certificate, key):
            with open(path, encoding='ascii') as part:
                file.write(part.read())
    return certificate, key, both


# --- The proxies: each writes its configuration and says how it is started. -------------------------------------------

def meridian_command(mode, port, backends, folder, tls):
    binary = os.environ.get('MERIDIAN', os.path.join(ROOT, 'build/release/meridian'))
    if not os.access(binary, os.X_OK):
        raise Unavailable(f'{binary} is not built: cmake --build build/release --target meridian')
    protocol = {'echo': 'tcp', 'tcp': 'tcp', 'udp': 'udp'}.get(mode, 'http')
    idle = ', timeouts: {idle: 1s}' if mode == 'udp' else ''
    secure = f', tls: {{certificates: [{{certificate: {tls[0]}, key: {tls[1]}}}]}}' if tls else ''
    path = os.path.join(folder, 'meridian.yaml')
    endpoints = ', '.join(f'"127.0.0.1:{backend}"' for backend in backends)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(f'''\
process: {{workers: 1, state_directory: {folder}, drain_timeout: 1s}}
log: {{level: warn, access: {{path: off}}}}
admin: {{socket: {folder}/admin.sock}}
regions:
  here:
    sites:
      bench:
        latitude: 0
        longitude: 0
        services: {{service: [{endpoints}]}}
services:
  service: {{steering: nearest, balance: least-connections, session: {{by: none}}{idle}}}
listeners:
  front: {{bind: "127.0.0.1:{port}", protocol: {protocol}, service: service{secure}}}
''')
    return [binary, 'run', '-c', path]


def haproxy_command(mode, port, backends, folder, tls):
    binary = shutil.which('haproxy', path=os.environ['PATH'] + ':/usr/sbin')
    if binary is None:
        raise Unavailable('haproxy is not installed: packaging/deps bench')
    is_tcp = mode in ('echo', 'tcp')
    headers = '''\
  option forwardfor
  http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
''' if not is_tcp else ''
    servers = ''.join(f'  server s{backend} 127.0.0.1:{backend}\n' for backend in backends)
    # Splicing as it is best: pipes that hold as much as a socket's buffer.
    pipes = '\n  tune.pipesize 1048576\n  maxpipes 256' if is_tcp else ''
    path = os.path.join(folder, 'haproxy.cfg')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(f'''\
global
  nbthread 1
  maxconn 9000{pipes}
defaults
  mode {'tcp' if is_tcp else 'http'}
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  {'option splice-auto' if is_tcp else 'http-reuse always'}
listen front
  bind 127.0.0.1:{port}{' proto h2' if mode == 'http2' else ''}{f' ssl crt {tls[2]} alpn http/1.1' if tls else ''}
  balance leastconn
{headers}{servers}''')
    return [binary, '-db', '-q', '-f', path]


def nginx_command(mode, port, backends, folder, tls):
    binary = shutil.which('nginx', path=os.environ['PATH'] + ':/usr/sbin')
    if binary is None:
        raise Unavailable('nginx is not installed: packaging/deps bench')
    servers = ' '.join(f'server 127.0.0.1:{backend};' for backend in backends)
    files = f'ssl_certificate {tls[0]}; ssl_certificate_key {tls[1]}' if tls else ''
    secure = f' ssl; {files}; ssl_protocols TLSv1.2 TLSv1.3' if tls else ''
    if mode not in ('echo', 'tcp', 'udp'):
        load = ''
        http2, idle = (' http2', 512) if mode == 'http2' else ('', 64)
        body = f'''http {{
  access_log off;
  keepalive_requests 100000000;
  upstream service {{ least_conn; {servers} keepalive {idle}; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port}{secure}{http2};
    location / {{
      proxy_pass http://service;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $host;
    }}
  }}
}}'''
    else:
        if not os.path.exists(NGINX_STREAM):
            raise Unavailable('nginx has no stream module here: packaging/deps bench')
        load = f'load_module {NGINX_STREAM};'
        udp, more = (' udp', 'proxy_timeout 1s') if mode == 'udp' else ('', 'tcp_nodelay on')
        body = f'''stream {{
  upstream service {{ least_conn; {servers} }}
  server {{ listen 127.0.0.1:{port}{udp}; proxy_pass service; {more}; }}
}}'''
    path = os.path.join(folder, 'nginx.conf')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(f'''\
{load}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 18000; }}
{body}
''')
    return [binary, '-p', folder, '-e', 'stderr', '-c', path]


def nghttpx_command(_, port, backends, folder, __):
    binary = shutil.which('nghttpx', path=os.environ['PATH'] + ':/usr/sbin')
    if binary is None:
        raise Unavailable('nghttpx is not installed: packaging/deps bench')
    path = os.path.join(folder, 'nghttpx.conf')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(f'frontend=127.0.0.1,{port};no-tls\n'
                   + ''.join(f'backend=127.0.0.1,{backend}\n' for backend in backends)
                   + 'workers=1\nsingle-process=yes\nadd-x-forwarded-for=yes\nbackend-connections-per-host=512\n'
                   + 'accesslog-file=/dev/null\nerrorlog-file=/dev/null\n')
    return [binary, '--conf', path]


COMMANDS = {'nghttpx': nghttpx_command, 'meridian': meridian_command, 'haproxy': haproxy_command, 'nginx': nginx_command}


class Proxy:
    """One proxy in front of the backends, ready when its port accepts."""

    def __init__(self, name, mode, backends, tls=False):
        self.name = name
        self.mode = mode
        self.process = None
        self.folder = tempfile.mkdtemp(prefix=f'bench-{name}-')
        os.chmod(self.folder, 0o755)
        self.port = free_ports(1)[0]
        try:
            files = make_certificate(self.folder) if tls else None
            command = COMMANDS[name](mode, self.port, backends, self.folder, files)
            with open(os.path.join(self.folder, 'output'), 'wb') as output:
                self.process = subprocess.Popen(command, stdout=output, stderr=output, cwd=self.folder)
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise

    def _wait_until_ready(self):
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                return self._ask()
            except OSError:
                time.sleep(0.05)
        with open(os.path.join(self.folder, 'output'), encoding='utf-8', errors='replace') as output:
            raise Unavailable(f'{self.name} did not start: {output.read(2000).strip() or "no output"}')

    def _ask(self):
        if self.mode != 'udp':
            return socket.create_connection(('127.0.0.1', self.port), 1).close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.2)
            client.connect(('127.0.0.1', self.port))
            client.send(b'ready?')
            client.recv(100)

    def pids(self):
        """The process and its children, theirs too."""
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            for task in os.listdir(f'/proc/{pid}/task'):
                with contextlib.suppress(OSError), open(f'/proc/{pid}/task/{task}/children', encoding='ascii') as file:
                    todo += [int(child) for child in file.read().split()]
        return found

    def cpu_seconds(self):
        """User and system time of all its threads: by schedstat to the nanosecond, else by stat to the tick."""
        return sum(processor_time(pid) for pid in self.pids())

    def close(self):
        if self.process is not None:
            end(self.process)
        shutil.rmtree(self.folder, ignore_errors=True)


def processor_time(pid):
    total = 0.0
    try:
        for task in os.listdir(f'/proc/{pid}/task'):
            with open(f'/proc/{pid}/task/{task}/schedstat', encoding='ascii') as file:
                total += int(file.read().split()[0]) / 1e9
    except (OSError, IndexError):
        with open(f'/proc/{pid}/stat', encoding='ascii') as file:
            fields = file.read().rpartition(')')[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
    return total


def version_of(name):
    commands = {'meridian': [os.environ.get('MERIDIAN', os.path.join(ROOT, 'build/release/meridian')), '--version'],
                'haproxy': ['haproxy', '-v'], 'nginx': ['nginx', '-v'], 'nghttpx': ['nghttpx', '-v']}
    environment = dict(os.environ, PATH=os.environ['PATH'] + ':/usr/sbin')
    try:
        done = subprocess.run(commands[name], capture_output=True, text=True, env=environment, timeout=5, check=False)
    except OSError:
        return ''
    words = (done.stdout + done.stderr).replace('/', ' ').split()
    return next((word for word in words if word[:1].isdigit()), '')
