"""The commands as a person and a script use them: output, JSON, exit statuses."""
import json
import os
import shutil

from harness import PLACES, Authority, Meridian, Sites, SystemTest, get, main, run_meridian, wait_until, web_config

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMMANDS = ("run", "demo", "check", "explain", "whatif", "simulate", "status", "sites", "services", "events", "drain",
            "undrain", "failover", "failback", "acknowledge", "release", "automation", "wait", "reload", "stop")



def without_measurements(value):
    """The same without the times that checks measure anew at any moment."""
    if isinstance(value, list):
        return [without_measurements(item) for item in value]
    if isinstance(value, dict):
        return {key: without_measurements(item) for key, item in value.items() if not key.endswith("_us")}
    return value


class Usage(SystemTest):
    def test_every_command_helps(self):
        for command in COMMANDS:
            for arguments in ([command, "--help"], ["help", command]):
                done = run_meridian(*arguments)
                self.assertEqual(done.returncode, 0, arguments)
                self.assertIn("Usage: meridian " + command, done.stdout)
                self.assertIn("--json", done.stdout)
                self.assertEqual(done.stderr, "")

    def test_help_names_every_command(self):
        done = run_meridian("--help")
        self.assertEqual(done.returncode, 0)
        for command in COMMANDS:
            self.assertIn("\n  %s " % command, done.stdout)
        self.assertRegex(run_meridian("--version").stdout, r"^meridian \d+\.\d+\.\d+\n$")

    def test_bad_usage_is_2_and_says_what_was_meant(self):
        for arguments, text in ((["statsu"], "did you mean 'status'?"), (["--jsn"], "unknown option"),
                                (["status", "--jsno"], "did you mean '--json'?"), (["check"], "--config"),
                                (["explain", "--service", "web"], "--client"), (["drain"], "NAME"),
                                (["drain", "a", "b"], "drain"), (["demo", "--port", "x"], "'x'"),
                                (["drain", "a", "--deadline", "soon"], "'soon'"), (["wait", "for", "me"], "for me"),
                                (["wait", "ready", "--timeout", "x"], "'x'"), (["status", "now"], "'now'")):
            done = run_meridian(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn(text, done.stderr, arguments)
            self.assertEqual(done.stdout, "", arguments)
        self.assertEqual(run_meridian().returncode, 2)

    def test_what_comes_later_is_refused_by_name(self):
        done = run_meridian("sessions")
        self.assertEqual(done.returncode, 2)
        self.assertIn("'sessions' is not supported yet", done.stderr)

    def test_without_an_instance_every_live_command_says_so(self):
        nowhere = self.scope.directory + "/nobody.sock"
        for arguments in (["status"], ["sites"], ["services"], ["drain", "dallas"], ["undrain", "dallas"], ["reload"],
                          ["stop"], ["explain", "--service", "web", "--client", "1.2.3.4"]):
            for given in ({"environment": {"MERIDIAN_SOCKET": nowhere}}, None):
                done = run_meridian(*arguments, **given) if given else run_meridian(*arguments, "--socket", nowhere)
                self.assertEqual(done.returncode, 1, arguments)
                self.assertIn("no meridian is listening on " + nowhere, done.stderr)
                self.assertEqual(done.stdout, "")

    def test_wait_gives_up_in_its_time(self):
        done = run_meridian("wait", "ready", "--timeout", "200ms", "--socket", self.scope.directory + "/nobody.sock")
        self.assertEqual(done.returncode, 1)
        self.assertIn("did not come in time", done.stderr)


class Live(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared)
        cls.meridian = Meridian(cls.shared, web_config(cls.sites))

    def run_ok(self, *arguments):
        done = self.meridian.cli(*arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.assertNotIn("\x1b", done.stdout)
        return done.stdout

    def test_status_sites_and_services_are_for_people(self):
        status = self.run_ok("status")
        self.assertIn("is serving", status)
        self.assertIn("%s:%d" % self.meridian.address(), status)
        sites = self.run_ok("sites").splitlines()
        self.assertEqual(sites[0].split()[:3], ["SITE", "REGION", "STATE"])
        rows = {line.split()[0]: line.split() for line in sites[1:]}
        for name, place in PLACES.items():
            self.assertEqual(rows[name][1:3], [place.region, "up"])
        self.assertRegex(self.run_ok("services"), r"\nweb +distributed +3 sites .* up, redundancy 2\n")

    def test_json_is_the_answer_of_the_api(self):
        for command in ("sites", "services"):
            said = json.loads(self.run_ok(command, "--json"))
            self.assertEqual(without_measurements(said), without_measurements(self.meridian.read("/v1/" + command)))
        self.assertEqual(json.loads(self.run_ok("status", "--json"))["pid"], self.meridian.process.pid)

    def test_drain_and_undrain_say_what_they_did(self):
        out = self.run_ok("drain", "dallas", "--deadline", "5m", "--reason", "kernel update")
        self.assertIn("dallas is draining", out)
        self.assertIn("kernel update", self.run_ok("sites"))
        self.assertEqual(self.meridian.site_state("dallas"), "draining")
        self.assertEqual(self.meridian.cli("wait", "site/dallas", "drained", "--timeout", "5s").returncode, 0)
        explained = self.run_ok("explain", "--service", "web", "--client", PLACES["dallas"].client)
        self.assertRegex(explained, r"dallas .* draining .*no new sessions: drained by")
        self.assertIn("dallas serves again", self.run_ok("undrain", "dallas"))
        self.assertEqual(self.meridian.cli("wait", "site/dallas", "up", "--timeout", "5s").returncode, 0)
        answer = json.loads(self.run_ok("drain", "us-west", "--json"))
        self.assertEqual((answer["target"], answer["intent"]), ("us-west", "drain"))
        self.run_ok("undrain", "us-west", "--json")

    def test_what_does_not_exist_is_1(self):
        for arguments in (["drain", "dalas"], ["drain", "dallas/1.2.3.4:5"], ["undrain", "nowhere"],
                          ["explain", "--service", "wep", "--client", "1.2.3.4"],
                          ["explain", "--service", "web", "--client", "home"], ["wait", "site/dalas", "up"]):
            done = self.meridian.cli(*arguments)
            self.assertEqual(done.returncode, 1, arguments)
            self.assertTrue(done.stderr.startswith("meridian: "), done.stderr)
            self.assertEqual(done.stdout, "")

    def test_the_socket_may_come_from_the_environment(self):
        done = run_meridian("status", environment={"MERIDIAN_SOCKET": self.meridian.socket_path})
        self.assertEqual(done.returncode, 0)

    def test_reload_answers_in_json_too(self):
        generation = self.meridian.generation()
        answer = json.loads(self.run_ok("reload", "--json"))
        self.assertEqual((answer["accepted"], answer["generation"]), (True, generation + 1))

    def test_explain_of_the_file_of_the_instance_and_of_a_request_agree(self):
        for client in [place.client for place in PLACES.values()] + ["127.0.49.1"]:
            asked = ("explain", "--service", "web", "--client", client, "--json")
            live = json.loads(self.run_ok(*asked))
            offline = json.loads(run_meridian(*asked, "-c", self.meridian.config_path).stdout)
            response = get(self.meridian.address(), source=client)
            self.assertEqual(live["choice"]["site"], response.site)
            self.assertEqual(live["choice"]["reason"], response.get("Meridian-Reason"))
            for key in ("location", "service", "mode", "steering"):
                self.assertEqual(live[key], offline[key])
            for key in ("name", "distance_km", "state", "dropped_by", "rank", "chosen"):
                self.assertEqual([site[key] for site in live["sites"]], [site[key] for site in offline["sites"]])

    def test_explain_marks_the_chosen_site(self):
        text = self.run_ok("explain", "--service", "web", "--client", PLACES["dallas"].client)
        lines = text.splitlines()
        self.assertTrue(lines[0].startswith("127.0.32.1 is in "), text)
        self.assertIn("steering nearest, generation", lines[1])
        self.assertTrue(any(line.startswith("▶ dallas") and "chosen: nearest" in line for line in lines), text)

    def test_a_session_key_is_explained_as_it_would_be_served(self):
        config = web_config(self.sites, session={"by": "header", "name": "X-Tenant"})
        meridian = Meridian(self.scope, config)
        for key in ("red", "green", "blue", "yellow"):
            asked = ("explain", "--service", "web", "--client", PLACES["dallas"].client, "--session", key, "--json")
            response = get(meridian.address(), source=PLACES["dallas"].client, headers={"X-Tenant": key})
            choice = json.loads(meridian.cli(*asked).stdout)["choice"]
            self.assertEqual(choice["endpoint"], self.sites.address_of(response.endpoint))
            header = ("explain", "--service", "web", "--client", PLACES["dallas"].client, "--json", "-c",
                      meridian.config_path, "--header", "X-Tenant: " + key)
            self.assertEqual(json.loads(run_meridian(*header).stdout)["choice"]["endpoint"], choice["endpoint"])


class Check(SystemTest):
    def check(self, text, *arguments):
        path = os.path.join(self.scope.directory, "meridian.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text if isinstance(text, str) else json.dumps(text, indent=1))
        return run_meridian("check", "-c", path, *arguments)

    def good(self, **service):
        return web_config({site: ["10.0.0.%d:80" % number, "10.0.1.%d:80" % number]
                           for number, site in enumerate(PLACES, 1)}, **service)

    def test_a_good_file_is_summarised(self):
        done = self.check(self.good())
        self.assertEqual(done.returncode, 0, done.stderr)
        for text in ("web", "distributed, steering nearest", "atlanta (2 endpoints)", "failover"):
            self.assertIn(text, done.stdout)
        self.assertIn("0 errors", done.stderr)

    def test_the_worst_case_failover_time_is_in_the_json(self):
        done = self.check(self.good(), "--json")
        report = json.loads(done.stdout)
        self.assertEqual((done.returncode, report["errors"]), (0, 0))
        worst = report["services"][0]["worst_case_seconds"]
        self.assertGreater(worst["checks_silent"], worst["checks_refused"])

    def test_single_points_of_failure_are_warned_of(self):
        config = web_config({"dallas": ["10.0.0.1:80"]})
        done = self.check(config)
        self.assertEqual(done.returncode, 0)
        self.assertIn("only one endpoint", done.stderr)
        self.assertIn("only one site", done.stderr)

    def test_every_error_is_told_with_its_place(self):
        done = self.check("services:\n  web:\n    steering: neares\n    sesion: {by: cookie}\n"
                          "regions:\n  south:\n    sites:\n      dallas: {latitude: 95, longitude: -96.8,"
                          " services: {wep: [\"1.2.3.4\"]}}\n"
                          "listeners:\n  web: {bind: \"127.0.0.1\", service: web}\n")
        self.assertEqual(done.returncode, 1)
        for place, text in (("3:15", "did you mean 'nearest'?"), ("4:5", "did you mean 'session'?"),
                            ("8:26", "outside"), ("8:65", "1.2.3.4"), ("10:15", "127.0.0.1")):
            lines = [line for line in done.stderr.splitlines() if ":%s: error: " % place in line and text in line]
            self.assertTrue(lines, "%s %s in\n%s" % (place, text, done.stderr))
        self.assertRegex(done.stderr, r"\n\d+ errors, \d+ warnings?\n$")
        self.assertEqual(done.stdout, "")

    def test_an_endpoint_that_is_no_name_is_refused(self):
        config = self.good()
        for region in config["regions"].values():
            for site in region["sites"].values():
                site["services"]["web"] = ["app..internal:80", "127.0.0.1:9"]
        done = self.check(config)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"services\.web\[0\].*'app\.\.internal:80' is not an address such as")

    def files_for_https(self):
        """What conf/https.yaml names, in a directory."""
        authority = Authority(self.scope, "tls")
        app = authority.issue("app", "app.example.com")
        authority.issue("app-rsa", "app.example.com", key="rsa")
        authority.issue("us")
        shutil.move(authority.staple("app", app), authority.path("app.ocsp"))
        for name in ("backends.pem", "clients.pem"):
            shutil.copy(authority.certificate, authority.path(name))
        with open(authority.path("tickets.key"), "w", encoding="ascii") as file:
            file.write("k" * 64 + "\n")
        return authority.directory

    def test_shipped_examples_are_good(self):
        names = [name for name in os.listdir(_ROOT + "/conf") if name.endswith(".yaml")]
        self.assertIn("minimal.yaml", names)
        files = self.files_for_https()
        for name in names:
            done = run_meridian("check", "-c", os.path.join(_ROOT, "conf", name), environment={"TLS": files})
            self.assertEqual(done.returncode, 0, name + ":\n" + done.stderr)

    def test_a_missing_file_is_1(self):
        done = run_meridian("check", "-c", self.scope.directory + "/none.yaml")
        self.assertEqual(done.returncode, 1)
        self.assertIn("none.yaml", done.stderr)

    def test_includes_and_the_environment_are_read(self):
        with open(self.scope.directory + "/site.yaml", "w", encoding="utf-8") as file:
            json.dump({"regions": self.good()["regions"]}, file)
        config = self.good()
        del config["regions"]
        config["include"] = ["site*.yaml"]
        config["services"]["web"]["steering"] = "${STEERING:-nearest}"
        self.assertEqual(self.check(config).returncode, 0)
        path = os.path.join(self.scope.directory, "meridian.yaml")
        done = run_meridian("check", "-c", path, environment={"STEERING": "ordered"})
        self.assertIn("steering ordered", done.stdout)

    def test_explain_from_a_file_needs_no_instance(self):
        self.check(self.good())
        path = os.path.join(self.scope.directory, "meridian.yaml")
        done = run_meridian("explain", "-c", path, "--service", "web", "--client", PLACES["san-jose"].client)
        self.assertEqual(done.returncode, 0)
        self.assertIn("▶ san-jose", done.stdout)
        self.assertEqual(run_meridian("explain", "-c", path, "--service", "wep", "--client", "1.2.3.4").returncode, 1)


class Wait(SystemTest):
    def test_scripts_wait_without_races(self):
        sites = Sites(self.scope, endpoints=1)
        meridian = Meridian(self.scope, web_config(sites), start=False)
        meridian.start(wait=False)
        self.assertEqual(meridian.cli("wait", "ready").returncode, 0)
        self.assertEqual(get(meridian.address()).status, 200)
        sites["dallas"].kill()
        self.assertEqual(meridian.cli("wait", "site/dallas", "down").returncode, 0)
        sites["dallas"].start()
        self.assertEqual(meridian.cli("wait", "site/dallas up").returncode, 0)
        done = meridian.cli("wait", "generation", "7", "--timeout", "200ms")
        self.assertEqual(done.returncode, 1)
        self.assertIn("generation 1", done.stderr)
        self.assertEqual(meridian.cli("stop").returncode, 0)
        wait_until(lambda: not meridian.process.running(), "it ends")


class LookingAhead(SystemTest):
    """whatif and simulate, on the configurations that come with scenarios."""
    def conf(self, name):
        return os.path.join(_ROOT, "conf", name)

    def test_scenarios_hold_as_text_and_as_json(self):
        for config, scenario in (("active-active.yaml", "region-loss.yaml"),
                                 ("disaster-recovery.yaml", "recovery-drill.yaml")):
            arguments = ("simulate", "-c", self.conf(config), "--scenario", self.conf("scenarios/" + scenario))
            done = run_meridian(*arguments)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(done.stderr, "")
            self.assertRegex(done.stdout, r"As expected: all \d+ expectations hold")
            self.assertEqual(run_meridian(*arguments).stdout, done.stdout)
            told = json.loads(run_meridian(*arguments, "--seed", "2", "--json").stdout)
            self.assertTrue(told["passed"])
            self.assertEqual(told["seed"], 2)
            self.assertTrue(all(site["within_capacity"] for site in told["sites"]))

    def test_what_is_lost_and_what_is_not(self):
        arguments = ("whatif", "-c", self.conf("active-active.yaml"), "--down", "eu-west")
        done = run_meridian(*arguments)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("every client has a site", done.stdout)
        told = json.loads(run_meridian(*arguments, "--json").stdout)
        self.assertTrue(told["holds"])
        self.assertEqual(sum(site["after"] for site in told["sites"]), told["sessions_after"])
        done = run_meridian(*arguments, "--rate", "1.6")
        self.assertEqual(done.returncode, 1)
        self.assertIn("NO SITE", done.stdout)

    def test_whether_the_gate_would_open(self):
        arguments = ("whatif", "-c", self.conf("disaster-recovery.yaml"), "--down", "dallas")
        told = json.loads(run_meridian(*arguments, "--lag", "atlanta=2s", "--json").stdout)["recoveries"][0]
        self.assertEqual((told["active_after"], told["lag_at_risk"]), ("atlanta", 2.0))
        done = run_meridian(*arguments, "--lag", "atlanta=45s", "--lag", "san-jose=45s")
        self.assertEqual(done.returncode, 1)
        self.assertIn("BLOCKED", done.stdout)
        self.assertIn("lag 45s, limit 30s", done.stdout)

    def test_mistakes_are_named(self):
        config = self.conf("active-active.yaml")
        for arguments, text in ((["--down", "eu-wst"], "did you mean 'eu-west'?"), (["--lag", "paris"], "SITE=DURATION"),
                                (["--rate", "x"], "'x'"), (["--service", "wbe"], "did you mean 'web'?"),
                                (["--sessions", "0"], "'0'")):
            done = run_meridian("whatif", "-c", config, *arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn(text, done.stderr, arguments)
        done = run_meridian("simulate", "-c", config, "--scenario", config)
        self.assertEqual(done.returncode, 1)
        self.assertIn("unknown key", done.stderr)


if __name__ == "__main__":
    main()
