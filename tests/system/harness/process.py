"""A child process that never outlives its test: ended by its own pid, or by the kernel with the test."""
import ctypes
import os
import signal
import subprocess

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Process:
    """Runs from the main thread (its end is the child's, too); output goes to files in `directory`."""

    def __init__(self, scope, command, directory, name, environment=None):
        self.name = name
        self.stdout_path = os.path.join(directory, name + ".stdout")
        self.stderr_path = os.path.join(directory, name + ".stderr")
        for path in (self.stdout_path, self.stderr_path):
            if path not in scope.logs:
                scope.logs.append(path)
        with open(self.stdout_path, "ab") as out, open(self.stderr_path, "ab") as err:
            self.popen = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=directory,
                env=dict(os.environ, **(environment or {})), preexec_fn=_die_with_parent)
        scope.callback(self.kill)

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def kill(self):
        if self.running():
            self.signal(signal.SIGKILL)
        self.popen.wait()

    def wait(self, seconds):
        """The exit status; fails if the process takes longer."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError("%s had not ended after %g s" % (self.name, seconds)) from None

    def stdout(self):
        return _read(self.stdout_path)

    def stderr(self):
        return _read(self.stderr_path)

    def resident_bytes(self):
        for line in _read("/proc/%d/status" % self.pid).splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("%s has no resident memory: it has ended" % self.name)


def _read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
