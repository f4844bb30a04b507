// An HTTP/2 connection in a test: all that it tells, as lines of text, and what it sends.
#pragma once

#include <gtest/gtest.h>
#include <meridian/codec/http2.h>

#include <list>
#include <string>

#include "testing/http2_frames.h"

namespace meridian::codec {

class RecordingEnd final : public Http2Handler {
 public:
  struct Stream final : Http2Stream {
    void OnHead(const Head& head, bool end) override {
      const std::string_view start = head.status != 0 ? "status" : head.method;
      log->append(start).append(" ");
      if (head.status != 0) {
        log->append(std::to_string(head.status));
      } else {
        log->append(head.authority).append(head.path);
      }
      if (head.framing == Framing::kLength)
        log->append(" length=" + std::to_string(head.content_length));
      for (const Field& field : head) {
        log->append(field.hop_by_hop ? " ~" : " ").append(field.name).append("=");
        log->append(field.value);
      }
      log->append(end ? " end\n" : "\n");
      if (on_head) on_head(*this);
    }
    void OnRefused(const Error& error) override {
      log->append("refused ").append(Name(error.code)).append(" ").append(error.context);
      log->append("\n");
    }
    void OnBody(std::string_view bytes) override { body.append(bytes); }
    void OnEnd(std::span<const Field> trailers) override {
      log->append("body ").append(body).append("\nend");
      for (const Field& field : trailers) {
        log->append(" ").append(field.name).append("=").append(field.value);
      }
      log->append("\n");
    }
    void OnDrained() override { ++drained; }
    void OnClosed(Http2Code code) override {
      log->append("closed ").append(std::to_string(static_cast<uint32_t>(code))).append("\n");
    }

    std::string* log = nullptr;
    std::string body;
    std::function<void(Stream&)> on_head;
    int drained = 0;
  };

  explicit RecordingEnd(Http2Connection::Role role = Http2Connection::Role::kServer,
                        const Http2Limits& limits = {})
      : connection(role, limits, pool.shared(), *this) {}

  Http2Stream* NewStream() override {
    if (refuse) return nullptr;
    return &AddStream();
  }
  void OnMalformed() override { log.append("malformed\n"); }
  Stream& AddStream() {
    streams.emplace_back();
    streams.back().log = &log;
    streams.back().on_head = on_head;
    return streams.back();
  }

  void Receive(std::string_view bytes, MonotonicTime now = MonotonicTime(Duration(1))) {
    connection.Receive(bytes, now);
  }
  std::string Take(size_t enough = SIZE_MAX) {
    std::string out;
    connection.Take(out, enough);
    return out;
  }
  std::string Log(std::string_view bytes) {
    Receive(bytes);
    return log;
  }

  std::string log;
  std::list<Stream> streams;
  std::function<void(Stream&)> on_head;  // of streams to come
  bool refuse = false;
  Http2Pool pool;
  Http2Connection connection;
};

}  // namespace meridian::codec
