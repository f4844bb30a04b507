// See http_question.h.
#include "probe/http_question.h"

#include <meridian/base/text.h>

#include <algorithm>

namespace meridian::probe {

std::string CheckHost(const topology::HealthCheck& check, const net::Address& to) {
  if (!check.host.empty()) return check.host;
  return to.is_unix() ? "localhost" : to.ToString();
}

std::vector<std::pair<std::string, std::string>> CheckHeaders(const topology::HealthCheck& check) {
  std::vector<std::pair<std::string, std::string>> headers = check.headers;
  const auto missing = [&headers](std::string_view name) {
    return std::none_of(headers.begin(), headers.end(), [name](const auto& header) {
      return EqualIgnoringCase(header.first, name);
    });
  };
  if (missing("User-Agent")) headers.emplace_back("User-Agent", "meridian-check");
  if (missing("Accept")) headers.emplace_back("Accept", "*/*");
  if (check.method == "POST") headers.emplace_back("Content-Length", "0");
  return headers;
}

std::string CheckRequest(const topology::HealthCheck& check, const net::Address& to) {
  std::string text = check.method + " " + check.path + " HTTP/1.1\r\nHost: " + CheckHost(check, to);
  for (const auto& [name, value] : CheckHeaders(check)) text += "\r\n" + name + ": " + value;
  return text + "\r\n\r\n";
}

Answer JudgeResponse(const topology::HealthCheck& check, uint16_t status, std::string_view body) {
  if (status < check.expect_low || status > check.expect_high) return Answer::kStatus;
  const bool is_there = body.find(check.expect_body) != std::string_view::npos;
  return is_there ? Answer::kGood : Answer::kBody;
}

}  // namespace meridian::probe
