// Datagrams (UDP) as the data path sees them: a listener that many clients send to and that answers
// each from the address it asked, and a socket that is connected to one peer, so that what the
// network says of that peer (ICMP) comes back to it.
//
// The rules of net/loop.h hold: one thread, and no method calls a handler. What is sent may be
// lost, doubled or overtaken on its way; what is received is whole, or it is not told.
#pragma once

#include <meridian/base/hash.h>
#include <meridian/base/result.h>
#include <meridian/net/address.h>

#include <cstdint>
#include <string_view>

namespace meridian::net {

// The most bytes of one datagram: what UDP over IPv6 could carry.
inline constexpr size_t kMaxDatagram = 65527;

// Whose datagram it is: the peer's address, and which of ours it asked.
struct Flow {
  IpAddress peer;
  IpAddress local;  // !ok(): the one listened on, or for answers any
  uint16_t peer_port = 0;

  uint64_t Hash(uint64_t seed) const {
    return Combine(peer.Hash(seed), local.Hash(seed) + peer_port);
  }
  bool operator==(const Flow&) const = default;
};

class DatagramHandler {
 public:
  // One datagram, which may be empty, valid only during the call. A connected socket's flow has no
  // local address.
  virtual void OnDatagram(const Flow& flow, std::string_view bytes) = 0;
  // A connected socket's peer cannot be reached: an ICMP error, for something sent before. The
  // socket goes on; the error may come again.
  virtual void OnUnreachable(const Error& error) = 0;

 protected:
  ~DatagramHandler() = default;
};

// A connected socket. It hears nobody but its peer.
class DatagramSocket {
 public:
  virtual ~DatagramSocket() = default;
  // Sends at once. An error: it was not sent, because the peer cannot be reached (kRefused,
  // kUnreachable: perhaps for something sent before), it is too large (kTooLarge), or there is no
  // room for it now (kOverloaded).
  virtual Result<> Send(std::string_view bytes) = 0;
};

struct DatagramListenOptions {
  // Several listeners, one per worker, share the load: the same flow always comes to the same one.
  bool reuse_port = false;
  bool freebind = false;  // the address may be one that this machine does not have yet
};

// Receives until destroyed.
class DatagramListener {
 public:
  virtual ~DatagramListener() = default;
  virtual const Address& address() const = 0;  // with the real port, if 0 was asked for
  virtual void Pause() = 0;                    // datagrams wait, as many as the kernel keeps
  virtual void Resume() = 0;
  // To the peer, from the address it asked. What one turn of the loop answers goes out together at
  // its end, in order; the bytes are copied.
  virtual void Answer(const Flow& flow, std::string_view bytes) = 0;
  // How many answers could not be sent (no route, no room, too large) since the last call.
  virtual size_t TakeUnsent() = 0;
};

}  // namespace meridian::net
