// See forwarded.h. A quoted string cannot be told from its end, so the last element is found by
// going through all of them.
#include <meridian/base/text.h>
#include <meridian/codec/forwarded.h>

#include <algorithm>

#include "codec/http1_chars.h"

namespace meridian::codec {
namespace {

// The first of `marks` outside quoted strings, or the end; npos where a quoted string has no end.
size_t FindOutsideQuotes(std::string_view text, std::string_view marks) {
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && marks.find(text[i]) != std::string_view::npos) {
      return i;
    }
  }
  return quoted ? std::string_view::npos : text.size();
}

// A node (section 6): an address, maybe with a port, IPv6 in brackets, which need quotes.
std::optional<net::IpAddress> ParseNode(std::string_view value) {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
    value = value.substr(1, value.size() - 2);
  if (value.starts_with("[")) {
    const size_t end = value.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view rest = value.substr(end + 1);
    if (!rest.empty() && (rest[0] != ':' || rest.size() == 1)) return std::nullopt;
    const auto ip = net::IpAddress::Parse(value.substr(1, end - 1));
    return ip ? std::optional(*ip) : std::nullopt;
  }
  const auto ip = net::IpAddress::Parse(value.substr(0, value.find(':')));
  return ip ? std::optional(*ip) : std::nullopt;
}

std::optional<net::IpAddress> ForOf(std::string_view element) {
  std::optional<std::string_view> node;
  while (!element.empty()) {
    const size_t end = FindOutsideQuotes(element, ";");
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view pair = TrimSpace(element.substr(0, end));
    element = end == element.size() ? std::string_view() : element.substr(end + 1);
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos || !SameToken(pair.substr(0, equals), "for")) continue;
    if (node) return std::nullopt;
    node = pair.substr(equals + 1);
  }
  return node ? ParseNode(*node) : std::nullopt;
}

}  // namespace

std::optional<net::IpAddress> TakeLastForwardedFor(std::string_view& field) {
  size_t last = 0;
  for (;;) {
    const size_t end = FindOutsideQuotes(field.substr(last), ",");
    if (end == std::string_view::npos) {
      field = {};
      return std::nullopt;
    }
    if (last + end == field.size()) break;
    last += end + 1;
  }
  const std::string_view element = TrimSpace(field.substr(last));
  field = last == 0 ? std::string_view() : field.substr(0, last - 1);
  return ForOf(element);
}

void AppendForwarded(const net::IpAddress& peer, std::string_view host, bool secure,
                     std::string& out) {
  char text[48];
  const std::string_view ip(text, peer.Write(text));
  const bool v6 = ip.find(':') != std::string_view::npos;
  out.append(v6 ? "for=\"[" : "for=").append(ip).append(v6 ? "]\"" : "");
  const bool quotable = std::all_of(host.begin(), host.end(), [](char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '\\';
  });
  if (!host.empty() && quotable) out.append(";host=\"").append(host).append("\"");
  out.append(secure ? ";proto=https" : ";proto=http");
}

}  // namespace meridian::codec
