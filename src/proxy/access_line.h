// What an access log says of one request, tcp or udp session, and its two forms. Views of whoever
// writes the line; nothing is kept. Whatever bytes a client sent, a line is one line: as JSON it is
// valid UTF-8 (RFC 8259) without control characters, as `combined` printable ASCII whose quoted
// parts cannot be ended from inside.
//
//   {"time":"…","client":"192.0.2.1","location":{"country":"US","city":"Dallas"},"listener":"web",
//    "service":"web","site":"dallas","endpoint":"10.2.0.11:8080","reason":"nearest",
//    "session":"new","attempts":1,"protocol":"HTTP/1.1","method":"GET","host":"app.example.com",
//    "path":"/a?b","status":200,"bytes_in":0,"bytes_out":2,"queue_us":0,"connect_us":310,
//    "first_byte_us":1240,"total_us":1301,"tls":"1.3","request_id":"…"}
//   192.0.2.1 - - [26/Nov/2026:14:05:42 +0000] "GET /a?b HTTP/1.1" 200 2 "referer" "user agent"
//
// Every field is always there; what is not known, or has no meaning, is null (combined: "-").
#pragma once

#include <meridian/base/time.h>
#include <meridian/net/address.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace meridian::proxy {

struct AccessLine {
  static constexpr Duration kNever{-1};

  WallTime time{};  // the head of the request was there; the connection was accepted
  net::IpAddress client;
  std::string_view country, city;
  std::string_view listener, service, site, endpoint;
  std::string_view reason;   // of the decision, or of the failure
  std::string_view session;  // new, kept, moved, rejected
  uint32_t attempts = 0;     // endpoints asked
  std::string_view protocol;
  std::string_view method, host, path, referer, agent;
  uint16_t status = 0;  // 0: none was sent
  // Of bodies, tunnels, tcp and udp sessions.
  uint64_t bytes_in = 0, bytes_out = 0;
  // Until the first attempt; the last attempt's connect; until the response's head, and its end.
  Duration queue = kNever, connect = kNever, first_byte = kNever, total{};
  std::string_view tls;  // "1.3"
  std::string_view request_id;
};

// Each appends one line with its end, and allocates nothing but what `out` grows by.
void AppendJson(const AccessLine& line, std::string& out);
void AppendCombined(const AccessLine& line, std::string& out);

}  // namespace meridian::proxy
