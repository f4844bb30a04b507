// The two ends of a simulated world: sites whose servers answer after a while, and clients that ask
// one question after another on kept connections. Every request ends in exactly one outcome, and
// all of it goes into a fingerprint, so that two runs can be compared event by event.
#pragma once

#include <meridian/base/hash.h>
#include <meridian/probe/prober.h>

#include "testing/world.h"

namespace meridian::sim {

using fakes::At;
using fakes::Ip;
using fakes::MemoryLoop;
using fakes::World;

// An HTTP server of one endpoint. It answers GETs with its own name, each after a delay drawn for
// it.
class SimServer final : public net::AcceptHandler {
 public:
  SimServer(World& world, std::string_view at, std::string name)
      : loop_(world.net.AddLoop(At(at).ip())),
        random_(world.random),
        at_(At(at)),
        name_(std::move(name)) {
    Start();
  }

  void Start() { listener_ = std::move(*loop_.Listen(at_, {}, *this)); }
  // The process dies: what it had open is gone with it. The net is told besides, by Kill.
  void Stop() {
    listener_.reset();
    connections_.clear();
  }
  void OnAccept(net::StreamPtr stream) override {
    connections_.push_back(std::make_unique<Connection>(*this, std::move(stream)));
  }
  uint64_t answered() const { return answered_; }
  Duration slowest = std::chrono::milliseconds(20);

 private:
  struct Connection final : net::StreamHandler, net::TimerHandler {
    Connection(SimServer& owner, net::StreamPtr accepted)
        : server(owner), stream(std::move(accepted)), timer(*this) {
      stream->SetHandler(this);
      stream->StartReading();
    }
    void OnRead(std::string_view bytes) override {
      received.append(bytes);
      if (!timer.armed()) Schedule();
    }
    void OnEnd() override {
      timer.Disarm();
      stream->FinishWriting();
    }
    void OnDrained() override {}
    void OnError(const Error&) override { timer.Disarm(); }
    void Schedule() {
      if (received.find("\r\n\r\n") == std::string::npos) return;
      const auto span = static_cast<uint32_t>(server.slowest.count());
      server.loop_.Arm(timer, Duration(Reduce(server.random_.Next(), span)));
    }
    void OnTimer(net::Timer&) override {
      const bool check = received.starts_with("GET /healthz");
      if (!check) ++server.answered_;
      received.erase(0, received.find("\r\n\r\n") + 4);
      stream->Write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(server.name_.size()) +
                    "\r\n\r\n" + server.name_);
      Schedule();
    }
    SimServer& server;
    net::StreamPtr stream;
    net::Timer timer;
    std::string received;
  };

  MemoryLoop& loop_;
  net::Random& random_;
  net::Address at_;
  std::string name_;
  std::unique_ptr<net::Listener> listener_;
  std::vector<std::unique_ptr<Connection>> connections_;
  uint64_t answered_ = 0;
};

struct Outcome {
  MonotonicTime asked{}, ended{};
  bool ok = false;
  std::string site;  // Meridian-Site of the answer
  std::string what;  // the status line, or how the connection ended
};

// One client: asks, waits for the answer, thinks for a moment, asks again; connects anew when it
// must.
class SimClient final : public net::StreamHandler, public net::TimerHandler {
 public:
  SimClient(World& world, std::string_view host, std::string_view meridian)
      : loop_(world.net.AddLoop(Ip(host))),
        random_(world.random),
        meridian_(At(meridian)),
        timer_(*this) {
    Think();
  }

  void Stop() { stopping_ = true; }
  bool idle() const { return !asking_; }
  std::vector<Outcome> outcomes;

 private:
  void Think() { loop_.Arm(timer_, Duration(Reduce(random_.Next(), 40'000'000))); }
  void OnTimer(net::Timer&) override {
    if (stopping_) return;
    asking_ = true;
    outcomes.push_back({loop_.Now(), {}, false, {}, {}});
    received_.clear();
    if (stream_) return Ask();
    stream_ = std::move(*loop_.Connect(meridian_, {}, *this));
  }
  void OnConnected() override {
    stream_->StartReading();
    Ask();
  }
  void Ask() { stream_->Write("GET /r HTTP/1.1\r\nHost: sim.test\r\n\r\n"); }
  void OnRead(std::string_view bytes) override {
    received_.append(bytes);
    const size_t head = received_.find("\r\n\r\n");
    if (head == std::string::npos) return;
    const size_t at = received_.find("Content-Length: ");
    if (at == std::string::npos ||
        received_.size() < head + 4 + std::stoul(received_.substr(at + 16)))
      return;
    outcomes.back().site = Field("Meridian-Site: ");
    Finish(received_.starts_with("HTTP/1.1 200"), received_.substr(0, received_.find('\r')));
  }
  void OnEnd() override { Lost("closed"); }
  void OnError(const Error& error) override { Lost(Name(error.code)); }
  void OnDrained() override {}

  std::string Field(std::string_view name) const {
    const size_t at = received_.find(name);
    return at == std::string::npos
               ? std::string()
               : received_.substr(at + name.size(), received_.find('\r', at) - at - name.size());
  }
  void Lost(std::string why) {
    stream_.reset();
    if (asking_) Finish(false, std::move(why));
  }
  void Finish(bool ok, std::string what) {
    asking_ = false;
    outcomes.back().ended = loop_.Now();
    outcomes.back().ok = ok;
    outcomes.back().what = std::move(what);
    Think();
  }

  MemoryLoop& loop_;
  net::Random& random_;
  net::Address meridian_;
  net::Timer timer_;
  net::StreamPtr stream_;
  std::string received_;
  bool asking_ = false, stopping_ = false;
};

}  // namespace meridian::sim
