// PROXY headers as they are sent; proxy_header.cc reads them and draws their form.
#include <meridian/base/check.h>
#include <meridian/codec/proxy_header.h>

#include "codec/crc32c.h"

namespace meridian::codec {
namespace {

constexpr std::string_view kV2Signature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr size_t kMaxTlvValue = 255;
// Section 2.2.1 ff.; the last two are ours, of those that are anybody's (section 2.2.7).
constexpr uint8_t kTlvAuthority = 0x02, kTlvCrc32c = 0x03, kTlvUniqueId = 0x05, kTlvSite = 0xe0,
                  kTlvEpoch = 0xe1;

void AppendWord(size_t value, std::string& out) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value));
}

void AppendTlv(uint8_t type, std::string_view value, std::string& out) {
  if (value.empty() || value.size() > kMaxTlvValue) return;
  out.push_back(static_cast<char>(type));
  AppendWord(value.size(), out);
  out.append(value);
}

// An IPv4 address among IPv6 ones goes mapped (RFC 4291 section 2.5.5.2).
void AppendIp(const net::IpAddress& ip, bool v6, std::string& out) {
  const bool mapped = v6 && ip.family() == net::Family::kIpv4;
  if (mapped) out.append(std::string_view("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12));
  const size_t size = ip.family() == net::Family::kIpv4 ? 4 : 16;
  out.append(reinterpret_cast<const char*>(ip.bytes().data()), size);
}

std::string TextOf(const net::IpAddress& ip, bool v6) {
  const bool mapped = v6 && ip.family() == net::Family::kIpv4;
  return mapped ? "::ffff:" + ip.ToString() : ip.ToString();
}

void AppendV1(const ProxyHeaderOut& header, bool known, bool v6, std::string& out) {
  if (!known) {
    out.append("PROXY UNKNOWN\r\n");
    return;
  }
  out.append(v6 ? "PROXY TCP6 " : "PROXY TCP4 ");
  out.append(TextOf(header.source.ip(), v6)).append(" ");
  out.append(TextOf(header.destination.ip(), v6)).append(" ");
  out.append(std::to_string(header.source.port())).append(" ");
  out.append(std::to_string(header.destination.port())).append("\r\n");
}

void AppendV2(const ProxyHeaderOut& header, bool known, bool v6, std::string& out) {
  const size_t start = out.size();
  out.append(kV2Signature);
  out.push_back('\x21');  // version 2, PROXY
  out.push_back(static_cast<char>(!known ? 0x00 : v6 ? 0x21 : 0x11));
  AppendWord(0, out);  // the length, when it is known
  const size_t first = out.size();
  if (known) {
    AppendIp(header.source.ip(), v6, out);
    AppendIp(header.destination.ip(), v6, out);
    AppendWord(header.source.port(), out);
    AppendWord(header.destination.port(), out);
  }
  AppendTlv(kTlvAuthority, header.server_name, out);
  AppendTlv(kTlvUniqueId, header.unique_id, out);
  AppendTlv(kTlvSite, header.site, out);
  if (header.epoch != 0) AppendTlv(kTlvEpoch, std::to_string(header.epoch), out);
  AppendTlv(kTlvCrc32c, std::string_view("\0\0\0\0", 4), out);
  const size_t length = out.size() - first;
  out[first - 2] = static_cast<char>(length >> 8);
  out[first - 1] = static_cast<char>(length);
  const uint32_t sum = Crc32cFinish(Crc32cAdd(kCrc32cStart, std::string_view(out).substr(start)));
  for (int i = 0; i < 4; ++i)
    out[out.size() - 4 + static_cast<size_t>(i)] = static_cast<char>(sum >> (24 - 8 * i));
}

}  // namespace

void AppendProxyHeader(const ProxyHeaderOut& header, std::string& out) {
  MERIDIAN_CHECK(header.version == 1 || header.version == 2);
  const net::IpAddress &source = header.source.ip(), &destination = header.destination.ip();
  const bool known = source.ok() && destination.ok();
  const bool v6 =
      source.family() == net::Family::kIpv6 || destination.family() == net::Family::kIpv6;
  header.version == 1 ? AppendV1(header, known, v6, out) : AppendV2(header, known, v6, out);
}

}  // namespace meridian::codec
