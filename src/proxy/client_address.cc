// See client_address.h.
#include "proxy/client_address.h"

#include <meridian/base/text.h>
#include <meridian/codec/forwarded.h>

#include <algorithm>

namespace meridian::proxy {
namespace {

using codec::FieldId;

// One element of X-Forwarded-For: an address, maybe with a port, IPv6 maybe in brackets.
std::optional<net::IpAddress> ParseElement(std::string_view text) {
  if (auto ip = net::IpAddress::Parse(text)) return ip;
  if (auto address = net::Address::Parse(text); address && !address->is_unix())
    return address->ip();
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
    return net::IpAddress::Parse(text.substr(1, text.size() - 2));
  }
  return std::nullopt;
}

// Takes the last element off a list.
std::optional<net::IpAddress> TakeLast(std::string_view& list) {
  const size_t comma = list.rfind(',');
  const std::string_view element = comma == std::string_view::npos ? list : list.substr(comma + 1);
  list = comma == std::string_view::npos ? std::string_view() : list.substr(0, comma);
  return ParseElement(TrimSpace(element));
}

}  // namespace

bool Trusted(const net::IpAddress& ip, const std::vector<net::Prefix>& trusted) {
  return std::any_of(trusted.begin(), trusted.end(),
                     [&](const net::Prefix& prefix) { return prefix.Contains(ip); });
}

net::IpAddress ClientOf(const codec::Head& head, const net::IpAddress& peer,
                        const std::vector<net::Prefix>& trusted) {
  net::IpAddress client = peer;
  const bool has_list = head.Find(FieldId::kXForwardedFor) != nullptr;
  const FieldId id = has_list ? FieldId::kXForwardedFor : FieldId::kForwarded;
  // Several fields count as one, in order: the last field's last element is the nearest.
  for (uint32_t i = head.field_count; i-- > 0;) {
    if (head.fields[i].id != id) continue;
    std::string_view rest = head.fields[i].value;
    while (!rest.empty()) {
      if (!Trusted(client, trusted)) return client;
      const auto ip = has_list ? TakeLast(rest) : codec::TakeLastForwardedFor(rest);
      if (!ip) return client;
      client = *ip;
    }
  }
  return client;
}

}  // namespace meridian::proxy
