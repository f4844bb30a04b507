"""Disaster recovery of real databases: a PostgreSQL primary and two streaming standbys as three sites, clients that
write through Meridian, and a hook that promotes. What was acknowledged is never lost, and no two primaries are written
to."""
import json
import os
import re
import subprocess
import time
import unittest

from harness import PLACES, Meridian, SystemTest, main, wait_until
from harness.network import Network
from harness.postgres import HAS_SERVER, USER, Postgres, Writers, as_nobody, bench, ledger, tool

SITES = ("atlanta", "dallas", "san-jose")


class Trio:
    """The three servers, the hook, and Meridian before them."""

    def __init__(self, scope, max_lag="5s", synchronous="2", reached_at="127.0.0.1", **failover):
        self.scope, self.reached_at = scope, reached_at
        self.servers = {"atlanta": Postgres(scope, "atlanta", listen="127.0.0.1,127.0.0.2")}
        self.atlanta = self.servers["atlanta"]
        self.atlanta.must("CREATE TABLE ledger (writer int, number int, PRIMARY KEY (writer, number))")
        for name in SITES[1:]:
            self.servers[name] = Postgres(scope, name, follow=self.atlanta)
        self.dallas = self.servers["dallas"]
        if synchronous:
            self.atlanta.must("ALTER SYSTEM SET synchronous_standby_names = '%s (dallas, \"san-jose\")'" % synchronous)
            self.atlanta.must("SELECT pg_reload_conf()")
            count = "SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')"
            wait_until(lambda: self.atlanta.answers(count) == "2", "both standbys are synchronous", 20)
        self.hooks = scope.make_directory("hooks")
        self.write_hook()
        self.meridian = Meridian(scope, self.config(max_lag, failover))
        self.address = self.meridian.address("db")
        self.wait_ready()

    def write_hook(self):
        """Promotes the site that is to open; before a planned move it stops the one that is left."""
        ports = "".join("  %s) port=%d ;;\n" % (name, server.port) for name, server in self.servers.items())
        folders = "".join("  %s) data=%s ;;\n" % (name, server.directory) for name, server in self.servers.items())
        self.path = os.path.join(self.hooks, "promote")
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(
                "#!/bin/sh\n"
                "cat > %(hooks)s/event\n"
                "echo $MERIDIAN_FROM $MERIDIAN_TO $MERIDIAN_EPOCH $MERIDIAN_CAUSE >> %(hooks)s/asked\n"
                "if [ -e %(hooks)s/veto ]; then cat %(hooks)s/veto >&2; exit 1; fi\n"
                "case $MERIDIAN_TO in\n%(ports)sesac\ncase $MERIDIAN_FROM in\n%(folders)sesac\n"
                "if [ \"$MERIDIAN_PLANNED\" = yes ]; then %(nobody)s %(pg_ctl)s -D $data -m fast stop || exit 2; fi\n"
                "%(psql)s -h 127.0.0.1 -p $port -U %(user)s -d postgres -XAtqc \"SELECT CASE WHEN pg_is_in_recovery() "
                "THEN pg_promote(true, 20) ELSE true END\" | grep -qx t\n"
                % {"hooks": self.hooks, "ports": ports, "folders": folders, "nobody": " ".join(as_nobody()),
                   "pg_ctl": tool("pg_ctl"), "psql": tool("psql"), "user": USER})
        os.chmod(self.path, 0o755)

    def config(self, max_lag, failover):
        regions = {}
        for name, server in self.servers.items():
            place = PLACES[name]
            host = self.reached_at if name == "atlanta" else "127.0.0.1"
            regions[place.region] = {"sites": {name: {"latitude": place.latitude, "longitude": place.longitude,
                                                      "services": {"db": ["%s:%d" % (host, server.port)]}}}}
        return {
            "process": {"workers": 1, "state_directory": os.path.join(self.scope.directory, "state")},
            "admin": {"socket": "admin.sock"},
            "health_checks": {"answers": {"type": "postgresql", "user": USER, "interval": "500ms",
                                          "fast_interval": "200ms", "timeout": "500ms", "rise": 1, "fall": 3}},
            "regions": regions,
            "services": {"db": {
                "mode": "disaster-recovery", "primary": "atlanta", "standby": ["dallas", "san-jose"],
                "health_check": "answers",
                "replication": {"check": {"type": "postgresql", "user": USER, "interval": "500ms", "timeout": "500ms"},
                                "max_lag": max_lag},
                "failover": {"after": "1s", "cooldown": "0s", "switch_hold": "40s", **failover}}},
            "hooks": {"promote": {"on_event": "failover/activation", "service": "db", "gate": True,
                                  "run": [self.path], "timeout": "30s"}},
            "listeners": {"db": {"bind": ["127.0.0.1:0"], "protocol": "tcp", "service": "db"}}}

    def recovery(self):
        return self.meridian.read("/v1/services/db")["recovery"]

    def replication(self, site):
        return {each["name"]: each["replication"] or {} for each in self.recovery()["sites"]}[site]

    def role(self, site):
        return self.replication(site).get("role")

    def wait_ready(self):
        wait_until(lambda: all(gate["open"] for gate in self.recovery()["gates"]) and self.role("atlanta") == "primary",
                   "both standbys could take over", 30)
        # A standby that is lost counts as far as it was seen to follow the primary that is known by now.
        told = {name: self.statuses(name) for name in SITES[1:]}
        wait_until(lambda: all(self.statuses(name) >= told[name] + 2 for name in told), "both are seen to follow it", 30)

    def statuses(self, site):
        return self.meridian.metric("meridian_replication_statuses_total", site=site)

    def wait_state(self, state, active=None, seconds=40):
        def reached():
            now = self.recovery()
            return now["state"] == state and active in (None, now["active"])
        wait_until(reached, "db is %s at %s" % (state, active or "any site"), seconds)

    def asked(self):
        try:
            with open(os.path.join(self.hooks, "asked"), encoding="utf-8") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def events(self):
        return self.meridian.read("/v1/events?follow=false")["events"]

    def veto(self, text):
        with open(os.path.join(self.hooks, "veto"), "w", encoding="utf-8") as file:
            file.write(text + "\n")

    def approve(self):
        os.remove(os.path.join(self.hooks, "veto"))


def processed(output):
    return int(re.search(r"transactions actually processed: (\d+)", output)[1])


@unittest.skipUnless(HAS_SERVER, "no PostgreSQL server is installed (packaging/deps test)")
class Synchronous(SystemTest):
    """A primary's whole way: killed, replaced, back as a second primary, rebuilt, and primary again."""

    def test_no_acknowledged_write_is_lost_and_none_reaches_two_primaries(self):
        trio = Trio(self.scope)
        subprocess.run([tool("pgbench"), "-h", "127.0.0.1", "-p", str(trio.atlanta.port), "-U", USER, "-i", "-q",
                        "postgres"], check=True, capture_output=True, timeout=60)
        writers = Writers(self.scope, trio.address, count=2)
        clients = bench(trio.address, "-n", "-N", "-C", "-c", "2", "-j", "2", "-T", "120")
        self.addCleanup(clients.stdout.close)
        self.addCleanup(clients.wait)
        self.addCleanup(clients.kill)
        writers.wait_for_more()
        self.killed(trio, writers, clients)
        self.second_primary(trio, writers)
        self.failback(trio, writers)

    def killed(self, trio, writers, clients):
        trio.atlanta.kill()
        died = time.monotonic()
        trio.wait_state("failed-over")
        writers.wait_for_more()
        # Both have what was acknowledged; what was not may have come to one of them alone.
        self.active = trio.recovery()["active"]
        active = trio.servers[self.active]
        self.assertEqual(trio.asked(), ["atlanta %s 2 automatic" % self.active])
        with open(os.path.join(trio.hooks, "event"), encoding="utf-8") as file:
            event = json.load(file)
        self.assertEqual((event["kind"], event["what"], event["service"]), ("failover", "activation", "db"))
        self.assertEqual((event["from"], event["to"]), ("atlanta", self.active))
        self.assertEqual((event["epoch"], event["planned"]), (2, False))
        self.assertLess(event["lag_seconds"], 5)
        output = clients.communicate(timeout=60)[0]  # pgbench gives up when its server is gone
        history = int(active.must("SELECT count(*) FROM pgbench_history"))
        self.assertGreaterEqual(history, processed(output))
        with writers.lock:
            acknowledged = set(writers.acknowledged)
        self.assertEqual(acknowledged - ledger(active), set(), "acknowledged and lost")
        self.assertTrue(any(writers.sent[key] > died for key in acknowledged), "it takes writes again")
        self.assertEqual(trio.meridian.metric("meridian_hook_runs_total", hook="promote", result="succeeded"), 1)
        self.died = died

    def second_primary(self, trio, writers):
        trio.atlanta.start()
        trio.wait_state("split-brain", self.active)
        done, text = trio.atlanta.ask("SET synchronous_commit = local; INSERT INTO ledger VALUES (-1, 1)")
        self.assertEqual(done, 0, "atlanta is writable: " + text)
        writers.wait_for_more()
        self.assertTrue(any(event.get("what") == "alarm" and "split brain" in event["text"] for event in trio.events()))
        late = {key for key, when in writers.sent.items() if when > self.died}
        self.assertEqual(ledger(trio.atlanta) & late, set(), "it gets nothing")

    def failback(self, trio, writers):
        trio.atlanta.kill()
        active = trio.servers[self.active]
        trio.atlanta.copy(active)
        trio.atlanta.start()
        trio.wait_state("ready", self.active)
        with writers.lock:
            failed_before = set(writers.failed)
        before = int(active.must("SELECT count(*) FROM pgbench_history"))
        clients = bench(trio.address, "-n", "-N", "-C", "-c", "2", "-j", "2", "-T", "15")
        self.addCleanup(clients.stdout.close)
        wait_until(lambda: trio.meridian.metric("meridian_sessions_active", site=self.active) > 0, "clients are there")
        done = trio.meridian.cli("failback", "db")
        self.assertEqual(done.returncode, 0, done.stderr)
        trio.wait_state("normal", "atlanta", 60)
        self.assertEqual(trio.asked()[-1], "%s atlanta 3 operator" % self.active)
        writers.wait_for_more()
        output = clients.communicate(timeout=60)[0]
        self.assertEqual(clients.returncode, 0, output)
        history = int(trio.atlanta.must("SELECT count(*) FROM pgbench_history"))
        self.assertEqual(history - before, processed(output), output)
        writers.stop()
        failed = {key: why for key, why in writers.failed.items() if key not in failed_before}
        self.assertEqual(failed, {}, "clients are held, not failed")
        self.assertEqual(writers.acknowledged - ledger(trio.atlanta), set(), "acknowledged and lost")


@unittest.skipUnless(HAS_SERVER, "no PostgreSQL server is installed (packaging/deps test)")
class AnyOne(SystemTest):
    def test_the_standby_that_has_what_was_acknowledged_takes_over(self):
        trio = Trio(self.scope, max_lag="1m", synchronous="ANY 1")
        trio.dallas.must("ALTER SYSTEM SET primary_conninfo = ''")
        trio.dallas.must("SELECT pg_reload_conf()")
        wait_until(lambda: trio.atlanta.answers("SELECT count(*) FROM pg_stat_replication") == "1", "dallas is cut off")
        writers = Writers(self.scope, trio.address, count=2)
        writers.wait_for_more(50)

        def may_open():
            gate = trio.recovery()["gates"][0]
            return gate["site"] == "dallas" and gate["open"] and not trio.replication("dallas")["source_connected"]
        wait_until(may_open, "dallas is cut off, first in order, and may open", 20)
        trio.atlanta.kill()
        with writers.lock:
            acknowledged = set(writers.acknowledged)
        trio.wait_state("failed-over", "san-jose")
        self.assertEqual(trio.asked(), ["atlanta san-jose 2 automatic"])
        # That one is told of whose gate is open.
        self.assertRegex(trio.recovery()["moves"][0]["why"], r"^[0-9.]+ [KM]?i?B ahead of dallas$")
        moved = [event["text"] for event in trio.events() if event.get("what") == "moved"]
        self.assertRegex(moved[0], r"san-jose is active, epoch 2 \(automatic\): [0-9.]+ [KM]?i?B ahead of dallas")
        self.assertNotEqual(acknowledged - ledger(trio.dallas), set(), "only san-jose had all")
        self.assertEqual(acknowledged - ledger(trio.servers["san-jose"]), set(), "acknowledged and lost")
        writers.wait_for_more()


@unittest.skipUnless(HAS_SERVER, "no PostgreSQL server is installed (packaging/deps test)")
class Asynchronous(SystemTest):
    def test_lag_above_the_bound_blocks_and_force_is_on_record(self):
        trio = Trio(self.scope, max_lag="2s", synchronous=None)
        for name in SITES[1:]:
            trio.servers[name].must("ALTER SYSTEM SET primary_conninfo = ''")
            trio.servers[name].must("SELECT pg_reload_conf()")
        writers = Writers(self.scope, trio.address, count=1)

        def lags():
            return all((gate["lag_seconds"] or 0) > 2 for gate in trio.recovery()["gates"])
        wait_until(lags, "both lag by more than max_lag", 30)
        trio.atlanta.kill()
        trio.wait_state("blocked", "atlanta")
        writers.stop()
        self.assertRegex(trio.recovery()["next"], r"dallas stays closed: lag [0-9.]+m?s?.*, limit 2s")
        self.assertRegex(trio.meridian.cli("services").stdout, r"blocked")
        refused = trio.meridian.cli("failover", "db", "--to", "dallas")
        self.assertEqual(refused.returncode, 1)
        self.assertEqual(trio.asked(), [])
        done = trio.meridian.cli("failover", "db", "--to", "dallas", "--force")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"at risk: acknowledged writes of the last ")
        trio.wait_state("failed-over", "dallas")
        self.assertEqual(trio.asked(), ["atlanta dallas 2 forced"])
        moved = [event for event in trio.events() if event.get("what") == "moved"]
        self.assertEqual([(event["from"], event["to"], event["epoch"]) for event in moved], [("atlanta", "dallas", 2)])
        self.assertGreater(moved[0]["lag_seconds"], 2)
        self.assertIn("(forced)", moved[0]["text"])
        self.assertTrue(any(event.get("what") == "operator" and "dallas" in event["text"] for event in trio.events()))
        wait_until(lambda: trio.dallas.ask("INSERT INTO ledger VALUES (-2, 1)", trio.address[1])[0] == 0,
                   "it takes writes", 20)


@unittest.skipUnless(HAS_SERVER, "no PostgreSQL server is installed (packaging/deps test)")
class Vetoed(SystemTest):
    def test_a_hook_that_says_no_blocks_until_it_says_yes(self):
        trio = Trio(self.scope, synchronous=None)
        trio.veto("no quorum among the witnesses")
        trio.atlanta.kill()
        trio.wait_state("blocked", "atlanta")
        reason = "hook promote: exit 1: no quorum among the witnesses"
        self.assertEqual(trio.recovery()["approval"]["reason"], reason)
        self.assertIn(reason, trio.recovery()["next"])
        self.assertIn(reason, trio.meridian.cli("services").stdout)
        self.assertTrue(any(event["kind"] == "hook" and event["what"] == "failed" for event in trio.events()))
        self.assertTrue(any(event.get("what") == "approval" and reason in event["text"] for event in trio.events()))
        for name in SITES[1:]:
            self.assertEqual(trio.servers[name].answers("SELECT pg_is_in_recovery()"), "t")
        trio.approve()
        done = trio.meridian.cli("failover", "db")
        self.assertEqual(done.returncode, 0, done.stderr)
        trio.wait_state("failed-over")  # at the one that was asked about
        active = trio.servers[trio.recovery()["active"]]
        wait_until(lambda: active.ask("INSERT INTO ledger VALUES (-2, 1)", trio.address[1])[0] == 0,
                   "it takes writes", 20)


@unittest.skipUnless(HAS_SERVER, "no PostgreSQL server is installed (packaging/deps test)")
class Partition(Network):
    def test_a_primary_that_only_meridian_does_not_reach_is_not_replaced(self):
        trio = Trio(self.scope, reached_at="127.0.0.2")
        writers = Writers(self.scope, trio.address, count=2)
        writers.wait_for_more()
        self.rule("ip daddr 127.0.0.2 drop")
        self.rule("ip saddr 127.0.0.2 drop")
        wait_until(lambda: trio.recovery()["life"] == "unreachable", "atlanta is known to live", 30)

        def failed():
            return sum(trio.meridian.metric("meridian_checks_total", site="atlanta", check="answers", result=result)
                       for result in ("failed", "timeout"))
        goal = failed() + 8  # far more time than `after`
        wait_until(lambda: failed() >= goal, "it stays cut off", 30)
        now = trio.recovery()
        self.assertEqual((now["state"], now["active"], now["epoch"]), ("normal", "atlanta", 1))
        self.assertRegex(now["next"], "still receives from it: it stays active")
        self.assertEqual(trio.asked(), [])
        self.assertEqual(trio.atlanta.ask("INSERT INTO ledger VALUES (-1, 1)")[0], 0)
        self.assertNotEqual(trio.atlanta.ask("SELECT 1", trio.address[1])[0], 0, "clients of Meridian are refused")
        self.heal()
        writers.wait_for_more()
        now = trio.recovery()
        self.assertEqual((now["state"], now["active"], now["epoch"]), ("normal", "atlanta", 1))
        writers.stop()
        for name in SITES[1:]:
            self.assertEqual(trio.servers[name].answers("SELECT pg_is_in_recovery()"), "t")
        self.assertEqual(writers.acknowledged - ledger(trio.atlanta), set(), "acknowledged and lost")


if __name__ == "__main__":
    main()
