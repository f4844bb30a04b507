// TLS 1.2 and 1.3 (RFC 5246, RFC 8446) as a net::Stream over another net::Stream.
//
//   session ── plain bytes ──► tls::Stream ── records ──► inner stream ──► socket
//           ◄─ OnRead ────────             ◄─ OnRead ────
//
// The handler hears OnConnected when the handshake is done, on either side, or OnError; nothing is
// read or written before that, though Write may be called. One Write is at most one write below,
// its bytes packed into records of up to 16 KiB; one read below is at most one OnRead for each 64
// KiB. FinishWriting sends close_notify, then FIN; the peer's close_notify is OnEnd. An end without
// one is an error (kReset): what came may have been cut short. Destroying says close_notify, too.
// Renegotiation is refused. Backpressure is the inner stream's.
//
// An idle stream holds no buffer. Errors: kMalformed (the protocol, kUnsupported where nothing is
// in common), kInvalid (the peer's certificate), kReset; `system` is OpenSSL's code, negative. One
// thread, the loop's. As with all streams, no method calls the handler.
#pragma once

#include <meridian/base/list.h>
#include <meridian/net/loop.h>
#include <meridian/tls/client_context.h>
#include <meridian/tls/server_context.h>

#include <memory>
#include <string>
#include <string_view>

namespace meridian::tls {

class TlsStream;

// What the TLS streams of one loop share: the buffers that bytes pass through, and who has
// something to tell on the loop's next turn. Outlives them.
class Workspace final : private net::TimerHandler {
 public:
  explicit Workspace(net::Loop& loop);
  ~Workspace();

 private:
  friend class TlsStream;

  void Later(TlsStream& stream);
  void OnTimer(net::Timer& timer) override;

  net::Loop& loop_;
  net::Timer timer_;
  List<TlsStream> due_;
  TlsStream* telling_ = nullptr;    // whose handler is being called; null once it is destroyed
  std::unique_ptr<char[]> plain_;   // read: what is told
  std::unique_ptr<char[]> gather_;  // written: slices on their way into one record
  std::string sealed_;              // records on their way to the inner stream
};

class Stream : public net::Stream {
 public:
  // What follows is known once the handshake is done.
  virtual Version version() const = 0;
  virtual bool resumed() const = 0;
  virtual std::string_view alpn() const = 0;  // the protocol agreed on, or empty
  // What the client asked for (SNI), as it wrote it, or empty.
  virtual std::string_view server_name() const = 0;
  // The subject of the client's certificate (RFC 4514 text, safe in a header), or empty.
  virtual std::string_view peer_subject() const = 0;
  // Client: when the first of the certificates that the server showed expires (zero: it showed
  // none).
  virtual WallTime peer_expires() const { return {}; }
};
using StreamPtr = std::unique_ptr<Stream>;

// The server's side of an accepted stream, without a handler yet. `early` is what was read from it
// already. Nothing is allocated for TLS until the client's first bytes are there.
StreamPtr Accept(Workspace& workspace, std::shared_ptr<const ServerContext> context,
                 net::StreamPtr inner, std::string_view early = {});

struct ConnectInput {
  net::Address to;
  net::ConnectOptions options;
  std::shared_ptr<const ClientContext> context;
  std::shared_ptr<SessionSlot> sessions;  // may be null
  std::string_view before = {};           // sent before the handshake, plain; during the call
};
// The client's side, connecting. Fails at once as Loop::Connect does.
Result<StreamPtr> Connect(Workspace& workspace, net::Loop& loop, const ConnectInput& input,
                          net::StreamHandler& handler);

// Why a handshake failed, as metrics show it.
enum class HandshakeFailure : uint8_t {
  kProtocol,        // bytes that TLS does not allow
  kNotTls,          // plain HTTP, or another protocol
  kVersion,         // no version in common
  kCipher,          // no cipher, group or signature algorithm in common
  kAlpn,            // no protocol in common
  kNoCertificate,   // the peer has none
  kBadCertificate,  // the peer's is not trusted, has expired, or is for another name
  kAlert,           // the peer gave up and said why
  kClosed,          // the peer left
  kTimeout,
  kOverload,  // too many at once
  kCount,
};
const char* Name(HandshakeFailure failure);
HandshakeFailure FailureOf(const Error& error);
// "certificate has expired": OpenSSL's words for a stream's error, or Describe's. Allocates.
std::string Explain(const Error& error);

}  // namespace meridian::tls
