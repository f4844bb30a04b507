"""Where a request goes, through nginx sites: distance, trust, fences, steering, sessions, routes."""
import collections
import math

from harness import (PLACES, Connection, Meridian, Sites, SystemTest, curl, get, main, wait_until,
                     web_config)

_SIGMAS = 4.5  # of a binomial share: a fair one fails once in 150,000 runs


def site_by_curl(meridian, place, *arguments):
    done = curl("--dump-header", "-", "--output", "/dev/null", *arguments, meridian.url(),
                interface=PLACES[place].client)
    fields = dict(line.split(": ", 1) for line in done.stdout.decode().split("\r\n") if ": " in line)
    return fields.get("Meridian-Site"), fields.get("Meridian-Reason")


def within(test, counts, shares):
    """Each count is within _SIGMAS standard deviations of its share."""
    total = sum(counts.values())
    for name, share in shares.items():
        spread = _SIGMAS * math.sqrt(total * share * (1 - share))
        test.assertLessEqual(abs(counts[name] - total * share), spread, "%s of %r" % (name, counts))
    test.assertEqual(set(counts), {name for name, share in shares.items() if share > 0})


def many_clients(meridian, count):
    """Sites that so many different clients get; their addresses come from a trusted proxy."""
    counts = collections.Counter()
    with Connection(meridian.address(), "127.0.0.9") as connection:
        for number in range(count):
            client = "10.1.%d.%d" % (number // 250, number % 250 + 1)
            counts[connection.request(headers={"X-Forwarded-For": client}).site] += 1
    return counts


class Nearest(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared)
        config = web_config(cls.sites)
        config["listeners"]["web"]["trusted_proxies"] = ["127.0.0.9/32", "10.9.0.0/16"]
        cls.meridian = Meridian(cls.shared, config)

    def test_a_client_gets_the_site_nearest_to_its_address(self):
        for place in PLACES:
            self.assertEqual(site_by_curl(self.meridian, place), (place, "nearest"))

    def test_the_body_comes_from_an_endpoint_of_that_site(self):
        for place, known in PLACES.items():
            response = get(self.meridian.address(), source=known.client)
            self.assertEqual(response.site, place)
            self.assertTrue(response.endpoint.startswith(place + "-"), response)
            self.assertIn(response.endpoint, response.text)

    def test_x_forwarded_for_counts_from_a_trusted_proxy(self):
        for place, known in PLACES.items():
            fields = {"X-Forwarded-For": known.client}
            self.assertEqual(get(self.meridian.address(), source="127.0.0.9", headers=fields).site, place)

    def test_x_forwarded_for_of_anybody_else_is_ignored(self):
        fields = {"X-Forwarded-For": PLACES["san-jose"].client}
        response = get(self.meridian.address(), source=PLACES["atlanta"].client, headers=fields)
        self.assertEqual(response.site, "atlanta")

    def test_the_rightmost_untrusted_address_is_the_client(self):
        dallas, atlanta = PLACES["dallas"].client, PLACES["atlanta"].client
        chain = "%s, %s, 10.9.1.1" % (atlanta, dallas)
        response = get(self.meridian.address(), source="127.0.0.9", headers={"X-Forwarded-For": chain})
        self.assertEqual(response.site, "dallas")

    def test_both_endpoints_of_a_site_are_used(self):
        ends = {get(self.meridian.address(), source=PLACES["dallas"].client).endpoint for _ in range(40)}
        self.assertEqual(ends, {"dallas-1", "dallas-2"})


class Steering(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared, endpoints=1)

    def launch(self, weights=None, **service):
        config = web_config(self.sites, **service)
        config["listeners"]["web"]["trusted_proxies"] = ["127.0.0.9/32"]
        for site, weight in (weights or {}).items():
            config["regions"][PLACES[site].region]["sites"][site]["weight"] = weight
        return Meridian(self.scope, config)

    def test_weighted_gives_each_site_its_share_of_clients(self):
        meridian = self.launch({"atlanta": 60, "dallas": 30, "san-jose": 10}, steering="weighted")
        counts = many_clients(meridian, 900)
        within(self, counts, {"atlanta": 0.6, "dallas": 0.3, "san-jose": 0.1})

    def test_weighted_is_stable_for_a_client_and_zero_is_zero(self):
        meridian = self.launch({"atlanta": 50, "dallas": 50, "san-jose": 0}, steering="weighted")
        first = {n: get(meridian.address(), source="127.0.0.%d" % (100 + n)).site for n in range(20)}
        again = {n: get(meridian.address(), source="127.0.0.%d" % (100 + n)).site for n in range(20)}
        self.assertEqual(first, again)
        within(self, many_clients(meridian, 400), {"atlanta": 0.5, "dallas": 0.5, "san-jose": 0})

    def test_ordered_takes_the_first_site_that_is_up(self):
        meridian = self.launch(steering="ordered", order=["san-jose", "dallas", "atlanta"])
        self.assertEqual(site_by_curl(meridian, "atlanta"), ("san-jose", "ordered"))
        self.sites["san-jose"].kill()
        self.addCleanup(self.sites["san-jose"].start)
        meridian.wait_site("san-jose", "down")
        self.assertEqual(site_by_curl(meridian, "atlanta"), ("dallas", "failover"))

    def test_random_spreads_the_requests_of_one_client(self):
        meridian = self.launch(steering="random")
        counts = collections.Counter()
        with Connection(meridian.address()) as connection:
            for _ in range(600):
                counts[connection.request().site] += 1
        within(self, counts, {site: 1 / 3 for site in PLACES})

    def test_a_bias_moves_the_border_between_sites(self):
        config = web_config(self.sites)
        config["regions"]["us-west"]["sites"]["san-jose"]["bias"] = -90
        meridian = Meridian(self.scope, config)
        self.assertEqual(get(meridian.address(), source="127.0.49.1").site, "san-jose")  # Berlin
        self.assertEqual(get(self.launch().address(), source="127.0.49.1").site, "atlanta")


class Fences(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared, endpoints=1)
        cls.meridian = Meridian(cls.shared, web_config(cls.sites, panic="route", rules=[
            {"match": {"header": {"X-Tenant": "blue"}}, "sites": ["san-jose"]},
            {"match": {"network": ["127.0.49.64/26"]}, "sites": ["atlanta"]},
            {"match": {"country": ["DE"]}, "sites": ["dallas"], "strict": True}]))

    def setUp(self):
        super().setUp()
        self.meridian.wait_site("dallas", "up")
        self.meridian.wait_site("san-jose", "up")

    def lose(self, site):
        self.sites[site].kill()
        self.addCleanup(self.sites[site].start)

    def test_a_rule_prefers_its_sites(self):
        address = self.meridian.address()
        self.assertEqual(get(address, source="127.0.49.1").site, "dallas")
        self.assertEqual(get(address, source="127.0.49.65").site, "atlanta")
        self.assertEqual(get(address, headers={"X-Tenant": "blue"}, source="127.0.33.1").site, "san-jose")
        self.assertEqual(get(address, headers={"X-Tenant": "green"}, source="127.0.33.1").site, "atlanta")

    def test_a_rule_without_strict_falls_through(self):
        self.lose("san-jose")
        with Connection(self.meridian.address(), "127.0.33.1") as connection:
            for _ in range(20):
                self.assertEqual(connection.request(headers={"X-Tenant": "blue"}).site, "atlanta")

    def test_a_strict_rule_gives_an_error_and_never_another_site(self):
        self.lose("dallas")
        statuses = set()
        for _ in range(50):
            response = get(self.meridian.address(), source="127.0.49.1")
            self.assertIn(response.status, (502, 503), response)
            self.assertIsNone(response.site)
            statuses.add((response.status, response.get("Meridian-Reason")))
        self.meridian.wait_site("dallas", "down")
        response = get(self.meridian.address(), source="127.0.49.1")
        self.assertEqual((response.status, response.get("Meridian-Reason")), (503, "all-down"))
        self.assertTrue(response.text.strip())
        self.assertEqual(get(self.meridian.address(), source="127.0.32.1").status, 200)
        leaked = [line for site in ("atlanta", "san-jose") for line in self.sites[site].log()
                  if line.uri == "/german"]
        self.assertEqual(leaked, [])

    def test_nothing_of_a_strict_client_reaches_another_site(self):
        self.lose("dallas")
        for _ in range(20):
            self.assertGreaterEqual(get(self.meridian.address(), "/german", "127.0.49.1").status, 500)
        leaked = [line for site in ("atlanta", "san-jose") for line in self.sites[site].log()
                  if line.uri == "/german"]
        self.assertEqual(leaked, [])


class Sessions(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared, separate=True)

    def launch(self, **session):
        return Meridian(self.scope, web_config(self.sites, session=session))

    def test_a_cookie_keeps_the_endpoint_wherever_the_client_goes(self):
        meridian = self.launch(by="cookie", name="stay")
        first = get(meridian.address(), source=PLACES["dallas"].client)
        self.assertTrue(first.cookie.startswith("stay="))
        for mark in ("HttpOnly", "SameSite=Lax", "Path=/"):
            self.assertIn(mark, first.get("Set-Cookie"))
        self.assertNotIn("Secure", first.get("Set-Cookie"))
        for number in range(20):
            source = list(PLACES.values())[number % 3].client
            later = get(meridian.address(), source=source, headers={"Cookie": "a=b; %s; c=d" % first.cookie})
            self.assertEqual(later.endpoint, first.endpoint)
            self.assertEqual(later.get("Meridian-Reason"), "session")
            self.assertIsNone(later.cookie)

    def test_a_cookie_is_honoured_after_reload_and_restart(self):
        key = "0123456789abcdef" * 4
        config = web_config(self.sites, session={"by": "cookie", "key_file": "session.key"})
        meridian = Meridian(self.scope, config, start=False)
        with open(meridian.directory + "/session.key", "w", encoding="ascii") as file:
            file.write(key)
        meridian.start()
        first = get(meridian.address(), source=PLACES["dallas"].client)
        ask = {"Cookie": first.cookie}
        self.assertTrue(meridian.reload()["accepted"])
        self.assertEqual(get(meridian.address(), headers=ask).endpoint, first.endpoint)
        self.assertEqual(meridian.terminate(), 0)
        meridian.start()
        for _ in range(20):
            self.assertEqual(get(meridian.address(), headers=ask).endpoint, first.endpoint)

    def test_a_drain_keeps_the_session_and_closes_the_connection_from_before(self):
        meridian = self.launch(by="cookie")
        first = get(meridian.address(), source=PLACES["dallas"].client)
        ask = {"Cookie": first.cookie}
        with Connection(meridian.address()) as old:
            self.assertIsNone(old.request(headers=ask).get("Connection"))
            self.assertEqual(meridian.cli("drain", "dallas", "--deadline", "1h").returncode, 0)
            answer = old.request(headers=ask)
            self.assertEqual((answer.endpoint, answer.get("Connection")), (first.endpoint, "close"))
            self.assertEqual(old.read_to_end(), b"")
        with Connection(meridian.address()) as new:
            for _ in range(3):
                answer = new.request(headers=ask)
                self.assertEqual((answer.endpoint, answer.get("Connection")), (first.endpoint, None))

    def test_a_key_is_replaced_in_two_steps_and_no_session_is_lost(self):
        old, fresh = "0123456789abcdef", "fedcba9876543210"
        config = web_config(self.sites, session={"by": "cookie", "key_file": "session.key"})
        meridian = Meridian(self.scope, config, start=False)

        def write(*keys):
            with open(meridian.directory + "/session.key", "w", encoding="ascii") as file:
                file.writelines(key + "\n" for key in keys)
        write(old)
        meridian.start()
        first = get(meridian.address(), source=PLACES["dallas"].client)
        cookie, renewed = first.cookie, 0
        for keys in ((old, fresh), (fresh, old), (fresh,)):
            write(*keys)
            self.assertTrue(meridian.reload()["accepted"])
            for _ in range(5):
                response = get(meridian.address(), headers={"Cookie": cookie})
                self.assertEqual(response.endpoint, first.endpoint)
                renewed += response.cookie is not None
                cookie = response.cookie or cookie
        self.assertEqual(renewed, 1)
        self.assertEqual(meridian.metric("meridian_session_pins_total", pin="invalid"), 0)
        get(meridian.address(), headers={"Cookie": first.cookie})
        self.assertEqual(meridian.metric("meridian_session_pins_total", pin="invalid"), 1)

    def test_a_query_parameter_keeps_its_requests_together_wherever_they_come_from(self):
        meridian = self.launch(by="query:user")
        for user in range(10):
            places = {get(meridian.address(), "/?user=u%%20%d" % user, source=place.client).endpoint
                      for place in PLACES.values()}
            self.assertEqual(len(places), 1)

    def test_an_ephemeral_key_survives_a_reload(self):
        meridian = self.launch(by="cookie")
        first = get(meridian.address(), source=PLACES["dallas"].client)
        self.assertTrue(meridian.reload()["accepted"])
        for _ in range(20):
            self.assertEqual(get(meridian.address(), headers={"Cookie": first.cookie}).endpoint, first.endpoint)

    def test_a_session_whose_endpoint_dies_moves_once_and_stays(self):
        meridian = self.launch(by="cookie")
        first = get(meridian.address(), source=PLACES["dallas"].client)
        server = self.sites.server_of(first.endpoint)
        server.kill()
        self.addCleanup(server.start)
        moved = get(meridian.address(), headers={"Cookie": first.cookie}, source=PLACES["dallas"].client)
        self.assertEqual(moved.status, 200)
        self.assertEqual(moved.site, "dallas")
        self.assertNotEqual(moved.endpoint, first.endpoint)
        self.assertTrue(moved.cookie)
        server.start()
        meridian.wait_site("dallas", "up")
        for _ in range(20):
            later = get(meridian.address(), headers={"Cookie": moved.cookie})
            self.assertEqual(later.endpoint, moved.endpoint)

    def test_a_forged_cookie_is_replaced_and_counted(self):
        meridian = self.launch(by="cookie")
        true = get(meridian.address()).cookie
        forged = true[:-1] + ("A" if true[-1] != "A" else "B")
        response = get(meridian.address(), headers={"Cookie": forged}, source=PLACES["atlanta"].client)
        self.assertEqual((response.status, response.site), (200, "atlanta"))
        self.assertTrue(response.cookie)
        self.assertEqual(meridian.metric("meridian_session_pins_total", pin="invalid"), 1)

    def test_a_header_keeps_its_endpoint(self):
        meridian = self.launch(by="header:X-Tenant")
        ends = {}
        for key in ["tenant-%d" % number for number in range(12)]:
            got = {get(meridian.address(), source=PLACES["dallas"].client, headers={"X-Tenant": key}).endpoint
                   for _ in range(20)}
            self.assertEqual(len(got), 1, "%s went to %r" % (key, got))
            ends[key] = got.pop()
        self.assertGreater(len(set(ends.values())), 1)

    def test_a_source_keeps_its_endpoint_within_its_prefix(self):
        meridian = self.launch(by="source", source_prefix_v4=28)
        ends = {}
        for block in range(12):
            got = {get(meridian.address(), source="127.0.32.%d" % (16 * block + number)).endpoint
                   for number in range(1, 11)}
            self.assertEqual(len(got), 1)
            ends[block] = got.pop()
        self.assertGreater(len(set(ends.values())), 1)

    def test_reject_answers_with_its_own_reason(self):
        meridian = self.launch(by="cookie", on_failure="reject")
        first = get(meridian.address(), source=PLACES["dallas"].client)
        server = self.sites.server_of(first.endpoint)
        server.kill()
        self.addCleanup(server.start)
        ends = self.sites.address_of(first.endpoint)
        from_dallas = {"source": PLACES["dallas"].client, "headers": {"Cookie": first.cookie}}

        def is_down():
            return meridian.endpoint_states("dallas")[ends] == "down"

        wait_until(is_down, "the endpoint is down")
        response = get(meridian.address(), **from_dallas)
        self.assertEqual((response.status, response.get("Meridian-Reason")), (503, "session-rejected"))
        self.assertTrue(response.get("Retry-After"))
        server.start()
        wait_until(lambda: not is_down(), "the endpoint is back")
        self.assertEqual(get(meridian.address(), **from_dallas).endpoint, first.endpoint)


class Balance(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared, names=["dallas"], endpoints=3)

    def counts(self, balance, requests=300, weights=(1, 1, 1), **client):
        config = web_config(self.sites, balance=balance)
        config["process"]["workers"] = 1
        config["regions"]["us-south"]["sites"]["dallas"]["services"]["web"] = [
            {"address": address, "weight": weight}
            for address, weight in zip(self.sites.addresses("dallas"), weights)]
        meridian = Meridian(self.scope, config)
        counts = collections.Counter()
        with Connection(meridian.address(), **client) as connection:
            for _ in range(requests):
                counts[connection.request().endpoint] += 1
        return counts

    def test_round_robin_is_exact(self):
        self.assertEqual(self.counts("round-robin", weights=(3, 2, 1)),
                         {"dallas-1": 150, "dallas-2": 100, "dallas-3": 50})

    def test_random_follows_the_weights(self):
        within(self, self.counts("random", 600, (3, 2, 1)),
               {"dallas-1": 3 / 6, "dallas-2": 2 / 6, "dallas-3": 1 / 6})

    def test_least_connections_uses_every_endpoint_and_never_a_weight_of_zero(self):
        counts = self.counts("least-connections", weights=(1, 1, 0))
        self.assertEqual(set(counts), {"dallas-1", "dallas-2"})

    def test_hash_gives_a_client_one_endpoint(self):
        self.assertEqual(len(self.counts("hash", 50, source="127.0.32.7")), 1)


class Routes(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared, endpoints=1)
        config = web_config({})
        config["regions"] = {"one": {"sites": {}}}
        for site, service in (("atlanta", "main"), ("dallas", "api"), ("san-jose", "files")):
            place = PLACES[site]
            config["regions"]["one"]["sites"][site] = {
                "latitude": place.latitude, "longitude": place.longitude,
                "services": {service: cls.sites.addresses(site)}}
        config["services"] = {name: {"health_check": "ready"} for name in ("main", "api", "files")}
        config["listeners"]["web"] = {"bind": ["127.0.0.1:0"], "protocol": "http", "routes": [
            {"host": "app.example.com", "path": "/api", "service": "api"},
            {"host": "app.example.com", "service": "main"},
            {"host": "*.files.example.com", "service": "files"}]}
        cls.meridian = Meridian(cls.shared, config)

    def site(self, host, path="/"):
        response = get(self.meridian.address(), path, headers={"Host": host})
        return response.site if response.status == 200 else response.status

    def test_host_and_path_prefix_choose_the_service(self):
        self.assertEqual(self.site("app.example.com"), "atlanta")
        self.assertEqual(self.site("app.example.com", "/api"), "dallas")
        self.assertEqual(self.site("app.example.com", "/api/v1?x=1"), "dallas")
        self.assertEqual(self.site("a.files.example.com", "/api"), "san-jose")

    def test_a_prefix_ends_at_a_segment(self):
        self.assertEqual(self.site("app.example.com", "/apis"), "atlanta")

    def test_hosts_are_compared_without_case_and_port(self):
        self.assertEqual(self.site("APP.Example.COM:8080", "/api/"), "dallas")

    def test_what_no_route_matches_is_404_with_a_reason(self):
        for host in ("other.example.com", "files.example.com", "example.com"):
            self.assertEqual(self.site(host), 404)
        with Connection(self.meridian.address()) as connection:
            response = connection.request(headers={"Host": "nowhere.test"})
            self.assertEqual(response.get("Meridian-Reason"), "no-route")
            self.assertTrue(response.text.strip())
            self.assertEqual(connection.request(headers={"Host": "app.example.com"}).status, 200)

    def test_an_absolute_target_counts_before_host(self):
        with Connection(self.meridian.address()) as connection:
            connection.ask("GET", "http://app.example.com/api", {"Host": "app.example.com"})
            self.assertEqual(connection.read_response().site, "dallas")


if __name__ == "__main__":
    main()
