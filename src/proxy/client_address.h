// Who the client is: a proxy we trust tells whom it serves, and so on towards the client; the
// rightmost address that is not a trusted proxy is the client. What untrusted peers claim is not
// read at all. Read is X-Forwarded-For, or Forwarded (RFC 7239) where there is none.
#pragma once

#include <meridian/codec/http1.h>
#include <meridian/net/address.h>

#include <vector>

namespace meridian::proxy {

bool Trusted(const net::IpAddress& ip, const std::vector<net::Prefix>& trusted);

// The client's address of one request. An entry that is no address ends the walk at the last good
// one.
net::IpAddress ClientOf(const codec::Head& head, const net::IpAddress& peer,
                        const std::vector<net::Prefix>& trusted);

}  // namespace meridian::proxy
