// What an HTTP/1 connection needs from a request's first byte until it is idle again: the parser,
// the bytes that wait, the body's measure. An idle client has none; they are recycled by Core.
#pragma once

#include <meridian/codec/http1.h>

#include <cstdint>
#include <string>

#include "proxy/body_pace.h"

namespace meridian::proxy {

struct HttpInbound {
  // As at a connection's start, the buffer's capacity apart.
  void Begin(const codec::HttpLimits& limits) {
    parser = codec::Http1Parser(codec::Http1Parser::Kind::kRequest, limits);
    waiting.clear();
    if (waiting.capacity() > kKeptBytes) waiting = std::string();
    body_bytes = 0;
    body_limit = UINT64_MAX;
  }

  static constexpr size_t kKeptBytes = 4096;
  codec::Http1Parser parser{codec::Http1Parser::Kind::kRequest, codec::HttpLimits()};
  std::string waiting;  // part of a head, or pipelined requests
  BodyPace pace;
  uint64_t body_bytes = 0, body_limit = UINT64_MAX;
};

}  // namespace meridian::proxy
