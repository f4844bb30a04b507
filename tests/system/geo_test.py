"""Real MaxMind databases: those committed under tests/data/geo, and every one that MERIDIAN_SHARED_DATA (by
default ../shared/data beside the repository) holds under mmdb/, good and broken.
"""
import glob
import ipaddress
import json
import os
import struct
import time
import unittest

from harness import (PLACES, Connection, Meridian, Sites, SystemTest, get, main, run_meridian, wait_until,
                     web_config)

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


class Edited:
    """The bytes of a database with some of them changed, so that it stays well-formed."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = bytearray(file.read())

    def swap_coordinates(self, one, other):
        for a, b in zip(one, other):
            a, b, between = struct.pack(">d", a), struct.pack(">d", b), b"\xff" * 8
            self.data = self.data.replace(a, between).replace(b, a).replace(between, b)
        return self

    def build_earlier(self):
        epoch = struct.pack(">I", self.number("build_epoch"))
        self.data = self.data.replace(epoch, struct.pack(">I", self.number("build_epoch") - 86400))
        return self

    def number(self, key):
        at = self.data.rindex(key.encode()) + len(key)
        size = self.data[at] & 31
        at += 1 if self.data[at] >> 5 else 2  # an extended type has a second byte
        return int.from_bytes(self.data[at:at + size], "big")

    def forget_ipv4(self):
        """No IPv4 address is in a network any more: most networks are gone."""
        width = self.number("record_size")  # 24 or 32
        node = 0
        for _ in range(96):
            node = self.left(node, width)
        empty = self.number("node_count").to_bytes(width // 8, "big")
        at = node * width // 4
        self.data[at:at + width // 4] = empty * 2
        return self

    def left(self, node, width):
        at = node * width // 4
        return int.from_bytes(self.data[at:at + width // 8], "big")


class Watched(SystemTest):
    """The file under a running instance changes, and nobody asks for a reload."""

    @classmethod
    def start(cls):
        cls.sites = Sites(cls.shared, endpoints=1)

    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.scope.directory, "city.mmdb")
        Committed.copy(_CITY, self.path)
        self.meridian = Meridian(self.scope, with_databases(self.sites, self.path))
        self.assertEqual(self.site_of("dallas"), "dallas")

    def site_of(self, place):
        return get(self.meridian.address(), source=PLACES[place].client).site

    def replace(self, data):
        with open(self.path + ".new", "wb") as file:
            file.write(data)
        os.rename(self.path + ".new", self.path)

    def swaps(self, result):
        return self.meridian.metric("meridian_geo_swaps_total", result=result)

    def moved(self):
        return Edited(_CITY).swap_coordinates((32.7767, -96.797), (33.749, -84.388)).data

    def test_a_new_file_moves_clients_and_touches_no_connection(self):
        with Connection(self.meridian.address(), PLACES["dallas"].client) as connection:
            self.assertEqual(connection.request().site, "dallas")
            self.replace(self.moved())
            wait_until(lambda: self.swaps("accepted") == 1, "the new database runs", 15)
            self.assertEqual(connection.request().site, "atlanta")
        self.assertEqual((self.site_of("dallas"), self.site_of("atlanta")), ("atlanta", "dallas"))
        self.assertEqual(self.meridian.generation(), 2)
        self.assertEqual(self.swaps("refused"), 0)
        self.assertEqual(self.meridian.metric("meridian_reloads_total", result="success"), 0)

    def test_a_file_that_is_written_slowly_is_taken_when_it_is_whole(self):
        data = self.moved()
        with open(self.path, "wb") as file:
            for at in range(0, len(data), len(data) // 20):
                file.write(data[at:at + len(data) // 20])
                file.flush()
                time.sleep(0.1)  # a slow writer, not a wait for something to happen
        wait_until(lambda: self.site_of("dallas") == "atlanta", "the new database runs", 15)

    def refuses(self, data, reason):
        self.replace(data)
        wait_until(lambda: self.swaps("refused") == 1, "the new database is refused", 15)
        self.assertEqual(self.site_of("dallas"), "dallas")
        self.assertEqual(self.meridian.generation(), 1)
        said = [line for line in self.meridian.process.stderr().splitlines() if "city.mmdb" in line]
        self.assertEqual(len(said), 1, said)
        self.assertRegex(said[0], reason)
        # A good one after it is taken, and only then is the counter of the other moved.
        self.replace(self.moved())
        wait_until(lambda: self.swaps("accepted") == 1, "a good database runs", 15)
        self.assertEqual(self.site_of("dallas"), "atlanta")
        self.assertEqual(self.swaps("refused"), 1)

    def test_a_truncated_one_is_refused(self):
        self.refuses(self.moved()[:-2000], "malformed")

    def test_an_older_one_is_refused(self):
        self.refuses(Edited(_CITY).build_earlier().data, "built 2025-12-31.*before the running one")

    def test_a_far_smaller_one_is_refused(self):
        self.refuses(Edited(_CITY).forget_ipv4().data, "fewer than half")

    def test_one_of_another_type_is_refused(self):
        self.refuses(Edited(_ASN).data, "of type 'Meridian-Test-ASN'")

    def test_a_reload_takes_a_doubtful_one_only_by_force(self):
        self.replace(Edited(_CITY).build_earlier().data)
        answer = self.meridian.reload()
        self.assertFalse(answer["accepted"])
        self.assertIn("before the running one", json.dumps(answer))
        self.assertTrue(self.meridian.reload(force=True)["accepted"])

    def test_status_and_metrics_tell_its_age(self):
        built = self.meridian.metric("meridian_geo_database_build_timestamp_seconds")
        self.assertEqual(built, 1767225600)
        self.assertIn("Meridian-Test-City built", self.meridian.cli("status").stdout)
        before = self.meridian.metric("meridian_geo_lookups_total", result="hit")
        misses = self.meridian.metric("meridian_geo_lookups_total", result="miss")
        self.site_of("dallas")
        get(self.meridian.address(), source="127.0.99.1")  # in no network
        self.assertEqual(self.meridian.metric("meridian_geo_lookups_total", result="hit"), before + 1)
        self.assertEqual(self.meridian.metric("meridian_geo_lookups_total", result="miss"), misses + 1)


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
