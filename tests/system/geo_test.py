"""Real MaxMind databases: those committed under tests/data/geo, and every one that MERIDIAN_SHARED_DATA (by
default ../shared/data beside the repository) holds under mmdb/, good and broken.
"""
import glob
import ipaddress
import json
import os
import unittest

from harness import PLACES, Meridian, Sites, SystemTest, get, main, run_meridian, wait_until, web_config

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_COMMITTED = os.path.join(_ROOT, "tests", "data", "geo")
_SHARED = os.path.join(os.environ.get("MERIDIAN_SHARED_DATA") or os.path.join(_ROOT, "..", "shared", "data"), "mmdb")
_CITY = os.path.join(_COMMITTED, "meridian-test-city.mmdb")
_ASN = os.path.join(_COMMITTED, "meridian-test-asn.mmdb")


def with_databases(sites, *paths, **service):
    config = web_config(sites, **service)
    config["geo"] = {"databases": list(paths)}
    return config


class Committed(SystemTest):
    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared, endpoints=1)
        cls.meridian = Meridian(cls.shared, with_databases(cls.sites, _CITY, _ASN, rules=[
            {"match": {"asn": [64548]}, "sites": ["san-jose"]},
            {"match": {"country": ["DE"]}, "sites": ["dallas"]},
            {"match": {"continent": ["SA"]}, "sites": ["atlanta"]}]))

    def test_loopback_clients_are_where_the_database_puts_them(self):
        for site, place in PLACES.items():
            self.assertEqual(get(self.meridian.address(), source=place.client).site, site)
        self.assertEqual(get(self.meridian.address(), source="127.0.35.1").site, "san-jose")  # Tokyo
        self.assertEqual(get(self.meridian.address(), source="127.0.19.1").site, "dallas")  # Mexico City

    def test_rules_see_country_continent_and_asn(self):
        self.assertEqual(get(self.meridian.address(), source="127.0.48.1").site, "san-jose")  # AS64548
        self.assertEqual(get(self.meridian.address(), source="127.0.50.1").site, "dallas")  # Frankfurt, DE
        self.assertEqual(get(self.meridian.address(), source="127.0.23.1").site, "atlanta")  # Sao Paulo, SA

    def test_explain_names_city_country_and_source(self):
        for client, texts in (("81.2.69.142", ("London", "GB", "/24")), ("2001:db8:d4::1", ("Dallas", "US", "/48")),
                              ("133.11.0.1", ("unknown",))):
            location = self.meridian.read("/v1/explain?service=web&client=" + client)["location"]
            for text in texts:
                self.assertIn(text, location)

    def test_networks_come_before_databases(self):
        config = with_databases(self.sites, _CITY)
        config["geo"]["networks"] = {"127.0.33.0/25": {"latitude": 37.3, "longitude": -121.9}}
        meridian = Meridian(self.scope, config)
        self.assertEqual(get(meridian.address(), source="127.0.33.1").site, "san-jose")
        self.assertEqual(get(meridian.address(), source="127.0.33.129").site, "atlanta")

    def test_the_default_is_for_those_nothing_knows(self):
        config = with_databases(self.sites, _CITY)
        config["geo"]["default"] = {"latitude": 37.3, "longitude": -121.9, "country": "US", "continent": "NA"}
        meridian = Meridian(self.scope, config)
        self.assertEqual(get(meridian.address(), source="127.0.99.1").site, "san-jose")

    def test_a_reload_takes_a_new_database_and_refuses_a_broken_one(self):
        path = os.path.join(self.scope.directory, "city.mmdb")
        self.copy(_CITY, path)
        meridian = Meridian(self.scope, with_databases(self.sites, path))
        with open(path + ".new", "wb") as file:
            file.write(b"not a database at all")
        os.rename(path + ".new", path)
        answer = meridian.reload()
        self.assertFalse(answer["accepted"])
        self.assertIn("city.mmdb", json.dumps(answer))
        self.assertEqual(get(meridian.address(), source=PLACES["dallas"].client).site, "dallas")
        self.copy(_CITY, path)
        self.assertTrue(meridian.reload()["accepted"])
        self.assertEqual(get(meridian.address(), source=PLACES["dallas"].client).site, "dallas")

    def test_a_database_that_is_overwritten_in_place_does_no_harm(self):
        path = os.path.join(self.scope.directory, "city.mmdb")
        self.copy(_CITY, path)
        meridian = Meridian(self.scope, with_databases(self.sites, path))
        with open(path, "r+b") as file:
            file.write(b"\xff" * os.path.getsize(path))
            file.truncate(100)
        for _ in range(20):
            self.assertEqual(get(meridian.address(), source=PLACES["dallas"].client).site, "dallas")

    @staticmethod
    def copy(source, target):
        with open(source, "rb") as file:
            data = file.read()
        with open(target + ".new", "wb") as file:
            file.write(data)
        os.rename(target + ".new", target)


@unittest.skipUnless(os.path.isdir(_SHARED), "no MaxMind test data at MERIDIAN_SHARED_DATA or ../shared/data")
class Shared(SystemTest):
    def config_for(self, *databases):
        path = os.path.join(self.scope.directory, "meridian.yaml")
        config = with_databases({site: ["10.0.0.1:80", "10.0.0.2:80"] for site in PLACES}, *databases)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        return path

    def explain(self, path, client):
        return run_meridian("explain", "-c", path, "--service", "web", "--client", client, "--json", seconds=20)

    def test_every_good_one_is_taken_or_refused_with_a_reason(self):
        paths = sorted(glob.glob(os.path.join(_SHARED, "good", "*.mmdb")))
        self.assertGreater(len(paths), 20)
        for path in paths:
            with self.subTest(os.path.basename(path)):
                done = run_meridian("check", "-c", self.config_for(path), seconds=20)
                self.assertIn(done.returncode, (0, 1), done.stderr)
                if "City" in path or "Country" in path or "ASN" in path or "Enterprise" in path:
                    self.assertEqual(done.returncode, 0, done.stderr)
                elif done.returncode == 1:
                    self.assertIn(os.path.basename(path), done.stderr)

    def test_no_broken_one_crashes_or_hangs_it(self):
        paths = sorted(glob.glob(os.path.join(_SHARED, "bad", "*.mmdb")))
        self.assertGreater(len(paths), 10)
        for path in paths:
            with self.subTest(os.path.basename(path)):
                config = self.config_for(path)
                done = run_meridian("check", "-c", config, seconds=20)
                self.assertIn(done.returncode, (0, 1), done.stderr)
                if done.returncode == 1:
                    self.assertIn(os.path.basename(path), done.stderr)
                for client in ("1.1.1.1", "81.2.69.160", "2001:218::1", "::1"):
                    explained = self.explain(config, client)
                    self.assertEqual(explained.returncode, done.returncode, explained.stderr)

    def test_cities_and_countries_are_those_expected(self):
        for name, step in (("GeoIP2-City-Test", 12), ("GeoLite2-City-Test", 12), ("GeoIP2-Country-Test", 16)):
            path = self.config_for(os.path.join(_SHARED, "good", name + ".mmdb"))
            for network, record in self.expected(name)[::step]:
                with self.subTest(name + " " + network):
                    done = self.explain(path, self.member(network))
                    self.assertEqual(done.returncode, 0, done.stderr)
                    location = json.loads(done.stdout)["location"]
                    country = record.get("country", {}).get("iso_code")
                    city = record.get("city", {}).get("names", {}).get("en")
                    if country:
                        self.assertIn(country, location)
                    if city:
                        self.assertIn(city, location)

    def test_autonomous_systems_steer_as_expected(self):
        database = os.path.join(_SHARED, "good", "GeoLite2-ASN-Test.mmdb")
        for network, record in self.expected("GeoLite2-ASN-Test")[::16]:
            number = record["autonomous_system_number"]
            path = self.config_for(database)
            with open(path, encoding="utf-8") as file:
                config = json.load(file)
            config["services"]["web"]["rules"] = [{"match": {"asn": [number]}, "sites": ["dallas"], "strict": True},
                                                  {"match": {"continent": ["NA"]}, "sites": ["atlanta"]}]
            with open(path, "w", encoding="utf-8") as file:
                json.dump(config, file)
            with self.subTest(network):
                explained = json.loads(self.explain(path, self.member(network)).stdout)
                self.assertEqual([site["name"] for site in explained["sites"] if site["dropped_by"] == "fence"],
                                 ["atlanta", "san-jose"])

    @staticmethod
    def expected(name):
        with open(os.path.join(_SHARED, "expected", name + ".json"), encoding="utf-8") as file:
            return [pair for entry in json.load(file) for pair in entry.items()]

    @staticmethod
    def member(network):
        """An address inside; what stands for IPv4 in the tree (::/96) as IPv4."""
        first = ipaddress.ip_network(network)[0]
        if first.version == 6 and int(first) >> 32 == 0:
            return str(ipaddress.IPv4Address(int(first)))
        return str(first)

    def test_a_running_instance_uses_one(self):
        sites = Sites(self.scope, endpoints=1)
        config = with_databases(sites, os.path.join(_SHARED, "good", "GeoIP2-City-Test.mmdb"))
        config["listeners"]["web"]["trusted_proxies"] = ["127.0.0.1/32"]
        meridian = Meridian(self.scope, config)
        wait_until(lambda: meridian.site_state("atlanta") == "up", "it is up")
        asked = get(meridian.address(), headers={"X-Forwarded-For": "81.2.69.160"})  # London
        self.assertEqual(asked.site, "atlanta")
        self.assertIn("London", meridian.read("/v1/explain?service=web&client=81.2.69.160")["location"])


if __name__ == "__main__":
    main()
