// A Meridian in memory, for tests of the proxy and for the simulation: workers, registry and
// snapshot on a MemoryNet, with raw peers on either side that keep every byte they are told.
// Virtual time, one thread. Configurations are written as an operator writes them, in YAML.
#pragma once

#include <gtest/gtest.h>
#include <meridian/config/load.h>
#include <meridian/proxy/worker.h>

#include "testing/memory_net.h"

namespace meridian::fakes {

// One end of a stream that records what it is told.
struct Peer final : net::StreamHandler {
  void OnConnected() override {
    connected = true;
    stream->StartReading();
  }
  void OnRead(std::string_view bytes) override {
    received.append(bytes);
    if (on_data) on_data(*this);
  }
  void OnEnd() override { ended = true; }
  void OnDrained() override {}
  void OnError(const Error& error) override { failed = error; }

  bool closed() const { return ended || failed.has_value(); }

  net::StreamPtr stream;
  std::string received;
  std::function<void(Peer&)> on_data;
  std::optional<Error> failed;
  bool connected = false, ended = false;
};

// Accepts at one address; what each connection does on data is a script.
class Server final : public net::AcceptHandler {
 public:
  using Script = std::function<void(Peer&)>;

  Server(net::Loop& loop, const net::Address& at, Script on_data)
      : loop_(loop), at_(at), on_data_(std::move(on_data)) {
    Open();
  }

  void Open() { listener_ = std::move(*loop_.Listen(at_, {}, *this)); }
  void Close() { listener_.reset(); }

  void OnAccept(net::StreamPtr stream) override {
    peers.push_back(std::make_unique<Peer>());
    Peer& peer = *peers.back();
    peer.stream = wrap ? wrap(std::move(stream)) : std::move(stream);
    peer.on_data = on_data_;
    peer.connected = true;
    peer.stream->SetHandler(&peer);
    peer.stream->StartReading();
  }
  // All that all connections received, in order of their accepting.
  std::string received() const {
    std::string all;
    for (const auto& peer : peers) all += peer->received;
    return all;
  }

  std::vector<std::unique_ptr<Peer>> peers;
  std::function<net::StreamPtr(net::StreamPtr)> wrap;  // what accepted streams become: TLS, say

 private:
  net::Loop& loop_;
  net::Address at_;
  Script on_data_;
  std::unique_ptr<net::Listener> listener_;
};

// A script that answers each complete request with `response`, as many times as heads have ended.
inline Server::Script Answer(std::string response) {
  return [response = std::move(response)](Peer& peer) {
    for (size_t end; (end = peer.received.find("\r\n\r\n")) != std::string::npos;) {
      peer.received[end] = '|';  // counted
      peer.stream->Write(response);
    }
  };
}

inline net::Address At(std::string_view text) {
  return *net::Address::Parse(text);
}
inline net::IpAddress Ip(std::string_view text) {
  return *net::IpAddress::Parse(text);
}

class World {
 public:
  explicit World(std::string_view yaml, const MemoryNetOptions& options = {},
                 size_t worker_count = 1)
      : net(options),
        loop(net.AddLoop(Ip("10.0.0.1"))),
        random(options.seed + 1),
        metrics(worker_count) {
    for (size_t i = 0; i < worker_count; ++i) {
      proxy::WorkerInput input;
      input.loop = &loop;
      input.random = &random;
      input.registry = &registry;
      input.metrics = &metrics;
      access.push_back(std::make_unique<proxy::AccessQueue>());
      input.access = access.back().get();
      input.index = i;
      input.worker_count = worker_count;
      workers.push_back(std::make_unique<proxy::Worker>(input));
    }
    Load(yaml);
  }
  ~World() {
    workers.clear();
    net.RunFor(std::chrono::milliseconds(10));
    clients.clear();
    servers.clear();
  }

  // Compiles and commits, as a reload does.
  void Load(std::string_view yaml) {
    const config::Loaded loaded = config::LoadText(yaml, "test.yaml");
    for (const auto& diagnostic : loaded.diagnostics) {
      if (diagnostic.severity == config::Diagnostic::Severity::kError)
        ADD_FAILURE() << diagnostic.ToString();
    }
    snapshot::Compiled compiled = snapshot::Compile(*loaded.config, ++generation, registry, keys);
    for (const std::string& error : compiled.errors) ADD_FAILURE() << error;
    snapshot = compiled.snapshot;
    proxy::Bound bound;
    for (auto& worker : workers) {
      const auto prepared = worker->Prepare(snapshot, bound);
      if (!prepared) ADD_FAILURE() << prepared.error();
    }
    for (auto& worker : workers) worker->Commit();
  }

  Server& Serve(std::string_view at, Server::Script on_data) {
    const net::Address address = At(at);
    servers.push_back(
        std::make_unique<Server>(net.AddLoop(address.ip()), address, std::move(on_data)));
    return *servers.back();
  }

  // Connects from `host` to Meridian; data may be sent at once.
  Peer& Connect(std::string_view host, std::string_view to) {
    clients.push_back(std::make_unique<Peer>());
    Peer& peer = *clients.back();
    peer.stream = std::move(*net.AddLoop(Ip(host)).Connect(At(to), {}, peer));
    net.RunUntil([&] { return peer.connected || peer.failed; }, std::chrono::seconds(1));
    return peer;
  }
  // Sends and waits until the answer is complete: nothing moves any more.
  std::string Ask(Peer& peer, std::string_view bytes) {
    peer.received.clear();
    peer.stream->Write(bytes);
    net.RunUntilIdle(std::chrono::seconds(5));
    return peer.received;
  }
  std::string Ask(std::string_view bytes, std::string_view to = "10.0.0.1:80") {
    return Ask(Connect("192.0.2.1", to), bytes);
  }

  // What the workers have written to the access log since the last call, a line each.
  std::vector<std::string> AccessLines() {
    std::vector<std::string> lines;
    for (const auto& queue : access) {
      const proxy::AccessQueue::Waiting waiting = queue->Peek();
      std::string text(waiting.first);
      text.append(waiting.second);
      queue->Pop(waiting.size());
      for (size_t end; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1))
        lines.push_back(text.substr(0, end));
      EXPECT_EQ(text, "");
    }
    return lines;
  }

  MemoryNet net;
  MemoryLoop& loop;
  net::Xoshiro random;
  health::Registry registry;
  proxy::Metrics metrics;
  snapshot::Keys keys;
  snapshot::SnapshotPtr snapshot;
  uint64_t generation = 0;
  std::vector<std::unique_ptr<proxy::AccessQueue>> access;
  std::vector<std::unique_ptr<proxy::Worker>> workers;
  std::vector<std::unique_ptr<Server>> servers;
  std::vector<std::unique_ptr<Peer>> clients;
};

// Keeps what is collected: "name{label=value,…}" → value.
class MetricMap final : public MetricSink {
 public:
  explicit MetricMap(const proxy::Metrics& metrics) { metrics.Collect(*this); }
  void Count(std::string_view name, std::string_view, Labels labels, uint64_t value) override {
    values[Key(name, labels)] += static_cast<double>(value);
  }
  void Gauge(std::string_view name, std::string_view, Labels labels, double value) override {
    values[Key(name, labels)] = value;
  }
  void Distribution(std::string_view name, std::string_view, Labels labels,
                    const Histogram::Values& counts) override {
    double total = 0;
    for (const uint64_t count : counts.counts) total += static_cast<double>(count);
    values[Key(name, labels)] = total;
  }
  double operator[](const std::string& key) const {
    const auto found = values.find(key);
    return found == values.end() ? 0 : found->second;
  }

  std::map<std::string, double> values;

 private:
  static std::string Key(std::string_view name, Labels labels) {
    std::string key(name);
    for (const Label& label : labels) {
      key.append(&label == labels.begin() ? "{" : ",")
          .append(label.name)
          .append("=")
          .append(label.value);
    }
    return key + "}";
  }
};

}  // namespace meridian::fakes
