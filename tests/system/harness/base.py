"""The frame of every system test: scopes that end what they started, waits with a bound, logs shown
when a test fails, and the runner that ctest calls with the name of one class.
"""
import contextlib
import os
import shutil
import sys
import tempfile
import threading
import time
import unittest

_SKIPPED = 77  # what CMakeLists.txt tells ctest
_FULL = os.environ.get("MERIDIAN_FULL") == "1"
_LOG_BYTES = 4000


def wait_until(condition, what, seconds=10.0):
    """Asks until condition() is true and returns that; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError("in %g s it did not come that %s" % (seconds, what))
        time.sleep(0.01)


def python_thread(target, *arguments):
    """A started thread that does not hold up the end of the process."""
    thread = threading.Thread(target=target, args=arguments, daemon=True)
    thread.start()
    return thread


class Scope(contextlib.ExitStack):
    """What a class or a test started: a directory, processes, servers. All end with it, newest first."""

    def __init__(self):
        super().__init__()
        self.directory = tempfile.mkdtemp(prefix="meridian-system-")
        self.callback(shutil.rmtree, self.directory, ignore_errors=True)
        self.logs = []  # paths

    def make_directory(self, name):
        path = tempfile.mkdtemp(prefix=name + "-", dir=self.directory)
        return path

    def show_logs(self):
        for path in self.logs:
            with contextlib.suppress(OSError), open(path, "rb") as log:
                log.seek(0, os.SEEK_END)
                log.seek(max(0, log.tell() - _LOG_BYTES))
                text = log.read().decode(errors="replace").rstrip()
                if text:
                    print("--- %s\n%s" % (path, text), file=sys.stderr)


class SystemTest(unittest.TestCase):
    """Has a scope of its own (self.scope) and one of its class (cls.shared), for what is costly to start."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.shared = Scope()
        cls.addClassCleanup(cls.shared.close)
        try:
            cls.start()
        except BaseException:
            cls.shared.show_logs()
            raise

    @classmethod
    def start(cls):
        """What all tests of the class use; for classes to fill."""

    def setUp(self):
        self.scope = Scope()
        self.addCleanup(self.scope.close)

    def show_logs(self):
        for scope in (self.shared, getattr(self, "scope", None)):
            if scope:
                scope.show_logs()


class _Result(unittest.TextTestResult):
    def startTest(self, test):
        self._began = time.monotonic()
        super().startTest(test)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.stream.writeln("    %.2f s" % (time.monotonic() - self._began))

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._show(test)

    def addError(self, test, error):
        super().addError(test, error)
        self._show(test)

    @staticmethod
    def _show(test):
        if isinstance(test, SystemTest):
            test.show_logs()


def main():
    """Runs the classes (or Class.test_method) named on the command line; all of the file without names."""
    if not os.environ.get("MERIDIAN_BINARY"):
        sys.exit("MERIDIAN_BINARY must name the binary to test (see tests/system/README.md)")
    module = sys.modules["__main__"]
    names = [name for name in sys.argv[1:] if not name.startswith("-")]
    loader = unittest.defaultTestLoader
    suite = loader.loadTestsFromNames(names, module) if names else loader.loadTestsFromModule(module)
    result = unittest.TextTestRunner(verbosity=2, resultclass=_Result).run(suite)
    if not result.wasSuccessful():
        sys.exit(1)
    if result.skipped and _FULL:
        sys.exit("the full run allows no skipped test")
    sys.exit(_SKIPPED if result.skipped and len(result.skipped) >= result.testsRun else 0)
