"""A site's network swallows every packet: real TCP, in a network namespace of the test's own, by nftables."""
import ctypes
import os
import subprocess
import time
import unittest

from harness import PLACES, Connection, Crowd, Meridian, Sites, SystemTest, main, wait_until, web_config

ATLANTA = PLACES["atlanta"].client
_CLONE_NEWNET = 0x40000000


def _run(*command):
    subprocess.run(command, check=True, capture_output=True)


class BlackHole(SystemTest):
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
        self.sites = Sites(self.scope)
        self.addCleanup(_run, "nft", "flush chain inet meridian swallow")

    def swallow(self, site):
        for address in self.sites.addresses(site):
            _run("nft", "add rule inet meridian swallow tcp dport %s drop" % address.rsplit(":", 1)[1])

    def test_a_request_on_a_pooled_connection_does_not_wait_for_the_response_timeout(self):
        config = web_config(self.sites, health_check="none", timeouts={"connect": "30s", "response": "60s"})
        meridian = Meridian(self.scope, config)
        with Connection(meridian.address(), ATLANTA) as connection:
            for _ in range(4):
                self.assertEqual(connection.request().site, "atlanta")
            self.swallow("atlanta")
            began = time.monotonic()
            response = connection.request()
            self.assertEqual((response.status, response.site), (200, "dallas"))
            self.assertLess(time.monotonic() - began, 5)

    def test_no_request_fails_while_a_site_is_swallowed_under_load(self):
        meridian = Meridian(self.scope, web_config(self.sites, timeouts={"connect": "30s", "response": "60s"}))
        with Crowd(meridian.address(), ATLANTA, clients=8) as crowd:
            wait_until(lambda: crowd.count("atlanta") >= 400, "the nearest site answers")
            self.swallow("atlanta")
            wait_until(lambda: crowd.count("dallas") >= 400, "the next site answers")
            meridian.wait_site("atlanta", "down")
            crowd.stop()
            self.assertEqual(crowd.failures, [])


if __name__ == "__main__":
    main()
