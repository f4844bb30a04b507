"""The end of an instance: SIGTERM drains, a second one does not wait, `meridian stop` does the same."""
import signal
import threading

from harness import (Connection, Meridian, ScriptedServer, SystemTest, WebSocketClient, WebSocketServer, answer,
                     main, refused, wait_until, web_config)


class Stop(SystemTest):
    def setUp(self):
        super().setUp()
        self.go_on = threading.Event()
        self.scope.callback(self.go_on.set)

        def slow(request, connection):
            if request.target == "/slow":
                self.go_on.wait(60)
            connection.send(answer(b"done"))
        self.site = ScriptedServer(self.scope, slow)

    def launch(self, drain_timeout="30s"):
        config = web_config({"dallas": [self.site.address]})
        config["process"]["drain_timeout"] = drain_timeout
        return Meridian(self.scope, config)

    def ask_slowly(self, meridian):
        connection = Connection(meridian.address())
        self.scope.callback(connection.close)
        connection.ask(path="/slow")
        wait_until(lambda: self.site.requests, "the request is under way")
        return connection

    def test_sigterm_lets_a_request_finish_and_accepts_nothing_new(self):
        meridian = self.launch()
        address = meridian.address()
        connection = self.ask_slowly(meridian)
        meridian.process.signal(signal.SIGTERM)
        wait_until(lambda: refused(address), "new connects are refused")
        self.assertTrue(meridian.process.running())
        self.assertEqual(meridian.read("/v1/status")["state"], "draining")
        self.assertEqual(meridian.api("GET", "/readyz")[0], 503)
        self.go_on.set()
        response = connection.read_response()
        self.assertEqual((response.status, response.body, response.get("Connection")), (200, b"done", "close"))
        self.assertTrue(connection.ended())
        self.assertEqual(meridian.process.wait(10), 0)

    def test_idle_connections_do_not_hold_it_up(self):
        meridian = self.launch()
        with Connection(meridian.address()) as connection:
            self.assertEqual(connection.request().status, 200)
            self.assertEqual(meridian.terminate(), 0)
            self.assertTrue(connection.ended())

    def test_sigint_is_the_same(self):
        meridian = self.launch()
        meridian.process.signal(signal.SIGINT)
        self.assertEqual(meridian.process.wait(10), 0)

    def test_a_second_sigterm_ends_it_at_once(self):
        meridian = self.launch()
        address = meridian.address()
        connection = self.ask_slowly(meridian)
        meridian.process.signal(signal.SIGTERM)
        wait_until(lambda: refused(address), "it drains")
        meridian.process.signal(signal.SIGTERM)
        self.assertEqual(meridian.process.wait(10), 0)
        self.assertTrue(connection.ended())

    def test_the_drain_timeout_ends_it_in_any_case(self):
        meridian = self.launch(drain_timeout="300ms")
        connection = self.ask_slowly(meridian)
        self.assertEqual(meridian.terminate(10), 0)
        self.assertTrue(connection.ended())

    def test_the_stop_command_drains(self):
        meridian = self.launch()
        connection = self.ask_slowly(meridian)
        self.assertEqual(meridian.cli("stop").returncode, 0)
        self.go_on.set()
        self.assertEqual(connection.read_response().status, 200)
        self.assertEqual(meridian.process.wait(10), 0)

    def test_stop_now_does_not_wait(self):
        meridian = self.launch()
        connection = self.ask_slowly(meridian)
        self.assertEqual(meridian.cli("stop", "--now").returncode, 0)
        self.assertEqual(meridian.process.wait(10), 0)
        self.assertTrue(connection.ended())

    def test_a_tunnel_may_finish_too(self):
        site = WebSocketServer(self.scope)
        meridian = Meridian(self.scope, web_config({"dallas": [site.address]}))
        address = meridian.address()
        with WebSocketClient(address) as client:
            self.assertEqual(client.say(1, b"before"), (1, b"before"))
            meridian.process.signal(signal.SIGTERM)
            wait_until(lambda: refused(address), "it drains")
            self.assertEqual(client.say(1, b"after"), (1, b"after"))
        self.assertEqual(meridian.process.wait(10), 0)

    def test_it_stops_under_load_without_a_crash(self):
        meridian = self.launch()
        address = meridian.address()
        stopping = threading.Event()

        def ask():
            while not stopping.is_set():
                try:
                    with Connection(address) as connection:
                        connection.request()
                except OSError:
                    continue
        clients = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
        for client in clients:
            client.start()
        wait_until(lambda: len(self.site.requests) >= 100, "requests come")
        self.assertEqual(meridian.terminate(), 0)
        stopping.set()
        for client in clients:
            client.join(10)


if __name__ == "__main__":
    main()
