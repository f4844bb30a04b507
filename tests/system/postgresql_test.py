"""PostgreSQL asked by Meridian itself: a primary and a standby that follows it, roles and lag as they are, and a
failover when the primary is killed. And checks of databases that do not answer."""
import json
import os
import re
import socket
import unittest

from harness import PLACES, Meridian, SystemTest, main, run_meridian, wait_until
from harness.postgres import HAS_SERVER, Postgres

_PASSWORD = "not a secret"


def _add_watcher(server):
    """A user whom the server asks for a password."""
    with open(os.path.join(server.directory, "pg_hba.conf"), "r+", encoding="utf-8") as rules:
        before = rules.read()
        rules.seek(0)
        rules.write("host all watcher all scram-sha-256\n" + before)
    server.must("CREATE ROLE watcher LOGIN PASSWORD '%s' IN ROLE pg_monitor" % _PASSWORD)
    server.must("SELECT pg_reload_conf()")


def _config(scope, ports, **service):
    passfile = os.path.join(scope.directory, "passfile")
    with open(passfile, "w", encoding="utf-8") as file:
        file.write("*:*:*:watcher:%s\n" % _PASSWORD)
    os.chmod(passfile, 0o600)
    login = {"user": "watcher", "passfile": passfile}
    regions = {}
    for name, port in ports.items():
        place = PLACES[name]
        regions[place.region] = {"sites": {name: {"latitude": place.latitude, "longitude": place.longitude,
                                                  "services": {"db": ["127.0.0.1:%d" % port]}}}}
    return {
        "process": {"workers": 1, "state_directory": os.path.join(scope.directory, "state")},
        "admin": {"socket": "admin.sock"},
        "health_checks": {"answers": {"type": "postgresql", "interval": "500ms", "fast_interval": "200ms",
                                      "timeout": "500ms", "rise": 1, "fall": 3, **login}},
        "regions": regions,
        "services": {"db": {
            "mode": "disaster-recovery", "primary": "atlanta", "standby": ["dallas"], "health_check": "answers",
            "replication": {"check": {"type": "postgresql", "interval": "500ms", "timeout": "500ms", **login},
                            "max_lag": "5s", "max_backlog": "1MiB"},
            "failover": {"after": "1s", "cooldown": "0s"}, **service}},
        "listeners": {"db": {"bind": ["127.0.0.1:0"], "protocol": "tcp", "service": "db"}}}


@unittest.skipUnless(HAS_SERVER, "no PostgreSQL server is installed (packaging/deps test)")
class Replication(SystemTest):
    def setUp(self):
        super().setUp()
        self.primary = Postgres(self.scope, "atlanta")
        _add_watcher(self.primary)
        self.primary.ask("CREATE TABLE journal (line text)")
        self.standby = Postgres(self.scope, "dallas", follow=self.primary)
        self.meridian = Meridian(self.scope, _config(self.scope, {"atlanta": self.primary.port,
                                                                  "dallas": self.standby.port}))

    def recovery(self):
        return self.meridian.read("/v1/services/db")["recovery"]

    def replication(self, site):
        return {each["name"]: each["replication"] or {} for each in self.recovery()["sites"]}[site]

    def wait_ready(self):
        wait_until(lambda: self.recovery()["gates"][0]["open"], "dallas could take over", 20)
        wait_until(lambda: self.replication("atlanta").get("role") == "primary", "atlanta is known", 20)
        ages = [self.replication("dallas")["age_seconds"]]

        def answered():
            ages.append(self.replication("dallas")["age_seconds"])
            return ages[-1] < ages[-2]
        wait_until(answered, "dallas has answered since, and so is known to follow", 20)

    def through_meridian(self, statement):
        return self.primary.ask(statement, self.meridian.address("db")[1])

    def test_a_killed_primary_is_replaced_by_the_standby(self):
        self.wait_ready()
        atlanta, dallas = self.replication("atlanta"), self.replication("dallas")
        self.assertEqual(atlanta["role"], "primary")
        self.assertIsNone(atlanta["lag_seconds"])
        self.assertEqual((dallas["role"], dallas["source_connected"]), ("standby", True))
        self.assertLess(dallas["lag_seconds"], 5)
        self.assertIsNotNone(dallas["backlog_bytes"])
        self.assertEqual(self.through_meridian("INSERT INTO journal VALUES ('one')")[0], 0)
        wait_until(lambda: self.standby.answers("SELECT count(*) FROM journal") == "1", "the line is at dallas", 10)
        self.assertEqual(self.through_meridian("SELECT pg_is_in_recovery()"), (0, "f"))

        self.primary.kill()
        wait_until(lambda: self.recovery()["active"] == "dallas", "dallas is active", 20)
        self.assertEqual(self.recovery()["state"], "failed-over")
        self.assertEqual(self.replication("dallas")["source_connected"], False)
        self.assertLess(self.replication("dallas")["lag_seconds"], 5)
        wait_until(lambda: self.through_meridian("SELECT pg_is_in_recovery()") == (0, "t"), "sessions go to dallas", 10)
        services = self.meridian.cli("services").stdout
        self.assertRegex(services, r"db +disaster-recovery +dallas +.*failed-over, epoch 2")

        self.assertEqual(self.standby.ask("SELECT pg_promote()")[1], "t")
        wait_until(lambda: self.replication("dallas")["role"] == "primary", "dallas is seen as primary", 10)
        wait_until(lambda: self.through_meridian("INSERT INTO journal VALUES ('two')")[0] == 0, "it takes writes", 10)
        self.assertEqual(self.standby.answers("SELECT count(*) FROM journal"), "2")

    def test_a_standby_that_lags_keeps_its_gate_shut(self):
        self.wait_ready()
        self.assertEqual(self.standby.ask("SELECT pg_wal_replay_pause()")[0], 0)
        self.through_meridian("INSERT INTO journal SELECT repeat('x', 1000) FROM generate_series(1, 3000)")
        wait_until(lambda: not self.recovery()["gates"][0]["open"], "the gate of dallas closes", 20)
        self.assertGreater(self.replication("dallas")["backlog_bytes"], 1 << 20)
        self.primary.kill()
        wait_until(lambda: self.recovery()["state"] == "blocked", "nothing qualifies", 20)
        self.assertEqual(self.recovery()["active"], "atlanta")
        self.assertEqual(self.standby.ask("SELECT pg_wal_replay_resume()")[0], 0)
        wait_until(lambda: self.recovery()["active"] == "dallas", "what was received is applied", 20)

    def test_a_standby_that_is_cut_off_is_measured_by_its_primary(self):
        self.wait_ready()
        self.assertEqual(self.standby.ask("ALTER SYSTEM SET primary_conninfo = ''")[0], 0)
        self.assertEqual(self.standby.ask("SELECT pg_reload_conf()")[1], "t")
        wait_until(lambda: self.replication("dallas")["source_connected"] is False, "dallas receives nothing", 10)
        wait_until(lambda: self.replication("dallas")["lag_seconds"] is not None, "it is measured all the same", 10)
        self.assertTrue(self.recovery()["gates"][0]["open"], "nothing was written meanwhile")

        def lags():
            self.assertEqual(self.through_meridian("INSERT INTO journal VALUES ('lost')")[0], 0)
            return (self.replication("dallas")["lag_seconds"] or 0) > 5
        wait_until(lags, "what the primary writes counts", 20)
        self.assertGreater(self.replication("dallas")["backlog_bytes"], 0)
        self.primary.kill()
        wait_until(lambda: self.recovery()["state"] == "blocked", "nothing qualifies", 20)
        self.assertEqual(self.recovery()["gates"][0]["obstacles"], ["lag"])
        refused = self.meridian.cli("failover", "db", "--to", "dallas")
        self.assertEqual(refused.returncode, 1)
        self.assertRegex(refused.stderr, r"gate is closed")

    def test_a_wrong_password_and_a_silent_server_are_told_apart_and_delay_nobody(self):
        self.wait_ready()
        silent = socket.create_server(("127.0.0.1", 0))
        self.scope.callback(silent.close)
        config = _config(self.scope, {"atlanta": self.primary.port, "dallas": self.standby.port})
        config["health_checks"]["wrong"] = {**config["health_checks"]["answers"], "user": "nobody-knows"}
        config["health_checks"]["standby"] = {**config["health_checks"]["answers"], "role": "standby"}
        for name, check in (("wrong", "wrong"), ("silent", "answers"), ("reads", "standby")):
            config["services"][name] = {"health_check": check}
            config["listeners"][name] = {"bind": ["127.0.0.1:0"], "protocol": "tcp", "service": name}
        places = {name: region["sites"][name]["services"] for region in config["regions"].values()
                  for name in region["sites"]}
        places["atlanta"]["wrong"] = ["127.0.0.1:%d" % self.primary.port]
        places["atlanta"]["silent"] = ["127.0.0.1:%d" % silent.getsockname()[1]]
        for site, server in (("atlanta", self.primary), ("dallas", self.standby)):
            places[site]["reads"] = ["127.0.0.1:%d" % server.port]
        self.meridian.write(config)
        self.assertEqual(self.meridian.cli("reload").returncode, 0)

        def state(service, site):
            return self.meridian.read("/v1/sites/" + site)["services"][service]["state"]
        wait_until(lambda: state("reads", "dallas") == "up", "the standby takes reads", 20)
        for service in ("reads", "wrong", "silent"):  # a new check begins with the verdict of the one before
            wait_until(lambda: state(service, "atlanta") == "down", service + " is down", 20)

        def checks(check, result):
            return self.meridian.metric("meridian_checks_total", site="atlanta", check=check, result=result)
        wait_until(lambda: checks("wrong", "failed") >= 2 and checks("answers", "timeout") >= 2, "each is counted", 20)
        self.assertTrue(self.recovery()["gates"][0]["open"], "the others' checks go on")


class Refusals(SystemTest):
    def test_what_cannot_be_asked_is_refused(self):
        config = _config(self.scope, {"atlanta": 1, "dallas": 2})
        config["regions"]["us-east"]["sites"]["atlanta"]["services"]["db"] = ["unix:/run/postgresql/socket"]
        path = os.path.join(self.scope.directory, "bad.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        done = run_meridian("check", "-c", path)
        self.assertEqual(done.returncode, 1)
        self.assertTrue(re.search(r"no socket of PostgreSQL; expected one named \.s\.PGSQL\.PORT", done.stderr),
                        done.stderr)


if __name__ == "__main__":
    main()
