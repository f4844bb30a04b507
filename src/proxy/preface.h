// The start of a client's connection: a PROXY header where the listener wants one, from those it
// trusts. What it says becomes the client's address; anything else that was read is left for the
// session.
#pragma once

#include <meridian/base/result.h>
#include <meridian/config/config.h>
#include <meridian/net/address.h>

#include <string>
#include <string_view>

namespace meridian::proxy {

class Preface {
 public:
  // Whether anything is to be read before the session begins.
  static bool Wanted(const config::Listener& listener, const net::IpAddress& peer);

  enum class Step : uint8_t { kNeedMore, kDone };
  // Takes what the peer sent; `client` is the peer's address. With kDone, it has been set to the
  // header's if that names one, and rest() is what follows. Errors: malformed, absent where it is
  // required, or from one who is not trusted.
  Result<Step> Feed(std::string_view bytes, const config::Listener& listener,
                    net::IpAddress& client);
  // As the header said, where it named a client: not ok() otherwise.
  const net::Address& source() const { return source_; }
  const net::Address& destination() const { return destination_; }
  std::string_view rest() const { return std::string_view(buffer_).substr(consumed_); }

 private:
  std::string buffer_;
  net::Address source_, destination_;
  size_t consumed_ = 0;
};

}  // namespace meridian::proxy
