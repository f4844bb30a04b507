"""The admin interface: what it shows, what a drain does to real traffic, metrics, refusals, the token."""
import json
import os
import re
import subprocess

from harness import (PLACES, Connection, Meridian, ScriptedServer, Sites, SystemTest, TcpServer, answer, curl, get,
                     main, request, run_meridian, tcp_config, wait_until, web_config)

ATLANTA = PLACES["atlanta"].client


class Views(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared)
        cls.meridian = Meridian(cls.shared, web_config(cls.sites))

    def curl(self, path, *arguments):
        return curl("--unix-socket", self.meridian.socket_path, *arguments, "http://meridian" + path).stdout.decode()

    def test_status_tells_what_runs(self):
        status = json.loads(self.curl("/v1/status"))
        self.assertEqual((status["state"], status["generation"], status["workers"]), ("serving", 1, 2))
        self.assertEqual(status["pid"], self.meridian.process.pid)
        self.assertEqual(status["config_file"], self.meridian.config_path)
        self.assertEqual(status["listeners"], [{"name": "web", "address": "%s:%d" % self.meridian.address()}])
        self.assertEqual(status["drains"], [])

    def test_sites_tell_places_states_and_endpoints(self):
        sites = {site["name"]: site for site in json.loads(self.curl("/v1/sites"))["sites"]}
        self.assertEqual(set(sites), set(PLACES))
        for name, site in sites.items():
            self.assertEqual((site["region"], site["state"]), (PLACES[name].region, "up"))
            self.assertEqual([end["address"] for end in site["services"]["web"]["endpoints"]],
                             self.sites.addresses(name))
            self.assertEqual(json.loads(self.curl("/v1/sites/" + name))["name"], name)

    def test_services_tell_their_policy_and_redundancy(self):
        (service,) = json.loads(self.curl("/v1/services"))["services"]
        self.assertEqual((service["name"], service["mode"], service["redundancy"]), ("web", "distributed", 2))
        self.assertEqual(json.loads(self.curl("/v1/services/web"))["state"], "up")

    def test_sessions_in_progress_are_seen(self):
        hold = TcpServer(self.scope, lambda connection: connection.read_to_end())
        meridian = Meridian(self.scope, tcp_config({"dallas": [hold.address]}))
        clients = [Connection(meridian.address()) for _ in range(3)]
        wait_until(lambda: meridian.read("/v1/sites/dallas")["sessions"] == 3, "three sessions are seen")
        self.assertEqual(meridian.read("/v1/status")["clients"], 3)
        for client in clients:
            client.close()
        wait_until(lambda: meridian.read("/v1/sites/dallas")["sessions"] == 0, "none is left")

    def test_explain_says_where_a_request_goes(self):
        for site, place in PLACES.items():
            explained = json.loads(self.curl("/v1/explain?service=web&client=" + place.client))
            self.assertEqual((explained["choice"]["site"], explained["choice"]["reason"]), (site, "nearest"))
            self.assertEqual(get(self.meridian.address(), source=place.client).site, site)
            order = [entry["name"] for entry in sorted(explained["sites"], key=lambda entry: entry["rank"])]
            self.assertEqual(order[0], site)
            distances = [entry["distance_km"] for entry in explained["sites"]]
            self.assertEqual(distances, sorted(distances))

    def test_config_is_shown_as_loaded(self):
        config = json.loads(self.curl("/v1/config"))
        self.assertEqual(set(config["regions"]), {place.region for place in PLACES.values()})
        self.assertEqual(config["services"]["web"]["health_check"], "ready")

    def test_health_and_readiness_are_plain(self):
        self.assertEqual(self.curl("/healthz"), "ok\n")
        self.assertEqual(self.curl("/readyz"), "serving\n")


class Refusals(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared, endpoints=1)
        cls.meridian = Meridian(cls.shared, web_config(cls.sites))

    def refused(self, status, method, path, body=None, headers=None):
        got, value = self.meridian.api(method, path, body, headers)
        self.assertEqual(got, status, value)
        self.assertEqual(set(value["error"]), {"code", "message"})
        return value["error"]["message"]

    def test_what_is_not_there_is_404(self):
        self.refused(404, "GET", "/v2/status")
        self.assertIn("did you mean 'dallas'?", self.refused(404, "GET", "/v1/sites/dalas"))
        self.assertIn("did you mean 'web'?", self.refused(404, "GET", "/v1/services/wep"))
        self.refused(404, "GET", "/v1/explain?service=nope&client=1.2.3.4")
        self.assertIn("did you mean 'dallas'?", self.refused(404, "POST", "/v1/drain", {"target": "dalas"}))
        self.refused(404, "POST", "/v1/drain", {"target": "dallas/10.0.0.1:80"})

    def test_what_is_not_done_there_is_405_with_what_is(self):
        self.assertIn("POST", self.refused(405, "GET", "/v1/reload"))
        self.refused(405, "POST", "/v1/status")
        done = curl("--unix-socket", self.meridian.socket_path, "--request", "PATCH", "--include",
                    "http://meridian/v1/drain")
        self.assertRegex(done.stdout.decode(), r"(?mi)^Allow: GET, HEAD, POST, DELETE\r$")

    def test_what_is_wrong_is_400(self):
        self.refused(400, "GET", "/v1/explain?service=web")
        self.refused(400, "GET", "/v1/explain?service=web&client=nowhere")
        self.refused(400, "POST", "/v1/drain", ["dallas"])
        self.refused(400, "POST", "/v1/drain", {"site": "dallas"})
        self.refused(400, "POST", "/v1/drain", {"target": "dallas", "deadline": "soon"})
        self.refused(400, "POST", "/v1/drain")

    def test_events_are_told_as_they_happen(self):
        def events(**more):
            query = "&".join(["follow=false"] + ["%s=%s" % item for item in more.items()])
            return json.loads(curl("--unix-socket", self.meridian.socket_path,
                                   "http://meridian/v1/events?" + query).stdout)
        known = events()["last"]
        stream = subprocess.Popen(["curl", "--silent", "--no-buffer", "--max-time", "60", "--unix-socket",
                                   self.meridian.socket_path, "--header", "Last-Event-ID: %d" % known,
                                   "http://meridian/v1/events"], stdout=subprocess.PIPE)
        try:
            run_meridian("drain", "dallas", "--socket", self.meridian.socket_path)
            run_meridian("undrain", "dallas", "--socket", self.meridian.socket_path)
            told = []
            while not any("dallas: serve" in line for line in told):
                told.append(stream.stdout.readline().decode())
                self.assertNotEqual(told[-1], "", told)
        finally:
            stream.kill()
            stream.wait()
            stream.stdout.close()
        self.assertIn("event: intent\n", told)
        self.assertTrue(any("dallas: drain by " in line for line in told), told)
        texts = [event["text"] for event in events(since=known)["events"]]
        self.assertTrue(any("draining" in text for text in texts), texts)
        shown = run_meridian("events", "--socket", self.meridian.socket_path)
        self.assertRegex(shown.stdout, r"(?m)^20\S+  process   serving generation 1$")
        self.assertRegex(shown.stdout, r"(?m)  intent    dallas: serve")

    def test_what_is_not_supported_yet_is_501(self):
        self.refused(501, "PUT", "/v1/sites/dallas", {})

    def test_a_web_page_may_not_change_anything(self):
        self.refused(403, "POST", "/v1/drain", {"target": "dallas"}, {"Origin": "http://evil.test"})
        self.assertEqual(self.meridian.site_state("dallas"), "up")

    def test_garbage_is_refused_and_the_next_one_served(self):
        self.refused(400, "GET", "/%zz")
        self.assertEqual(self.meridian.read("/v1/status")["state"], "serving")


class Drains(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared)

    def setUp(self):
        super().setUp()
        self.meridian = Meridian(self.scope, web_config(self.sites, session={"by": "cookie"}, overprovision=100))

    def get(self, source, cookie=None):
        return get(self.meridian.address(), source=source, headers={"Cookie": cookie} if cookie else {})

    def drain(self, target, **more):
        status, value = self.meridian.api("POST", "/v1/drain", {"target": target, **more})
        self.assertEqual(status, 200, value)
        return value

    def undrain(self, target):
        self.assertEqual(self.meridian.api("DELETE", "/v1/drain", {"target": target})[0], 200)

    def test_a_site_keeps_its_sessions_and_gets_no_new_ones(self):
        before = self.get(ATLANTA)
        self.drain("atlanta", author="me", reason="kernel", deadline="5m")
        site = self.meridian.read("/v1/sites/atlanta")
        self.assertEqual((site["state"], site["intent"]["author"], site["intent"]["reason"]),
                         ("draining", "me", "kernel"))
        for _ in range(20):
            self.assertEqual(self.get(ATLANTA).site, "dallas")
            self.assertEqual(self.get(ATLANTA, before.cookie).endpoint, before.endpoint)
        self.undrain("atlanta")
        self.meridian.wait_site("atlanta", "up")
        self.assertEqual(self.get(ATLANTA).site, "atlanta")

    def test_an_endpoint_keeps_its_sessions_and_gets_no_new_ones(self):
        before = self.get(ATLANTA)
        self.drain("atlanta/" + self.sites.address_of(before.endpoint))
        other = {"atlanta-1": "atlanta-2", "atlanta-2": "atlanta-1"}[before.endpoint]
        self.assertEqual({self.get(ATLANTA).endpoint for _ in range(20)}, {other})
        self.assertEqual({self.get(ATLANTA, before.cookie).endpoint for _ in range(20)}, {before.endpoint})
        self.undrain("atlanta/" + self.sites.address_of(before.endpoint))
        wait_until(lambda: self.get(ATLANTA).endpoint == before.endpoint, "it gets new sessions again")

    def test_a_region_is_all_of_its_sites(self):
        config = web_config(self.sites)
        south = config["regions"].pop("us-south")
        config["regions"]["us-east"]["sites"].update(south["sites"])
        self.assertTrue(self.meridian.reload(config)["accepted"])
        self.drain("us-east")
        self.assertEqual(self.get(ATLANTA).site, "san-jose")
        self.assertEqual(self.get(PLACES["dallas"].client).site, "san-jose")
        self.undrain("us-east")
        self.assertEqual(self.get(ATLANTA).site, "atlanta")

    def test_at_the_deadline_sessions_are_moved(self):
        before = self.get(ATLANTA)
        self.drain("atlanta", deadline="300ms")
        self.assertEqual(self.get(ATLANTA, before.cookie).endpoint, before.endpoint)
        self.meridian.wait_site("atlanta", "out")
        moved = self.get(ATLANTA, before.cookie)
        self.assertEqual((moved.status, moved.site), (200, "dallas"))
        self.assertTrue(moved.cookie)

    def test_a_request_under_way_is_not_cut_by_a_drain(self):
        asked, go_on = [], []

        def slow(request_seen, connection):
            asked.append(request_seen)
            wait_until(lambda: go_on, "the test goes on", 30)
            connection.send(answer(b"done"))
        site = ScriptedServer(self.scope, slow)
        meridian = Meridian(self.scope, web_config({"dallas": [site.address]}), name="slow")
        with Connection(meridian.address()) as connection:
            connection.ask()
            wait_until(lambda: asked, "the request is under way")
            self.assertEqual(meridian.api("POST", "/v1/drain", {"target": "dallas"})[0], 200)
            go_on.append(True)
            self.assertEqual(connection.read_response().body, b"done")

    def test_whatif_asks_what_runs_with_what_is_drained_already(self):
        self.drain("atlanta")
        done = self.meridian.cli("whatif", "--down", "dallas", "--json")
        told = json.loads(done.stdout)
        self.assertIn("dallas", told["down"])
        self.assertLessEqual({"atlanta/" + address for address in self.sites.addresses("atlanta")}, set(told["down"]))
        after = {site["name"]: site["after"] for site in told["sites"]}
        self.assertEqual((after["atlanta"], after["dallas"]), (0, 0))
        self.assertEqual(after["san-jose"], told["sessions_after"])
        self.assertIn("san-jose", self.meridian.cli("whatif", "--down", "dallas").stdout)
        wrong = self.meridian.cli("whatif", "--down", "dalas")
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("did you mean 'dallas'?", wrong.stderr)

    def test_drains_survive_a_restart_and_a_crash(self):
        self.drain("atlanta", author="me", reason="kernel")
        self.drain("dallas/" + self.sites.addresses("dallas")[0])
        self.assertEqual(self.meridian.terminate(), 0)
        self.meridian.start()
        self.check_drained()
        self.meridian.process.kill()
        self.meridian.start()
        self.check_drained()
        self.undrain("atlanta")
        self.meridian.process.kill()
        self.meridian.start()
        self.assertEqual(self.meridian.site_state("atlanta"), "up")
        self.assertEqual([entry["target"] for entry in self.meridian.read("/v1/status")["drains"]],
                         ["dallas/" + self.sites.addresses("dallas")[0]])

    def check_drained(self):
        drains = {entry["target"]: entry for entry in self.meridian.read("/v1/status")["drains"]}
        self.assertEqual(drains["atlanta"]["reason"], "kernel")
        self.assertEqual(self.get(ATLANTA).site, "dallas")
        self.assertEqual({self.get(ATLANTA).endpoint for _ in range(10)}, {"dallas-2"})

    def test_a_damaged_state_file_is_kept_aside(self):
        self.drain("atlanta")
        path = self.meridian.directory + "/state/"
        (name,) = os.listdir(path)
        self.assertEqual(self.meridian.terminate(), 0)
        with open(path + name, "r+b") as file:
            file.seek(10)
            file.write(b"\xff\xff\xff\xff")
        self.meridian.start()
        self.assertTrue(os.path.exists(path + name + ".corrupt"))
        self.assertEqual(self.meridian.site_state("atlanta"), "up")


_SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[^}]*\})? (-?[0-9.e+-]+|\+Inf|NaN)$")
_LABELS = re.compile(r"^\{([a-zA-Z_][a-zA-Z0-9_]*=\"(?:[^\"\\\n]|\\[\\\"n])*\"(,|(?=\})))*\}$")


class Metrics(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared)
        cls.meridian = Meridian(cls.shared, web_config(cls.sites))

    def parse(self, text):
        """{family: type}, {sample with labels: value}; fails on what promtool would not take."""
        helps, types, samples, family = set(), {}, {}, None
        for line in text.splitlines():
            if line == "# EOF":
                break
            if line.startswith("# HELP "):
                family = line.split(" ", 3)[2]
                self.assertNotIn(family, helps, "HELP twice")
                self.assertTrue(line.split(" ", 3)[3].strip(), line)
                helps.add(family)
                continue
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self.assertEqual(name, family)
                self.assertNotIn(name, types, "TYPE twice")
                self.assertIn(kind, ("counter", "gauge", "histogram"))
                types[name] = kind
                continue
            match = _SAMPLE.match(line)
            self.assertTrue(match, line)
            if match[2]:
                self.assertTrue(_LABELS.match(match[2]), line)
            base = re.sub(r"_(bucket|sum|count)$", "", match[1]) if types[family] == "histogram" else match[1]
            self.assertIn(base, (family, family + "_total"), line)
            key = match[1] + (match[2] or "")
            self.assertNotIn(key, samples, "a sample twice")
            samples[key] = float(match[3])
        self.assertEqual(helps, set(types))
        return types, samples

    def test_the_exposition_is_well_formed(self):
        for _ in range(3):
            self.assertEqual(get(self.meridian.address(), source=ATLANTA).status, 200)
        types, samples = self.parse(self.meridian.read("/metrics"))
        for name, kind in types.items():
            self.assertTrue(name.startswith("meridian_"), name)
            self.assertEqual(kind == "counter", name.endswith("_total"), name)
        for name in (name for name, kind in types.items() if kind == "histogram"):
            self.check_histogram(name, samples)

    def check_histogram(self, name, samples):
        series = {}
        for key, value in samples.items():
            match = re.match(re.escape(name) + r"_bucket\{(.*?),?le=\"([^\"]+)\"\}$", key)
            if match:
                series.setdefault(match[1], []).append((float(match[2]), value))
        for labels, buckets in series.items():
            self.assertEqual(buckets, sorted(buckets))
            self.assertEqual(buckets[-1][0], float("inf"))
            values = [value for _, value in buckets]
            self.assertEqual(values, sorted(values))
            self.assertEqual(values[-1], samples["%s_count{%s}" % (name, labels)])
            self.assertGreaterEqual(samples["%s_sum{%s}" % (name, labels)], 0)

    def test_openmetrics_is_served_to_who_asks(self):
        text = self.meridian.api("GET", "/metrics", headers={"Accept": "application/openmetrics-text"})[1]
        self.assertTrue(text.endswith("# EOF\n"))
        types, _ = self.parse(text)
        self.assertFalse(any(name.endswith("_total") for name in types))

    def test_counters_move_with_traffic(self):
        count = self.meridian.metric
        before = {
            "requests": count("meridian_requests_total", service="web", site="atlanta", code="2xx"),
            "decisions": count("meridian_decisions_total", site="atlanta", reason="nearest"),
            "connections": count("meridian_connections_total", listener="web"),
            "hits": count("meridian_geo_lookups_total", result="hit"),
            "sent": count("meridian_sent_bytes_total", site="atlanta"),
            "received": count("meridian_received_bytes_total", site="atlanta"),
            "bad": count("meridian_failures_total", reason="bad-request"),
        }
        body = b""
        for _ in range(10):
            body = request(self.meridian.address(), "POST", source=ATLANTA, body=b"12345").body
        with Connection(self.meridian.address()) as connection:
            connection.send(b"nonsense\r\n\r\n")
            connection.read_response()
        after = self.meridian.metric
        self.assertEqual(after("meridian_requests_total", service="web", site="atlanta", code="2xx"),
                         before["requests"] + 10)
        self.assertEqual(after("meridian_decisions_total", site="atlanta", reason="nearest"),
                         before["decisions"] + 10)
        self.assertEqual(after("meridian_connections_total", listener="web"), before["connections"] + 11)
        self.assertEqual(after("meridian_geo_lookups_total", result="hit"), before["hits"] + 10)
        self.assertEqual(after("meridian_sent_bytes_total", site="atlanta"), before["sent"] + 10 * len(body))
        self.assertEqual(after("meridian_received_bytes_total", site="atlanta"), before["received"] + 50)
        self.assertEqual(after("meridian_failures_total", reason="bad-request"), before["bad"] + 1)

    def test_a_client_of_unknown_place_is_a_miss(self):
        before = self.meridian.metric("meridian_geo_lookups_total", result="miss")
        self.assertEqual(get(self.meridian.address(), source="127.0.99.1").status, 200)
        self.assertEqual(self.meridian.metric("meridian_geo_lookups_total", result="miss"), before + 1)

    def test_checks_are_counted(self):
        before = self.meridian.metric("meridian_checks_total")
        wait_until(lambda: self.meridian.metric("meridian_checks_total") > before, "another check is counted")

    def test_states_are_metrics(self):
        meridian = Meridian(self.scope, web_config(self.sites))
        self.assertEqual(meridian.metric("meridian_site_up"), 3)
        meridian.api("POST", "/v1/drain", {"target": "dallas"})
        self.assertEqual(meridian.metric("meridian_site_state", site="dallas", state="draining"), 1)
        self.assertEqual(meridian.metric("meridian_site_up"), 2)
        self.assertEqual(meridian.metric("meridian_endpoint_up", site="dallas"), 0)
        self.assertEqual(meridian.metric("meridian_drains", intent="drain"), 1)

    def test_memory_and_descriptors_are_the_process_own(self):
        resident = self.meridian.metric("meridian_process_resident_memory_bytes")
        self.assertAlmostEqual(resident, self.meridian.process.resident_bytes(), delta=8 << 20)
        self.assertGreater(self.meridian.metric("meridian_process_open_fds"), 5)


class OverHttp(SystemTest):
    TOKEN = "a-long-secret-of-the-test"

    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared, endpoints=1)

    def launch(self, with_token):
        config = web_config(self.sites)
        config["admin"]["http"] = "127.0.0.1:0"
        if with_token:
            config["admin"]["token_file"] = "token"
        meridian = Meridian(self.scope, config, start=False)
        with open(meridian.directory + "/token", "w", encoding="ascii") as file:
            file.write(self.TOKEN + "\n")
        meridian.start()
        port = re.search(r"admin\.http: listening on 127\.0\.0\.1:(\d+)", meridian.process.stderr())[1]
        return meridian, ("127.0.0.1", int(port))

    def drain(self, address, token=None):
        headers = {"Authorization": "Bearer " + token} if token else {}
        return request(address, "POST", "/v1/drain", headers=headers, body=b'{"target": "dallas"}')

    def test_reads_are_open_and_changes_need_the_token(self):
        meridian, address = self.launch(True)
        self.assertEqual(get(address, "/v1/status").status, 200)
        self.assertIn("meridian_build_info", get(address, "/metrics").text)
        missing = self.drain(address)
        self.assertEqual((missing.status, missing.get("WWW-Authenticate")), (401, "Bearer"))
        self.assertEqual(self.drain(address, self.TOKEN[:-1]).status, 401)
        self.assertEqual(self.drain(address, self.TOKEN + "x").status, 401)
        self.assertEqual(meridian.site_state("dallas"), "up")
        self.assertEqual(self.drain(address, self.TOKEN).status, 200)
        self.assertEqual(meridian.site_state("dallas"), "draining")

    def test_without_a_token_it_is_read_only(self):
        meridian, address = self.launch(False)
        self.assertEqual(self.drain(address, "anything").status, 403)
        self.assertEqual(request(address, "POST", "/v1/stop").status, 403)
        self.assertEqual(get(address, "/readyz").status, 200)
        self.assertEqual(meridian.site_state("dallas"), "up")


if __name__ == "__main__":
    main()
