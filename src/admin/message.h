// What passes between a connection and the API: one request taken out of its bytes, one response to
// be put into some. Plain values; control thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace meridian::admin {

struct Request {
  std::string method;
  std::string path;                                        // percent-decoded, without the query
  std::vector<std::pair<std::string, std::string>> query;  // percent-decoded, in order
  std::string authorization, accept, last_event_id;        // header values; empty: absent
  bool has_origin = false;                                 // a browser's script is behind it
  std::string body;

  // The first parameter of that name; empty: absent.
  std::optional<std::string_view> Parameter(std::string_view name) const;
  bool Flag(std::string_view name) const;  // given as "true", "1" or without a value
};

// Reads a request target in origin-form. False: bad percent encoding, or more than 64 parameters.
bool ParseTarget(std::string_view target, Request& request);

struct Response {
  int status = 200;
  std::string body;
  std::string_view content_type = "application/json";
  std::string allow;       // with 405
  bool challenge = false;  // 401: WWW-Authenticate
  bool stream = false;     // `body` is its beginning: events follow until either side ends
  std::function<void()> afterwards;  // runs from the loop, after the response has been written
};

// Called once, now or later.
using Reply = std::function<void(Response)>;

std::string_view ReasonPhrase(int status);

// {"error": {"code", "message"}}
Response ErrorResponse(int status, std::string_view code, std::string_view message);

}  // namespace meridian::admin
