"""A network of a test's own, in which nftables drops or rejects what arrives. Needs root."""
import ctypes
import os
import subprocess
import unittest

from .base import SystemTest

_CLONE_NEWNET = 0x40000000


def _run(*command):
    subprocess.run(command, check=True, capture_output=True)


class Network(SystemTest):
    """In a network of its own, where what arrives can be dropped or rejected."""

    @classmethod
    def start(cls):
        super().start()
        if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
            raise unittest.SkipTest("needs a network namespace: " + os.strerror(ctypes.get_errno()))
        _run("ip", "link", "set", "lo", "up")
        _run("nft", "add table inet meridian")
        _run("nft", "add chain inet meridian swallow { type filter hook input priority 0; }")

    def setUp(self):
        super().setUp()
        self.addCleanup(self.heal)

    @staticmethod
    def heal():
        _run("nft", "flush chain inet meridian swallow")

    @staticmethod
    def rule(text):
        _run("nft", "add rule inet meridian swallow " + text)
