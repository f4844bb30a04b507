"""Peers from npm (tests/system/node): where packaging/deps put their packages, and how one is run."""
import json
import os
import shutil
import subprocess

from .base import wait_until
from .process import Process

_HERE = os.path.dirname(os.path.abspath(__file__))
_SCRIPTS = os.path.join(_HERE, "../node")
_PACKAGES = os.environ.get("MERIDIAN_NODE_MODULES") or os.path.join(_HERE, "../../../build/node/node_modules")
_NODE = shutil.which("node")
CHROMIUM = os.environ.get("MERIDIAN_CHROMIUM") or shutil.which("chromium")
HAVE_NODE = bool(_NODE) and os.path.isdir(_PACKAGES)
MISSING = "node or its packages are not installed (packaging/deps test)"


def _environment():
    return {"NODE_PATH": os.path.abspath(_PACKAGES), "NODE_NO_WARNINGS": "1"}


def run_node(script, *arguments, seconds=60):
    """What the script printed, which is JSON."""
    command = [_NODE, os.path.join(_SCRIPTS, script), *arguments]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=seconds, check=False,
                          stdin=subprocess.DEVNULL, env=dict(os.environ, **_environment()))
    if done.returncode != 0:
        raise AssertionError("%s ended with %d: %s" % (script, done.returncode, done.stderr))
    return json.loads(done.stdout)


class NodeServer:
    """A script that prints its port first."""

    def __init__(self, scope, script, *arguments):
        self.process = Process(scope, [_NODE, os.path.join(_SCRIPTS, script), *arguments], scope.directory,
                               "node-" + script, _environment())
        wait_until(lambda: self.process.stdout().endswith("\n"), "%s has its port" % script, 20)
        self.address = "127.0.0.1:" + self.process.stdout().split()[0]
