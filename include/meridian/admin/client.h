// The other end of the API, for commands: one blocking call over the Unix socket, and its JSON as
// text for people.
#pragma once

#include <meridian/base/result.h>
#include <meridian/base/time.h>

#include <optional>
#include <string>
#include <string_view>

namespace meridian::admin {

struct Answer {
  int status = 0;
  std::string body;  // JSON (or text for /metrics)
};

// Errors: kNotFound or kRefused (nobody listens there), kTimeout, kMalformed.
Result<Answer> Call(const std::string& socket_path, std::string_view method,
                    std::string_view target, std::string_view body = {},
                    Duration timeout = std::chrono::seconds(30));

// Each takes the JSON of one answer and gives the text INTERFACES.md shows: aligned columns, colour
// if asked.
std::string RenderStatus(std::string_view json, bool color);
std::string RenderSites(std::string_view json, bool color);
std::string RenderServices(std::string_view json, bool color);
std::string RenderExplanation(std::string_view json, bool color);
std::string RenderReload(std::string_view json, bool color);
std::string RenderEvents(std::string_view json, bool color);  // a line each
// One value inside an answer, by JSON pointer (RFC 6901: "/services/web/state"): a string's text,
// anything else as JSON; empty if it is not there or `json` is none. For conditions to wait for.
std::optional<std::string> FieldOf(std::string_view json, std::string_view pointer);

std::string RenderError(std::string_view json);  // the message of {"error": …}, or the text itself

}  // namespace meridian::admin
