"""What a client suffers when servers die, hang, refuse or vanish: as little as possible."""
import time

from harness import (PLACES, BlackHole, Connection, Crowd, Meridian, Sites, SystemTest, TcpServer, free_port,
                     get, main, wait_until, web_config)

ATLANTA = PLACES["atlanta"].client


class Death(SystemTest):
    def setUp(self):
        super().setUp()
        self.sites = Sites(self.scope)

    def test_no_request_fails_when_the_nearest_site_is_killed_and_comes_back(self):
        meridian = Meridian(self.scope, web_config(self.sites))
        with Crowd(meridian.address(), ATLANTA, clients=8) as crowd:
            wait_until(lambda: crowd.count("atlanta") >= 400, "the nearest site answers")
            self.sites.kill("atlanta")
            wait_until(lambda: crowd.count("dallas") >= 400, "the next site answers")
            meridian.wait_site("atlanta", "down")
            self.sites.start("atlanta")
            meridian.wait_site("atlanta", "up")
            before = crowd.count("atlanta")
            wait_until(lambda: crowd.count("atlanta") >= before + 400, "traffic returns")
            crowd.stop()
            self.assertEqual(crowd.failures, [])
        self.assertEqual(get(meridian.address(), source=ATLANTA).site, "atlanta")

    def test_no_request_fails_when_one_endpoint_of_a_site_dies(self):
        sites = Sites(self.scope, names=["atlanta", "dallas"], separate=True)
        meridian = Meridian(self.scope, web_config(sites, overprovision=2))
        with Crowd(meridian.address(), ATLANTA, clients=4) as crowd:
            wait_until(lambda: crowd.count("atlanta") >= 200, "the site answers")
            sites.server_of("atlanta-1").kill()
            meridian.wait_site("atlanta", "degraded")
            wait_until(lambda: crowd.total() >= 600, "it goes on")
            crowd.stop()
            self.assertEqual(crowd.failures, [])
            self.assertEqual(crowd.count("dallas"), 0)

    def test_without_checks_traffic_itself_finds_the_dead_site(self):
        config = web_config(self.sites, health_check="none")
        meridian = Meridian(self.scope, config)
        with Crowd(meridian.address(), ATLANTA, clients=4) as crowd:
            wait_until(lambda: crowd.count("atlanta") >= 200, "the nearest site answers")
            self.sites.kill("atlanta")
            wait_until(lambda: crowd.count("dallas") >= 400, "the next site answers")
            crowd.stop()
            self.assertEqual(crowd.failures, [])
        for number in range(1, 41):
            response = get(meridian.address(), source="127.0.33.%d" % number)
            self.assertEqual((response.status, response.site), (200, "dallas"))
        self.assertEqual(meridian.site_state("atlanta"), "down")

    def test_sites_die_one_after_another_until_none_is_left(self):
        meridian = Meridian(self.scope, web_config(self.sites, panic="reject"))
        for site in ("atlanta", "dallas", "san-jose"):
            self.assertEqual(get(meridian.address(), source=ATLANTA).site, site)
            self.sites.kill(site)
        for site in ("atlanta", "dallas", "san-jose"):
            meridian.wait_site(site, "down")
        response = get(meridian.address(), source=ATLANTA)
        self.assertEqual((response.status, response.get("Meridian-Reason")), (503, "all-down"))
        self.assertTrue(response.get("Retry-After"))
        self.assertTrue(response.text.strip())
        self.sites.start("san-jose")
        meridian.wait_site("san-jose", "up")
        self.assertEqual(get(meridian.address(), source=ATLANTA).site, "san-jose")

    def test_a_redundancy_metric_and_a_warning_tell_what_is_left(self):
        meridian = Meridian(self.scope, web_config(self.sites))
        self.assertEqual(meridian.metric("meridian_redundancy", service="web"), 2)
        self.sites.kill("atlanta")
        self.sites.kill("dallas")
        meridian.wait_site("atlanta", "down")
        meridian.wait_site("dallas", "down")
        self.assertEqual(meridian.metric("meridian_redundancy", service="web"), 0)
        self.assertIn("service web has one usable site left", meridian.read("/v1/status")["warnings"][0])


class Hedging(SystemTest):
    """The nearest site's server hangs: stopped, its kernel still acknowledges. PERFORMANCE: none failed, worst 400 ms."""

    def test_a_hung_server_costs_nobody_more_than_the_hedge(self):
        sites = Sites(self.scope, endpoints=1)
        config = web_config(sites, timeouts={"response": "5s"}, retries={"hedge_after": "100ms"})
        meridian = Meridian(self.scope, config)
        with Connection(meridian.address(), ATLANTA) as connection:
            self.assertEqual(connection.request().site, "atlanta")
            sites["atlanta"].pause()
            self.addCleanup(sites["atlanta"].resume)
            times = []
            for _ in range(8):  # within the budget: ten a second
                began = time.monotonic()
                response = connection.request()
                times.append(time.monotonic() - began)
                self.assertEqual((response.status, response.site), (200, "dallas"))
        self.assertLessEqual(max(times), 0.4, times)
        self.assertGreaterEqual(meridian.metric("meridian_hedges_total", site="atlanta"), 1)
        self.assertEqual(meridian.metric("meridian_hedges_total"), meridian.metric("meridian_hedges_won_total"))
        meridian.wait_site("atlanta", "down")

    def test_without_hedging_it_costs_the_response_timeout(self):
        sites = Sites(self.scope)
        meridian = Meridian(self.scope, web_config(sites, timeouts={"response": "600ms"}))
        self.assertEqual(get(meridian.address(), source=ATLANTA).site, "atlanta")
        sites["atlanta"].pause()
        self.addCleanup(sites["atlanta"].resume)
        began = time.monotonic()
        self.assertEqual(get(meridian.address(), source=ATLANTA).status, 200)
        self.assertGreaterEqual(time.monotonic() - began, 0.6)
        self.assertEqual(meridian.metric("meridian_hedges_total"), 0)


class Trouble(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared, endpoints=1)

    def test_a_paused_server_costs_its_requests_the_response_timeout_and_no_more(self):
        config = web_config(self.sites, timeouts={"response": "400ms"})
        meridian = Meridian(self.scope, config)
        with Connection(meridian.address(), ATLANTA) as connection:
            self.assertEqual(connection.request().site, "atlanta")
            self.sites["atlanta"].pause()
            self.addCleanup(self.sites["atlanta"].resume)
            response = connection.request()
            self.assertEqual((response.status, response.site), (200, "dallas"))
            self.assertEqual(response.get("Meridian-Reason"), "failover")
            self.assertEqual(connection.request().status, 200)
        meridian.wait_site("atlanta", "down")
        self.sites["atlanta"].resume()
        meridian.wait_site("atlanta", "up")

    def test_a_refused_connect_goes_to_the_next_site_at_once(self):
        nobody = "127.0.0.1:%d" % free_port()
        config = web_config({"atlanta": [nobody], "dallas": self.sites.addresses("dallas")}, health_check="none")
        meridian = Meridian(self.scope, config)
        for _ in range(20):
            response = get(meridian.address(), source=ATLANTA)
            self.assertEqual((response.status, response.site), (200, "dallas"))
        self.assertGreaterEqual(meridian.metric("meridian_backend_connect_failures_total", site="atlanta"), 1)

    def test_refused_everywhere_is_502(self):
        addresses = {site: ["127.0.0.1:%d" % free_port()] for site in PLACES}
        meridian = Meridian(self.scope, web_config(addresses, health_check="none"))
        response = get(meridian.address(), source=ATLANTA)
        self.assertEqual((response.status, response.get("Meridian-Reason")), (502, "connect-failed"))

    def test_a_black_hole_is_overtaken_by_the_next_site(self):
        hole = BlackHole(self.scope)
        addresses = {"atlanta": [hole.address], "dallas": self.sites.addresses("dallas")}
        config = web_config(addresses, health_check="none", timeouts={"connect": "30s"})
        meridian = Meridian(self.scope, config)
        began = time.monotonic()
        response = get(meridian.address(), source=ATLANTA)
        self.assertEqual((response.status, response.site), (200, "dallas"))
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(meridian.metric("meridian_races_won_total", site="dallas"), 1)

    def test_a_server_that_resets_is_replaced_for_get_but_not_for_post(self):
        def reset(connection):
            connection.read_until(b"\r\n\r\n")
        broken = TcpServer(self.scope, reset)
        addresses = {"atlanta": [broken.address], "dallas": self.sites.addresses("dallas")}
        meridian = Meridian(self.scope, web_config(addresses, health_check="none",
                                                   outliers={"consecutive_errors": 100, "error_rate": "100%"}))
        self.assertEqual(get(meridian.address(), source=ATLANTA).site, "dallas")
        with Connection(meridian.address(), ATLANTA) as connection:
            response = connection.request("POST", body=b"once")
        self.assertEqual((response.status, response.get("Meridian-Reason")), (502, "backend-reset"))

    def test_a_503_of_one_site_is_tried_at_the_next(self):
        def overloaded(connection):
            while True:
                connection.read_until(b"\r\n\r\n")
                connection.send(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        busy = TcpServer(self.scope, overloaded)
        addresses = {"atlanta": [busy.address], "dallas": self.sites.addresses("dallas")}
        config = web_config(addresses, health_check="none")
        self.assertEqual(get(Meridian(self.scope, config).address(), source=ATLANTA).site, "dallas")
        config["services"]["web"]["retries"] = {"attempts": 0}
        response = get(Meridian(self.scope, config).address(), source=ATLANTA)
        self.assertEqual((response.status, response.site), (503, "atlanta"))

    def test_a_site_at_its_capacity_spills_to_the_next(self):
        config = web_config(self.sites)
        config["regions"]["us-east"]["sites"]["atlanta"]["capacity"] = 1
        meridian = Meridian(self.scope, config)
        with Crowd(meridian.address(), ATLANTA, clients=8) as crowd:
            wait_until(lambda: crowd.count("dallas") >= 50, "the next site takes some")
            wait_until(lambda: crowd.count("atlanta") >= 50, "the nearest site goes on")
            crowd.stop()
            self.assertEqual(crowd.failures, [])


if __name__ == "__main__":
    main()
