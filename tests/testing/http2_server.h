// An HTTP/2 server on a MemoryNet, as a script for World::Serve: requests as text, answered when
// the test says so.
#pragma once

#include <meridian/codec/http2.h>

#include <list>
#include <map>
#include <string>

#include "testing/world.h"

namespace meridian::fakes {

class Http2Server {
 public:
  struct Link;
  // "GET a.test/path name=value …", the body, "end" with its trailers; "closed CODE" in the end.
  struct Request final : codec::Http2Stream {
    void OnHead(const codec::Head& head, bool end) override {
      log.append(head.method).append(" ").append(head.authority).append(head.path);
      for (const codec::Field& field : head)
        log.append(" ").append(field.name).append("=").append(field.value);
      log += "\n";
      if (end) return OnEnd({});
      if (link->server.on_head) link->server.on_head(*this);
    }
    void OnRefused(const Error& error) override { log.append(error.context).append("\n"); }
    void OnBody(std::string_view bytes) override {
      body_bytes += bytes.size();
      if (log.size() < 4096) log.append(bytes);
      if (link->server.consumes) link->connection.Consumed(*this);
    }
    void OnEnd(std::span<const codec::Field> trailers) override {
      ended = true;
      log += "end";
      for (const codec::Field& field : trailers)
        log.append(" ").append(field.name).append("=").append(field.value);
      log += "\n";
      if (link->server.on_request) link->server.on_request(*this);
    }
    void OnDrained() override {}
    void OnClosed(codec::Http2Code code) override {
      closed = true;
      if (code != codec::Http2Code::kNoError)
        log.append("closed ").append(std::to_string(static_cast<uint32_t>(code))).append("\n");
    }
    using Fields = std::vector<std::pair<std::string, std::string>>;
    void Head(uint16_t status, const Fields& fields = {}, bool end = false) {
      std::vector<codec::Field> all;
      for (const auto& [name, value] : fields) all.push_back({name, value});
      link->connection.Respond(*this, status, all, end);
      link->Flush();
    }
    void Body(std::string_view bytes, bool end = false, const Fields& trailers = {}) {
      for (const auto& [name, value] : trailers) link->connection.AddTrailer(*this, name, value);
      link->connection.SendBody(*this, std::span(&bytes, 1), end);
      link->Flush();
    }
    void Reset(codec::Http2Code code) {
      link->connection.Reset(*this, code);
      link->Flush();
    }
    void Answer(std::string_view body) {
      Head(200, {{"content-length", std::to_string(body.size())}});
      Body(body, true);
    }

    Link* link = nullptr;
    std::string log;
    size_t body_bytes = 0;
    bool ended = false, closed = false;
  };
  struct Link final : codec::Http2Handler {
    Link(Http2Server& owner, Peer& at)
        : server(owner),
          peer(at),
          connection(codec::Http2Connection::Role::kServer, owner.limits, owner.pool.shared(),
                     *this) {}
    codec::Http2Stream* NewStream() override {
      server.requests.emplace_back();
      server.requests.back().link = this;
      return &server.requests.back();
    }
    void Flush() {
      if (receiving) return;
      std::string out;
      connection.Take(out, SIZE_MAX);
      if (!out.empty()) peer.stream->Write(out);
    }

    Http2Server& server;
    Peer& peer;
    codec::Http2Connection connection;
    bool receiving = false;
  };

  Server::Script script() {
    return [this](Peer& peer) {
      std::unique_ptr<Link>& link = links[&peer];
      if (!link) link = std::make_unique<Link>(*this, peer);
      link->receiving = true;
      link->connection.Receive(std::exchange(peer.received, {}), MonotonicTime(Duration(1)));
      link->receiving = false;
      link->Flush();
    };
  }
  Request& last() { return requests.back(); }

  std::function<void(Request&)> on_head;     // of one with a body
  std::function<void(Request&)> on_request;  // whole
  bool consumes = true;
  codec::Http2Limits limits;
  codec::Http2Pool pool;
  std::list<Request> requests;
  std::map<Peer*, std::unique_ptr<Link>> links;
};

}  // namespace meridian::fakes
