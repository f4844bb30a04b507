"""PostgreSQL behind a tcp listener: psql and pgbench as clients, two servers that say where they stand."""
import os
import re
import subprocess
import unittest

from harness import Meridian, SystemTest, main, tcp_config, wait_until
from harness.postgres import HAS_SERVER, USER, Postgres, as_nobody, tool


def ask(address, sql="SHOW cluster_name"):
    return subprocess.run([tool("psql"), "-h", address[0], "-p", str(address[1]), "-U", USER, "-d", "postgres",
                           "-XAtqc", sql], capture_output=True, text=True, timeout=30, check=False)


@unittest.skipUnless(HAS_SERVER, "no PostgreSQL server is installed (packaging/deps test)")
class Database(SystemTest):
    @classmethod
    def start(cls):
        os.chmod(cls.shared.directory, 0o711)
        directory = cls.shared.make_directory("template")
        os.chmod(directory, 0o777)
        template = os.path.join(directory, "data")
        subprocess.run(as_nobody() + [tool("initdb"), "-D", template, "-U", USER, "-A", "trust", "--no-sync",
                                  "--locale=C"], cwd=directory, check=True, capture_output=True, timeout=60)
        cls.template = template
        cls.servers = {site: cls.server(cls.shared, site) for site in ("atlanta", "dallas")}
        cls.addresses = {site: [server.address] for site, server in cls.servers.items()}
        cls.bench(("127.0.0.1", cls.servers["atlanta"].port), "-i", "-q")

    @classmethod
    def server(cls, scope, site):
        return Postgres(scope, site, template=cls.template)

    @staticmethod
    def bench(address, *arguments):
        done = subprocess.run([tool("pgbench"), "-h", address[0], "-p", str(address[1]), "-U", USER,
                               *arguments, "postgres"], capture_output=True, text=True, timeout=100, check=False)
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)
        return done.stdout

    def start_meridian(self, addresses=None, **service):
        config = tcp_config(addresses or self.addresses, steering="ordered", order=["atlanta", "dallas"], **service)
        return Meridian(self.scope, config)

    def test_psql_reaches_the_preferred_site(self):
        meridian = self.start_meridian()
        self.assertEqual(ask(meridian.address()).stdout, "atlanta\n")
        rows = ask(meridian.address(), "SELECT repeat('x', 1000), i FROM generate_series(1, 20000) i").stdout
        self.assertEqual(len(rows.splitlines()), 20000)

    def check_bench(self, output, transactions):
        self.assertRegex(output, r"number of transactions actually processed: %d/%d\n" % (transactions, transactions))
        self.assertIsNone(re.search(r"number of failed transactions: [1-9]", output), output)

    def test_pgbench_loses_no_transaction(self):
        self.check_bench(self.bench(self.start_meridian().address(), "-n", "-c", "8", "-j", "2", "-t", "100"), 800)

    def test_nor_does_it_on_spare_connections(self):
        meridian = self.start_meridian(backend={"warm": 4})
        wait_until(lambda: meridian.metric("meridian_warm_connections_ready", site="atlanta") == 8, "they wait")
        self.check_bench(self.bench(meridian.address(), "-n", "-C", "-S", "-c", "4", "-t", "50"), 200)
        self.assertGreater(meridian.metric("meridian_warm_connections_total", fate="used", site="atlanta"), 20)

    def test_clients_of_a_server_that_dies_come_to_the_next_site(self):
        doomed = self.server(self.scope, "atlanta")
        addresses = {"atlanta": [doomed.address], "dallas": self.addresses["dallas"]}
        meridian = self.start_meridian(addresses)
        with subprocess.Popen([tool("psql"), "-h", "127.0.0.1", "-p", str(meridian.address()[1]), "-U", USER,
                               "-d", "postgres", "-XAtqc", "SHOW cluster_name", "-c", "SELECT pg_sleep(60)"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as client:
            wait_until(lambda: meridian.metric("meridian_sessions_active", site="atlanta") == 1, "it is served")
            wait_until(lambda: "pg_sleep" in ask(("127.0.0.1", doomed.port),
                                                 "SELECT query FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
                                                 ).stdout, "it waits")
            doomed.process.kill()
            output, errors = client.communicate(timeout=20)
        self.assertEqual(output, "atlanta\n")
        self.assertNotEqual(client.returncode, 0, errors)
        self.assertEqual(ask(meridian.address()).stdout, "dallas\n")


if __name__ == "__main__":
    main()
