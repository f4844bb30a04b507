// See preface.h.
#include "proxy/preface.h"

#include <meridian/codec/proxy_header.h>

#include <algorithm>

#include "proxy/client_address.h"

namespace meridian::proxy {
namespace {

constexpr std::string_view kVersion1 = "PROXY ";
constexpr std::string_view kVersion2 = "\r\n\r\n\0\r\nQUIT\n";

// Whether `bytes` may still become a PROXY header.
bool MayBeHeader(std::string_view bytes) {
  const auto agrees = [&](std::string_view signature) {
    const size_t count = std::min(bytes.size(), signature.size());
    return bytes.substr(0, count) == signature.substr(0, count);
  };
  return agrees(kVersion1) || agrees({kVersion2.data(), 12});
}

}  // namespace

bool Preface::Wanted(const config::Listener& listener, const net::IpAddress& peer) {
  switch (listener.proxy_protocol) {
    case config::Listener::ProxyProtocol::kOff:
      return false;
    case config::Listener::ProxyProtocol::kAccept:
      return Trusted(peer, listener.trusted_proxies);
    case config::Listener::ProxyProtocol::kRequire:
      return true;
  }
  return false;
}

Result<Preface::Step> Preface::Feed(std::string_view bytes, const config::Listener& listener,
                                    net::IpAddress& client) {
  if (!Trusted(client, listener.trusted_proxies)) {
    return Fail(ErrorCode::kInvalid, "untrusted-proxy", 0, Side::kClient);
  }
  buffer_.append(bytes);
  if (!MayBeHeader(buffer_)) {
    if (listener.proxy_protocol == config::Listener::ProxyProtocol::kRequire)
      return Fail(ErrorCode::kMalformed, "no-proxy-header", 0, Side::kClient);
    return Step::kDone;
  }
  const auto header = codec::ParseProxyHeader(buffer_);
  if (!header) return tl::unexpected(header.error());
  if (header->consumed == 0) return Step::kNeedMore;
  consumed_ = header->consumed;
  if (header->local || !header->source.ip().ok()) return Step::kDone;
  source_ = header->source;
  destination_ = header->destination;
  client = source_.ip();
  return Step::kDone;
}

}  // namespace meridian::proxy
