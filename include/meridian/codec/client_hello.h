// The ClientHello that opens a TLS connection (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2):
// which server name the client asks for (RFC 6066 section 3), which protocols it offers (RFC 7301).
// Takes no part in the handshake; parsed from a connection's first bytes; no I/O, no allocation.
//
//   record* = type 22 · version 3.x · length[2] · fragment        (RFC 8446 section 5.1)
//   fragments joined = 1 · length[3] · version · random[32] · session id · cipher suites
//                      · compression methods · extensions, each: type[2] · length[2] · data
#pragma once

#include <meridian/base/result.h>

#include <array>
#include <cstdint>
#include <string_view>

namespace meridian::codec {

// Of the connection's bytes: a hello that does not end within them is refused.
inline constexpr size_t kMaxClientHello = 16 * 1024;

class ClientHello {
 public:
  enum class Progress : uint8_t {
    kNeedMore,
    kDone,
    kNotTls,  // some other protocol, as the first bytes show
  };

  Progress progress = Progress::kNeedMore;

  // In lower case, without a dot at its end; empty: the client names none.
  std::string_view server_name() const { return {name_.data(), name_bytes_}; }
  // The protocols offered, preferred first, as on the wire: each behind its length, a byte. What
  // does not fit into 255 bytes is left out, from the first such one on.
  std::string_view alpn() const { return {alpn_.data(), alpn_bytes_}; }

 private:
  friend class ClientHelloReader;
  std::array<char, 255> name_{}, alpn_{};
  uint8_t name_bytes_ = 0, alpn_bytes_ = 0;
};

// Whether `offered`, as alpn() gives it, has `protocol`.
bool OffersProtocol(std::string_view offered, std::string_view protocol);

// `bytes` are all that the client has sent, from the first one on, or more than the hello; after
// kNeedMore call again with the same and more behind them. Errors: kMalformed (context "bad-tls-
// record", "not-a-client-hello", "bad-client-hello", "bad-server-name", "bad-alpn"), kTooLarge
// ("client-hello-too-large"). Unknown extensions, versions and values (GREASE, RFC 8701) are passed
// over.
Result<ClientHello> ParseClientHello(std::string_view bytes);

}  // namespace meridian::codec
