"""Disaster recovery: three sites whose servers tell how their replication stands; what clients get, what an
operator sees and orders, and what a restart remembers."""
import http.client
import signal
import threading

from harness import STANDBYS, Meridian, SystemTest, main, recovery_config, recovery_sites, wait_until


class Recovery(SystemTest):
    def setUp(self):
        super().setUp()
        self.sites = recovery_sites(self.scope)
        self.meridian = Meridian(self.scope, self.config())

    def config(self, **service):
        return recovery_config(self.sites, **service)

    def state(self):
        return self.meridian.read("/v1/services/db")["recovery"]

    def wait_state(self, state, active=None, seconds=20):
        def reached():
            now = self.state()
            return now["state"] == state and (active is None or now["active"] == active)
        wait_until(reached, "db is %s at %s" % (state, active), seconds)

    def write(self):
        """(status, site, reason) of a POST."""
        connection = http.client.HTTPConnection(*self.meridian.address(), timeout=20)
        try:
            connection.request("POST", "/x", b"hi", {"Meridian-Epoch": "99"})
            response = connection.getresponse()
            return response.status, response.read().decode(), response.getheader("Meridian-Reason")
        finally:
            connection.close()

    def wait_writes_at(self, site):
        wait_until(lambda: self.write()[:2] == (200, site), "writes go to " + site, 20)

    def wait_known(self):
        """Until every standby could take over."""
        wait_until(lambda: all(gate["open"] for gate in self.state()["gates"]), "the gates are open", 20)

    def follow(self, primary, epoch):
        """What replication says once `primary` has the role."""
        for name, site in self.sites.items():
            if name == primary:
                site.status = {"role": "primary", "epoch": epoch}
            else:
                site.status = {"role": "standby", "lag_seconds": 0, "backlog_bytes": 0, "epoch": epoch,
                               "source_connected": True}

    def lose_atlanta(self):
        self.sites["atlanta"].kill()
        for name in STANDBYS:
            self.sites[name].status["source_connected"] = False

    def test_a_dead_primary_is_replaced_and_a_restart_remembers_it(self):
        self.wait_known()
        self.wait_writes_at("atlanta")
        self.assertEqual(self.sites["atlanta"].epochs[-1], ["1"])
        self.sites["dallas"].status["lag_seconds"] = 60
        wait_until(lambda: not self.state()["gates"][0]["open"], "the gate of dallas closes", 20)
        self.lose_atlanta()
        self.wait_state("failed-over", "san-jose")
        self.wait_writes_at("san-jose")
        self.assertEqual(self.sites["san-jose"].epochs[-1], ["2"])
        self.assertEqual(self.sites["dallas"].epochs, [])
        move = self.state()["moves"][-1]
        self.assertEqual((move["from"], move["to"], move["cause"]), ("atlanta", "san-jose", "automatic"))
        wait_until(lambda: self.state()["moves"][-1]["first_success"], "the first success is dated", 10)
        self.assertEqual(self.meridian.metric("meridian_failover_active", site="san-jose"), 1)
        self.assertEqual(self.meridian.metric("meridian_failover_epoch", service="db"), 2)
        self.meridian.process.kill()
        self.meridian.start()
        state = self.state()
        self.assertEqual((state["active"], state["epoch"]), ("san-jose", 2))
        self.wait_writes_at("san-jose")
        self.assertEqual(self.sites["san-jose"].epochs[-1], ["2"])

    def test_past_max_lag_nothing_moves_until_it_is_forced(self):
        self.wait_known()
        for name in STANDBYS:
            self.sites[name].status["lag_seconds"] = 41
        wait_until(lambda: not any(gate["open"] for gate in self.state()["gates"]), "the gates close", 20)
        self.lose_atlanta()
        self.wait_state("blocked", "atlanta")
        self.assertEqual(self.write()[0], 503)
        refused = self.meridian.cli("failover", "db", "--to", "dallas")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("gate is closed", refused.stderr)
        self.assertIn("41s", refused.stderr)
        forced = self.meridian.cli("failover", "db", "--to", "dallas", "--force")
        self.assertEqual(forced.returncode, 0, forced.stderr)
        self.assertIn("41s", forced.stderr)
        self.assertIn("dallas is active, epoch 2", forced.stdout)
        self.wait_writes_at("dallas")
        services = self.meridian.cli("services").stdout
        self.assertRegex(services, r"db +disaster-recovery +dallas +.*failed-over, epoch 2")

    def test_the_primary_returns_is_reconciled_and_fails_back(self):
        self.wait_known()
        self.lose_atlanta()
        self.wait_state("failed-over", "dallas")
        self.sites["atlanta"].status = {"role": "standby", "lag_seconds": 60, "epoch": 1}
        self.sites["atlanta"].start()
        self.wait_state("reconciling", "dallas")
        self.assertEqual(self.meridian.cli("failback", "db").returncode, 1)
        self.follow("dallas", 2)
        self.wait_state("ready", "dallas")
        done = self.meridian.cli("failback", "db")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.wait_state("normal", "atlanta")
        self.follow("atlanta", 3)
        self.wait_writes_at("atlanta")
        self.assertEqual(self.sites["atlanta"].epochs[-1], ["3"])

    def test_a_planned_switch_holds_writes_and_loses_none(self):
        self.wait_known()
        self.wait_writes_at("atlanta")
        self.sites["dallas"].status["lag_seconds"] = 1
        wait_until(lambda: self.state()["gates"][0]["lag_seconds"] == 1, "dallas is a little behind", 20)
        self.assertEqual(self.meridian.cli("failover", "db", "--to", "dallas").returncode, 0)
        self.assertEqual(self.state()["state"], "switching")
        answers = []
        writer = threading.Thread(target=lambda: answers.append(self.write()))
        writer.start()
        self.sites["dallas"].status["lag_seconds"] = 0
        self.wait_state("reconciling", "dallas")
        writer.join(20)
        self.assertEqual(answers[0][:2], (200, "dallas"))
        self.assertEqual(self.sites["dallas"].epochs[-1], ["2"])

    def test_two_primaries_are_a_split_brain_that_an_operator_resolves(self):
        self.wait_known()
        self.wait_writes_at("atlanta")
        self.sites["dallas"].status = {"role": "primary", "epoch": 1}
        self.wait_state("split-brain", "atlanta")
        self.assertIn("dallas", self.state()["claims"])
        self.assertEqual(self.meridian.cli("failover", "db", "--to", "atlanta").returncode, 1)
        done = self.meridian.cli("failover", "db", "--to", "atlanta", "--force")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.wait_state("normal", "atlanta")
        self.wait_writes_at("atlanta")

    def test_what_keeps_automation_back_is_said_with_the_command_that_ends_it(self):
        self.assertTrue(self.meridian.reload(self.config(failover={"after": "1s", "cooldown": "1h"}))["accepted"])
        self.wait_known()
        self.lose_atlanta()
        self.assertEqual(self.meridian.cli("wait", "service/db", "failed-over").returncode, 0)
        self.assertEqual(self.meridian.cli("wait", "service/db", "at", "dallas").returncode, 0)
        self.assertIn("cooldown: 'meridian acknowledge db' ends it", self.meridian.cli("services").stdout)
        done = self.meridian.cli("acknowledge", "db")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("cooldown", self.meridian.cli("services").stdout)
        self.assertEqual(self.meridian.cli("failover", "db", "--to", "san-jose", "--force").returncode, 0)
        self.wait_writes_at("san-jose")
        self.assertIn("operator-choice: 'meridian release db' ends it", self.meridian.cli("services").stdout)
        self.assertEqual(self.meridian.cli("release", "db").returncode, 0)
        self.assertNotIn("operator-choice", self.meridian.cli("services").stdout)
        self.assertEqual(self.meridian.cli("release", "web").returncode, 1)

    def test_the_kill_switch_keeps_everything_where_it_is(self):
        self.wait_known()
        self.assertEqual(self.meridian.cli("automation", "off").returncode, 0)
        self.lose_atlanta()
        self.wait_state("blocked", "atlanta")
        self.assertIn("automation off", self.meridian.cli("services").stdout)
        self.meridian.process.signal(signal.SIGKILL)
        self.meridian.process.wait(10)
        self.meridian.start()
        self.assertFalse(self.state()["all_automation"])
        self.assertEqual(self.meridian.cli("automation", "on").returncode, 0)
        self.wait_state("failed-over", "dallas")

    def test_a_reload_that_takes_the_active_site_away_is_refused(self):
        self.wait_known()
        self.lose_atlanta()
        self.wait_state("failed-over", "dallas")
        answer = self.meridian.reload(self.config(standby=["san-jose"]))
        self.assertFalse(answer["accepted"])
        self.assertIn("services.db", " ".join(answer["errors"]))
        self.assertEqual(self.state()["active"], "dallas")
        answer = self.meridian.reload(self.config(reads="nearest"))
        self.assertTrue(answer["accepted"], answer)
        self.wait_writes_at("dallas")


if __name__ == "__main__":
    main()
