// The PROXY protocol's header (HAProxy's proxy-protocol.txt, sections 2.1 and 2.2), both versions:
// who the client of a connection is, told by the proxy in front. Parsed at the start of a
// connection, from bytes, and written for the connections that Meridian makes; no I/O.
#pragma once

#include <meridian/base/result.h>
#include <meridian/net/address.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace meridian::codec {

struct ProxyHeader {
  size_t consumed = 0;  // the header's length; 0: more bytes are needed
  bool local = false;   // LOCAL, UNKNOWN, AF_UNSPEC or AF_UNIX: use the connection's own addresses
  uint8_t version = 0;  // 1 or 2
  net::Address source, destination;
  std::string_view
      tlvs;  // version 2: the raw TLV vector (checked for shape), a view into the bytes;
             // empty with LOCAL, whose contents are to be discarded
};

// Errors: kMalformed (also a CRC32c TLV that does not match), kTooLarge (v2 beyond 4 KiB),
// kUnsupported (a future version, a datagram transport). `context` names the fault.
Result<ProxyHeader> ParseProxyHeader(std::string_view bytes);

// What a header is to say. Without both addresses it says that the client is not known.
struct ProxyHeaderOut {
  uint8_t version = 2;
  net::Address source, destination;
  // Version 2 only, each as a TLV unless it is empty or longer than 255 bytes: the server name that
  // the client asked for (PP2_TYPE_AUTHORITY), the connection's id (PP2_TYPE_UNIQUE_ID), and of our
  // own the site (0xE0) and, in decimal, the epoch (0xE1; 0: none). A CRC32c goes along.
  std::string_view server_name = {}, unique_id = {}, site = {};
  uint64_t epoch = 0;
};
void AppendProxyHeader(const ProxyHeaderOut& header, std::string& out);

}  // namespace meridian::codec
