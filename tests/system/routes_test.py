"""Routes through nginx sites: what a route takes, where it leads, what it changes and answers."""
import collections
import re
import subprocess

from harness import PLACES, Connection, Meridian, Sites, SystemTest, curl, get, main, request, wait_until, web_config


def routes_config(sites, routes, **services):
    """The services main, api and next at atlanta, dallas and san-jose; one listener with these routes."""
    config = web_config({})
    config["regions"] = {"one": {"sites": {}}}
    for site, service in (("atlanta", "main"), ("dallas", "api"), ("san-jose", "next")):
        place = PLACES[site]
        config["regions"]["one"]["sites"][site] = {
            "latitude": place.latitude, "longitude": place.longitude,
            "services": {service: sites.addresses(site)}}
    config["services"] = {name: {"health_check": "ready", **services.get(name, {})}
                          for name in ("main", "api", "next")}
    config["listeners"]["web"] = {"bind": ["127.0.0.1:0"], "protocol": "http", "routes": routes}
    return config


class Matches(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared, endpoints=1)
        cls.meridian = Meridian(cls.shared, routes_config(cls.sites, [
            {"path": {"exact": "/login"}, "methods": ["GET", "HEAD"], "service": "api"},
            {"path": {"regex": "/v[0-9]+/(users|groups)"}, "service": "api"},
            {"match": {"header": {"X-Beta": "1"}}, "service": "next"},
            {"match": {"query": {"beta": "yes please", "user": "*"}}, "service": "next"},
            {"service": "main"}]))

    def site(self, path="/", method="GET", headers=()):
        return request(self.meridian.address(), method, path, headers=headers).site

    def test_an_exact_path_and_a_method(self):
        self.assertEqual(self.site("/login"), "dallas")
        self.assertEqual(self.site("/login?next=/"), "dallas")
        self.assertEqual(self.site("/login", "HEAD"), "dallas")
        self.assertEqual(self.site("/login", "DELETE"), "atlanta")
        self.assertEqual(self.site("/login/"), "atlanta")

    def test_an_expression_over_the_whole_path(self):
        self.assertEqual(self.site("/v12/users"), "dallas")
        self.assertEqual(self.site("/v12/users/1"), "atlanta")

    def test_a_header(self):
        self.assertEqual(self.site(headers={"x-beta": "1"}), "san-jose")
        self.assertEqual(self.site(headers={"X-Beta": "2"}), "atlanta")

    def test_parameters_as_curl_encodes_them(self):
        done = curl("--get", "--data-urlencode", "beta=yes please", "--data-urlencode", "user=ä&ö", "--output",
                    "/dev/null", "--dump-header", "-", self.meridian.url())
        self.assertIn(b"Meridian-Site: san-jose", done.stdout)
        self.assertEqual(self.site("/?beta=yes+please"), "atlanta")

    def test_another_spelling_of_a_path_takes_the_same_route(self):
        done = curl("--path-as-is", "--output", "/dev/null", "--dump-header", "-",
                    self.meridian.url("/x/../lo%67in"))
        self.assertIn(b"Meridian-Site: dallas", done.stdout)

    def test_check_names_the_place_of_a_bad_expression(self):
        config = routes_config(self.sites, [{"path": {"regex": "/(a"}, "service": "api"}])
        answer = self.meridian.reload(config)
        self.assertIn("listeners.web.routes[0].path.regex: '/(a' is not a regular expression", str(answer))
        self.assertEqual(self.site("/login"), "dallas")


class Canary(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared, endpoints=1)

    def launch(self, **session):
        policy = {"session": session} if session else {}
        return Meridian(self.scope, routes_config(
            self.sites, [{"services": {"main": 70, "next": 30}}], main=policy, next=policy))

    def test_requests_without_a_session_follow_the_weights(self):
        meridian = self.launch()
        counts = collections.Counter()
        with Connection(meridian.address()) as connection:
            for _ in range(1000):
                counts[connection.request().site] += 1
        self.assertAlmostEqual(counts["san-jose"], 300, delta=70)  # 4.8 standard deviations
        self.assertEqual(sum(counts.values()), counts["san-jose"] + counts["atlanta"])

    def test_a_cookie_keeps_a_client_on_its_side(self):
        meridian = self.launch(by="cookie")
        sides = collections.Counter()
        for _ in range(30):
            first = get(meridian.address())
            sides[first.site] += 1
            for _ in range(5):
                again = get(meridian.address(), headers={"Cookie": first.cookie})
                self.assertEqual(again.site, first.site)
        self.assertEqual(set(sides), {"atlanta", "san-jose"})

    def test_an_address_stays_on_its_side(self):
        meridian = self.launch(by="source")
        sides = collections.Counter()
        for number in range(1, 41):
            source = "127.0.1.%d" % number
            sites = {get(meridian.address(), source=source).site for _ in range(4)}
            self.assertEqual(len(sites), 1)
            sides.update(sites)
        self.assertEqual(set(sides), {"atlanta", "san-jose"})


class Actions(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared, endpoints=1)
        cls.meridian = Meridian(cls.shared, routes_config(cls.sites, [
            {"path": "/api", "service": "api", "rewrite": {"prefix": "/v2"},
             "headers": {"set": {"Server": "meridian"}, "add": {"X-Env": "prod"}, "remove": ["X-Endpoint"]}},
            {"path": "/forwarded", "service": "main", "rewrite": {"host": "main.internal:81"}},
            {"path": "/old", "redirect": {"to": "https://{host}/new{path}", "status": 301}},
            {"path": "/elsewhere", "redirect": {"to": "http://" + cls.sites["dallas"].addresses[0]}},
            {"path": {"exact": "/robots.txt"}, "respond": {"body": "User-agent: *\n"}},
            {"path": "/secret", "respond": {"status": 403, "body": "no\n"}},
            {"service": "main"}]))

    def test_the_server_is_asked_for_the_rewritten_path(self):
        for path, asked in (("/api/x?y=1", "/v2/x?y=1"), ("/api", "/v2"), ("/x/../%61pi/z", "/v2/z")):
            done = curl("--path-as-is", self.meridian.url(path))
            self.assertEqual(done.stdout.decode(), "dallas-1 %s\n" % asked)

    def test_the_server_is_told_the_rewritten_host_and_the_clients(self):
        response = get(self.meridian.address(), "/forwarded", headers={"Host": "app.example.com"})
        host, _, _, forwarded_host = response.text.split("|")
        self.assertEqual((host, forwarded_host), ("main.internal:81", "app.example.com"))

    def test_response_headers_are_set_added_and_removed(self):
        response = get(self.meridian.address(), "/api")
        self.assertEqual(response.all("Server"), ["meridian"])
        self.assertEqual(response.all("X-Env"), ["prod"])
        self.assertEqual(response.all("X-Endpoint"), [])

    def test_a_redirect_is_followed_by_curl_with_path_and_query(self):
        done = curl("--location", self.meridian.url("/elsewhere?a=b"))
        self.assertEqual(done.stdout.decode(), "dallas-1 /elsewhere?a=b\n")
        response = get(self.meridian.address(), "/old/x?y", headers={"Host": "app.example.com"})
        self.assertEqual((response.status, response.get("Location"), response.get("Meridian-Reason")),
                         (301, "https://app.example.com/new/old/x?y", "redirect"))

    def test_fixed_responses_keep_the_connection(self):
        with Connection(self.meridian.address()) as connection:
            response = connection.request(path="/robots.txt")
            self.assertEqual((response.status, response.text), (200, "User-agent: *\n"))
            self.assertEqual(connection.request("HEAD", "/robots.txt").status, 200)
            response = connection.request("POST", "/x/../secret", body=b"a body")
            self.assertEqual((response.status, response.text), (403, "no\n"))
            self.assertEqual(connection.request().status, 200)
        self.assertGreaterEqual(self.meridian.metric("meridian_route_answers_total", code="4xx"), 1)

    def test_http2_takes_the_same_routes(self):
        def ask(path, *arguments):
            done = curl("--http2-prior-knowledge", "--include", *arguments, self.meridian.url(path))
            head, body = done.stdout.decode().replace("\r", "").split("\n\n", 1)
            return head.lower(), body
        head, body = ask("/api/x?y=1")
        self.assertTrue(head.startswith("http/2 200"), head)
        self.assertEqual(body, "dallas-1 /v2/x?y=1\n")
        self.assertIn("\nserver: meridian\n", head)
        self.assertNotIn("x-endpoint", head)
        head, body = ask("/old/x")
        self.assertTrue(head.startswith("http/2 301"), head)
        self.assertRegex(head, r"\nlocation: https://127.0.0.1:\d+/new/old/x(\n|$)")
        head, body = ask("/secret", "--data", "a=b")
        self.assertTrue(head.startswith("http/2 403"), head)
        self.assertEqual(body, "no\n")
        self.assertTrue(ask("/robots.txt")[1].startswith("User-agent"))

    def test_what_could_smuggle_is_refused_by_check(self):
        for action, told in (
                ({"headers": {"set": {"X-A": "a\r\nX-B: b"}}}, "has a line break"),
                ({"request_headers": {"set": {"Content-Length": "0"}}}, "says where a body ends"),
                ({"request_headers": {"remove": ["Transfer-Encoding"]}}, "belongs to one connection"),
                ({"request_headers": {"remove": ["Host"]}}, "expected rewrite.host"),
                ({"rewrite": {"host": ""}}, "is not a host")):
            answer = self.meridian.reload(routes_config(self.sites, [{"service": "main", **action}]))
            self.assertIn(told, str(answer))


class Mirrors(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared, endpoints=1)

    def launch(self, **mirror):
        return Meridian(self.scope, routes_config(self.sites, [
            {"service": "main", "mirror": {"service": "next", **mirror}}], next={"timeouts": {"response": "2s"}}))

    def test_the_copy_has_the_body_and_the_answer_is_the_services_own(self):
        meridian = self.launch()
        body = b"a body of some length" * 1000
        response = request(meridian.address(), "PUT", "/stored/copied", body=body)
        self.assertEqual(response.site, "atlanta")
        for site in ("atlanta", "san-jose"):
            wait_until(lambda at=site: any(line.uri == "/stored/copied" for line in self.sites[at].log()),
                       site + " was asked")
            self.assertEqual(self.sites[site].stored("copied"), body)
        wait_until(lambda: meridian.metric("meridian_mirrored_requests_total", result="answered") == 1, "it is counted")

    def test_a_share_is_copied(self):
        meridian = self.launch(share="20%")
        with Connection(meridian.address()) as connection:
            for number in range(300):
                self.assertEqual(connection.request(path="/shared/%d" % number).status, 200)
        copied = sum(line.uri.startswith("/shared/") for line in self.sites["san-jose"].log())
        self.assertAlmostEqual(copied, 60, delta=33)  # 4.7 standard deviations

    def test_a_paused_mirror_is_not_felt(self):
        meridian = self.launch()
        get(meridian.address())
        self.sites["san-jose"].pause()
        self.addCleanup(self.sites["san-jose"].resume)
        with Connection(meridian.address()) as connection:
            for _ in range(400):
                response = connection.request()
                self.assertEqual((response.status, response.site), (200, "atlanta"))


class Limits(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared, names=("atlanta",), endpoints=1)

    def launch(self, **limits):
        config = web_config(self.sites)
        config["listeners"]["web"]["limits"] = limits
        return Meridian(self.scope, config)

    def test_a_rate_holds_over_all_workers_and_leaves_others_alone(self):
        meridian = self.launch(rate=1, rate_burst=5)
        answers = collections.Counter()
        for _ in range(20):  # connections of their own: both workers
            response = get(meridian.address(), source="127.0.0.7")
            answers[response.status] += 1
            if response.status == 429:
                self.assertEqual((response.get("Meridian-Reason"), response.get("Retry-After")), ("rate-limited", "1"))
        self.assertGreaterEqual(answers[200], 5)
        self.assertLessEqual(answers[200], 9)  # what the time it took has paid for
        self.assertEqual(get(meridian.address(), source="127.0.0.8").status, 200)
        self.assertEqual(meridian.metric("meridian_failures_total", reason="rate-limited"), answers[429])

    def test_a_key_is_limited_whoever_brings_it(self):
        meridian = self.launch(rate=1, rate_by="header:X-Key")
        key = {"X-Key": "one"}
        self.assertEqual(get(meridian.address(), headers=key).status, 200)
        self.assertEqual(get(meridian.address(), source="127.0.0.7", headers=key).status, 429)
        self.assertEqual(get(meridian.address(), headers={"X-Key": "two"}).status, 200)

    def test_http2_streams_count_like_requests(self):
        meridian = self.launch(rate=1, rate_burst=2)
        urls = [meridian.url("/%d" % number) for number in range(6)]
        done = subprocess.run(["nghttp", "--null-out", "--stat", *urls], capture_output=True, encoding="utf-8",
                              timeout=30, check=True)
        codes = collections.Counter(re.findall(r" ([0-9]{3}) +[0-9]+ /[0-9]$", done.stdout, re.MULTILINE))
        self.assertEqual(codes, {"200": 2, "429": 4}, done.stdout)

    def test_an_http2_connection_ends_with_its_last_request(self):
        meridian = self.launch(requests_per_connection=2)
        done = subprocess.run(["h2load", "-n", "8", "-c", "1", "-m", "1", meridian.url()], capture_output=True,
                              encoding="utf-8", timeout=30, check=False)
        self.assertIn("status codes: 2 2xx", done.stdout)

    def test_connections_of_one_address_are_counted_over_all_workers(self):
        meridian = self.launch(connections_per_client=4)
        held = [Connection(meridian.address(), "127.0.0.7") for _ in range(4)]
        for connection in held:
            self.assertEqual(connection.request().status, 200)
        response = get(meridian.address(), source="127.0.0.7")
        self.assertEqual((response.status, response.get("Meridian-Reason")), (429, "too-many-connections"))
        self.assertEqual(get(meridian.address(), source="127.0.0.8").status, 200)
        held.pop().close()
        wait_until(lambda: get(meridian.address(), source="127.0.0.7").status == 200, "the place is free again")
        for connection in held:
            connection.close()

    def test_curl_is_told_to_come_again_on_another_connection(self):
        meridian = self.launch(requests_per_connection=2)
        done = curl("--dump-header", "-", *["--output", "/dev/null", meridian.url()] * 3)
        self.assertEqual(done.stdout.decode().count("Connection: close"), 1)

    def test_a_body_that_comes_too_slowly_is_cut_off(self):
        meridian = self.launch(body_timeout="1s")
        with Connection(meridian.address()) as connection:
            connection.ask("PUT", "/stored/x", {"Content-Length": "100"})
            response = connection.read_response()
            self.assertEqual((response.status, response.get("Meridian-Reason")), (408, "body-timeout"))
            self.assertTrue(connection.ended())


if __name__ == "__main__":
    main()
