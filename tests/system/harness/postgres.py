"""PostgreSQL servers of a test's own: a primary from initdb or from a template, standbys by streaming; statements by
psql; and writers that remember what was acknowledged to them."""
import glob
import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

from .base import wait_until
from .ports import free_port
from .process import Process

USER = "postgres"


def tool(name):
    """PostgreSQL's own directory first: Debian keeps servers out of PATH. None: it is not installed."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/" + name), key=lambda path: int(path.split("/")[4]))
    return found[-1] if found else shutil.which(name)


HAS_SERVER = tool("postgres") is not None


def as_nobody():
    """What runs a program as somebody else than root, whom PostgreSQL refuses."""
    if os.getuid() != 0:
        return []
    nobody = pwd.getpwnam("nobody")
    return ["setpriv", "--reuid=%d" % nobody.pw_uid, "--regid=%d" % nobody.pw_gid, "--clear-groups",
            "--pdeathsig", "KILL"]


def _children(pid):
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path, encoding="ascii", errors="replace") as file:
                text = file.read()
        except OSError:
            continue
        if int(text.rpartition(")")[2].split()[1]) == pid:
            found.append(int(text.split()[0]))
    return found


class Postgres:
    """One server, which says its name as cluster_name; `settings` are given to it at each start."""

    def __init__(self, scope, name, follow=None, template=None, settings=(), listen="127.0.0.1"):
        self.scope, self.name, self.port = scope, name, free_port()
        self.address = "127.0.0.1:%d" % self.port
        self.settings = list(settings)
        self.listen = listen
        os.chmod(scope.directory, 0o711)
        self.home = scope.make_directory("postgres-" + name)
        os.chmod(self.home, 0o711)
        if os.getuid() == 0:
            shutil.chown(self.home, "nobody")
        self.directory = os.path.join(self.home, "data")
        if template is not None:
            subprocess.run(["cp", "-a", template, self.directory], check=True)
        elif follow is not None:
            self.copy(follow)
        else:
            self.run("initdb", "-D", self.directory, "-U", USER, "-A", "trust", "--no-sync", "--locale=C")
        self.process = None
        self.start()

    def run(self, program, *arguments):
        done = subprocess.run(as_nobody() + [tool(program), *arguments], capture_output=True, encoding="utf-8",
                              timeout=60, cwd=self.home, check=False)
        if done.returncode != 0:
            raise AssertionError("%s: %s" % (program, done.stderr))

    def copy(self, primary):
        """Becomes a standby of `primary`, with nothing of its own left."""
        shutil.rmtree(self.directory, ignore_errors=True)
        self.run("pg_basebackup", "-R", "-D", self.directory, "-h", "127.0.0.1", "-p", str(primary.port), "-U", USER,
                 "-X", "stream", "-c", "fast", "--no-sync")

    def start(self):
        command = [tool("postgres"), "-D", self.directory, "-p", str(self.port), "-k", ""]
        for setting in ("listen_addresses=" + self.listen, "fsync=off", "cluster_name=" + self.name,
                        "shared_buffers=16MB", "max_connections=60", *self.settings):
            command += ["-c", setting]
        self.process = Process(self.scope, as_nobody() + command, self.home, "postgres-" + self.name, {"LC_ALL": "C"})
        wait_until(lambda: self.answers("SELECT 1") == "1", self.name + " answers", 30)

    def kill(self):
        """SIGKILL to the server and all its processes, each of which leads a session of its own."""
        processes = [self.process.pid, *_children(self.process.pid)]
        for pid in processes:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait(10)

    def ask(self, statement, port=None, user=USER, password="", host="127.0.0.1"):
        """(status, text or error) of one statement by psql."""
        done = subprocess.run(
            [tool("psql"), "-X", "-At", "-q", "-h", host, "-p", str(port or self.port), "-U", user, "-d", "postgres",
             "-c", statement], capture_output=True, encoding="utf-8", timeout=60, check=False,
            env={**os.environ, "PGPASSWORD": password, "PGCONNECT_TIMEOUT": "10"})
        return done.returncode, (done.stdout if done.returncode == 0 else done.stderr).strip()

    def answers(self, statement, port=None):
        status, text = self.ask(statement, port)
        return text if status == 0 else None

    def must(self, statement):
        status, text = self.ask(statement)
        if status != 0:
            raise AssertionError("%s: %s: %s" % (self.name, statement, text))
        return text


def bench(address, *arguments):
    """A pgbench that runs."""
    return subprocess.Popen([tool("pgbench"), "-h", address[0], "-p", str(address[1]), "-U", USER, *arguments,
                             "postgres"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


class _Session:
    """One connection that speaks as much of the protocol (version 3) as a statement needs."""

    def __init__(self, address, seconds):
        self.socket = socket.create_connection(address, seconds)
        self.socket.settimeout(seconds)
        body = struct.pack("!i", 196608) + b"user\0%s\0database\0postgres\0\0" % USER.encode()
        self.socket.sendall(struct.pack("!i", len(body) + 4) + body)
        self._until_ready()

    def _read(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise ConnectionError("the server has closed")
            data += more
        return data

    def _until_ready(self):
        error = None
        while True:
            kind, length = struct.unpack("!ci", self._read(5))
            body = self._read(length - 4)
            if kind == b"E":
                error = body
            if kind == b"Z" or (kind == b"E" and body.startswith(b"SFATAL")):
                break
        if error:
            raise ConnectionError(error.decode(errors="replace"))

    def run(self, statement):
        body = statement.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack("!i", len(body) + 4) + body)
        self._until_ready()

    def close(self):
        self.socket.close()


class Writers:
    """Clients that insert (writer, number) into `ledger`, each number once and on a connection of its own, until they
    are told to stop: which were acknowledged, which failed, and when each was sent."""

    def __init__(self, scope, address, count=4):
        self.address, self.lock = address, threading.Lock()
        self.sent, self.acknowledged, self.failed = {}, set(), {}
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._write, args=(index,), daemon=True) for index in range(count)]
        scope.callback(self.stop)
        for thread in self.threads:
            thread.start()

    def _write(self, index):
        number = 0
        while not self.stopping.is_set():
            number += 1
            key = (index, number)
            with self.lock:
                self.sent[key] = time.monotonic()
            session = None
            try:
                session = _Session(self.address, 60)
                session.run("INSERT INTO ledger VALUES (%d, %d)" % key)
                with self.lock:
                    self.acknowledged.add(key)
            except OSError as error:
                with self.lock:
                    self.failed[key] = str(error)
                self.stopping.wait(0.02)
            finally:
                if session:
                    session.close()

    def count(self):
        with self.lock:
            return len(self.acknowledged)

    def wait_for_more(self, count=20, seconds=30):
        goal = self.count() + count
        wait_until(lambda: self.count() >= goal, "%d more writes are acknowledged" % count, seconds)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(90)


def ledger(server):
    """What a server has of it."""
    rows = server.must("SELECT writer, number FROM ledger").splitlines()
    return {tuple(int(part) for part in row.split("|")) for row in rows}
