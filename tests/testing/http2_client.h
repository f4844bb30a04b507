// An HTTP/2 client on a MemoryNet: requests as lists of fields, answers as text.
#pragma once

#include <meridian/codec/http2.h>

#include <list>
#include <string>

#include "testing/http2_frames.h"
#include "testing/world.h"

namespace meridian::fakes {

class Http2Peer final : private codec::Http2Handler {
 public:
  // "200 name=value …", the body on a line of its own, "end"; or "closed CODE" before the end.
  struct Answer final : codec::Http2Stream {
    void OnHead(const codec::Head& head, bool end) override {
      log += std::to_string(head.status);
      for (const codec::Field& field : head)
        log.append(" ").append(field.name).append("=").append(field.value);
      log += end ? "\nend\n" : "\n";
      ended = end;
    }
    void OnRefused(const Error& error) override { log.append(error.context).append("\n"); }
    void OnBody(std::string_view bytes) override {
      body_bytes += bytes.size();
      if (log.size() < 4096) log.append(bytes);
      if (owner->consumes) owner->connection_.Consumed(*this);
    }
    void OnEnd(std::span<const codec::Field> trailers) override {
      log += "\nend";
      for (const codec::Field& field : trailers)
        log.append(" ").append(field.name).append("=").append(field.value);
      log += "\n";
      ended = true;
    }
    void OnDrained() override {}
    void OnClosed(codec::Http2Code code) override {
      if (!ended) log += "closed " + std::to_string(static_cast<uint32_t>(code)) + "\n";
    }

    Http2Peer* owner = nullptr;
    std::string log;
    size_t body_bytes = 0;
    bool ended = false;
  };
  using Fields = std::vector<std::pair<std::string, std::string>>;

  explicit Http2Peer(Peer& peer)
      : peer_(peer), connection_(codec::Http2Connection::Role::kClient, {}, pool_.shared(), *this) {
    peer.on_data = [this](Peer& from) {
      connection_.Receive(from.received, MonotonicTime(Duration(1)));
      from.received.clear();
      Flush();
    };
  }

  Answer& Raw(const Fields& fields, bool end = true) {
    answers_.emplace_back();
    Answer& answer = answers_.back();
    answer.owner = this;
    std::vector<codec::Field> all;
    for (const auto& [name, value] : fields) all.push_back({name, value});
    EXPECT_TRUE(connection_.Request(answer, all, end));
    Flush();
    return answer;
  }
  Answer& Ask(std::string_view method, std::string_view path, const Fields& more = {},
              bool end = true) {
    Fields fields = {{":method", std::string(method)},
                     {":scheme", "http"},
                     {":authority", "a.test"},
                     {":path", std::string(path)}};
    fields.insert(fields.end(), more.begin(), more.end());
    return Raw(fields, end);
  }
  Answer& Get(std::string_view path, const Fields& more = {}) { return Ask("GET", path, more); }
  Answer& Post(std::string_view path, std::string_view body, const Fields& more, bool end = true) {
    Answer& answer = Ask("POST", path, more, false);
    SendBody(answer, body, end);
    return answer;
  }
  void SendBody(Answer& answer, std::string_view bytes, bool end) {
    connection_.SendBody(answer, std::span(&bytes, 1), end);
    Flush();
  }
  void Reset(Answer& answer) {
    connection_.Reset(answer, codec::Http2Code::kCancel);
    Flush();
  }
  void EndWithTrailers(Answer& answer, const Fields& trailers) {
    for (const auto& [name, value] : trailers) connection_.AddTrailer(answer, name, value);
    connection_.SendBody(answer, {}, true);
    Flush();
  }
  void Consume(Answer& answer) {
    connection_.Consumed(answer);
    Flush();
  }
  size_t pending_bytes(const Answer& answer) const { return answer.pending_bytes(); }
  bool refuses_more() const { return connection_.room() == 0; }
  Peer& peer() { return peer_; }

  bool consumes = true;
  bool byte_by_byte = false;

 private:
  void Flush() {
    std::string out;
    connection_.Take(out, SIZE_MAX);
    if (out.empty()) return;
    if (!byte_by_byte) return peer_.stream->Write(out);
    for (const char& byte : out) peer_.stream->Write(std::string_view(&byte, 1));
  }

  Peer& peer_;
  codec::Http2Pool pool_;
  std::list<Answer> answers_;
  codec::Http2Connection connection_;
};

}  // namespace meridian::fakes
