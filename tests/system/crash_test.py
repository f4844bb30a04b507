"""Meridian is killed before each system call by which a move becomes durable, and started again: the same site is
active, or the move is complete; an epoch never has two sites."""
import collections
import http.client
import os
import subprocess
import unittest

from harness import Meridian, SystemTest, main, recovery_config, recovery_sites, wait_until
from harness.process import Process

# A save opens a temporary, writes and syncs it, renames it, opens the directory and syncs that.
CALLS = (("openat", 1), ("write", 1), ("fsync", 1), ("rename", 1), ("openat", 2), ("fsync", 2))
RENAME = 4
BEFORE, AFTER = ("atlanta", 1), ("dallas", 2)


class Victim:
    """An instance that dies on entering the `step`-th of those calls (from 1); past the last of them it lives."""

    def __init__(self, scope, sites, step):
        self.step = step
        config = recovery_config(sites, failover={"after": "500ms", "cooldown": "0s", "switch_hold": "5s"})
        config["process"]["workers"] = 1
        self.meridian = Meridian(scope, config, "step-%d" % step)
        self.tracer = None

    def doom(self, scope):
        if self.step > len(CALLS):
            return
        call, number = CALLS[self.step - 1]
        record = os.path.join(self.meridian.directory, "state", "failover")
        pid = self.meridian.process.pid
        self.tracer = Process(scope, [
            "strace", "-qq", "-p", str(pid), "-o", "/dev/null", "-P", record, "-P", record + "/db.new",
            "-e", "trace=" + call, "-e", "inject=%s:signal=SIGKILL:when=%d" % (call, number)],
            self.meridian.directory, "strace")

        def traced():
            with open("/proc/%d/status" % pid, encoding="utf-8") as status:
                return "\nTracerPid:\t%d\n" % self.tracer.pid in status.read()
        wait_until(traced, "strace has taken hold (%s)" % self.tracer.stderr())

    def dead(self):
        return not self.meridian.process.running()

    def active(self):
        """(site, epoch) as it says."""
        state = self.meridian.read("/v1/services/db")["recovery"]
        return state["active"], state["epoch"]

    def write(self):
        """A request that only this instance makes; the sites take it down."""
        connection = http.client.HTTPConnection(*self.meridian.address(), timeout=10)
        try:
            connection.request("POST", "/step-%d" % self.step, b"x")
            return connection.getresponse().status
        finally:
            connection.close()


class Crash(SystemTest):
    @classmethod
    def start(cls):
        if subprocess.run(["strace", "-qq", "-e", "trace=none", "true"], check=False).returncode != 0:
            raise unittest.SkipTest("strace may not trace here")

    def setUp(self):
        super().setUp()
        self.sites = recovery_sites(self.scope)
        self.victims = [Victim(self.scope, self.sites, step) for step in range(1, len(CALLS) + 2)]
        for victim in self.victims:
            def known(victim=victim):
                gates = victim.meridian.read("/v1/services/db")["recovery"]["gates"]
                return all(gate["open"] for gate in gates) and victim.write() == 200
            wait_until(known, "step %d is ready to move" % victim.step, 20)
            victim.doom(self.scope)

    def wait_struck(self):
        """Until each has died at its step, or, past the last one, has moved."""
        for victim in self.victims[:-1]:
            wait_until(victim.dead, "it dies at step %d" % victim.step, 20)
        wait_until(lambda: self.victims[-1].active() == AFTER, "it lives and moves", 20)

    def restart(self):
        for victim in self.victims[:-1]:
            victim.meridian.start()

    def lose_atlanta(self):
        self.sites["atlanta"].kill()
        for site in self.sites.values():
            site.status["source_connected"] = False

    def check_one_site_in_each_epoch(self):
        places = collections.defaultdict(set)
        for name, site in self.sites.items():
            for path, epochs in zip(site.paths, site.epochs):
                places[path, tuple(epochs)].add(name)
        for key, names in places.items():
            self.assertEqual(len(names), 1, (key, names))

    def test_a_failover_is_completed_after_a_crash_at_any_step(self):
        self.lose_atlanta()
        self.wait_struck()
        self.restart()
        for victim in self.victims:
            wait_until(lambda victim=victim: victim.active() == AFTER and victim.write() == 200,
                       "the move of step %d is complete" % victim.step, 20)
        self.assertEqual(self.sites["dallas"].epochs[-1], ["2"])
        self.check_one_site_in_each_epoch()

    def test_a_primary_that_is_back_before_the_restart_is_active_or_it_is_not(self):
        self.lose_atlanta()
        self.wait_struck()
        self.sites["atlanta"].start()
        for site in self.sites.values():
            site.status["source_connected"] = True
        self.restart()
        self.check_settled()

    def test_a_planned_switch_is_done_or_it_is_not(self):
        for victim in self.victims:
            victim.meridian.api("POST", "/v1/services/db/failover", {"to": "dallas"})
        self.wait_struck()
        self.restart()
        self.check_settled()

    def check_settled(self):
        """Where the rename was reached the move is done; elsewhere nothing has happened."""
        for victim in self.victims:
            expected = BEFORE if victim.step <= RENAME else AFTER
            self.assertEqual(victim.active(), expected, victim.step)
            wait_until(lambda victim=victim: victim.write() == 200, "step %d serves" % victim.step, 20)
            self.assertEqual(victim.active(), expected, victim.step)
            self.assertIn("/step-%d" % victim.step, self.sites[expected[0]].paths)
        self.check_one_site_in_each_epoch()


if __name__ == "__main__":
    main()
