// HTTP/2 (RFC 9113) over bytes in memory, either role: frames in, heads and body slices out, and
// back. nghttp2 does framing, HPACK and flow control; what a head means, and what of it is refused,
// is decided here, so that whatever comes out could stand in HTTP/1.1 as well. No I/O, no clock
// but the times it is given.
//
//   Receive(bytes) ─► Http2Handler::NewStream ─► Http2Stream::OnHead, OnBody, OnEnd, OnClosed
//   Respond, SendBody, SendTrailers, Reset, Consumed ─► (queued) ─► Take(out)
//
// Bounds: streams at once, a head's size and fields, what of a body has come and is not consumed
// (the windows), and what costs us work but the peer nothing: resets, pings, settings, empty
// frames, window updates. Each of the latter has a budget that refills with time; who passes one is
// told ENHANCE_YOUR_CALM. What is to be sent of bodies is kept per stream; its owner bounds it by
// pending_bytes.
//
// One connection belongs to one worker. Its handler and streams outlive it, or are told OnClosed.
// Inside of a call from here, anything may be called but Receive and Take.
#pragma once

#include <meridian/base/result.h>
#include <meridian/base/time.h>
#include <meridian/codec/http1.h>

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct nghttp2_session;

namespace meridian::codec {

struct Http2Callbacks;
struct Http2Shared;
class FieldBlock;

// Whether a connection begins as an HTTP/2 client's does (RFC 9113 section 3.4).
enum class Http2Preface : uint8_t { kNo, kMaybe, kYes };
Http2Preface ReadHttp2Preface(std::string_view bytes);

// RFC 9113 section 7; others pass through as they are.
enum class Http2Code : uint32_t {
  kNoError = 0,
  kProtocolError = 1,
  kInternalError = 2,
  kRefusedStream = 7,  // the request was not begun: it may be sent again
  kCancel = 8,
  kEnhanceYourCalm = 11,
};

// Why we ended a connection.
enum class Http2Fault : uint8_t {
  kNone,
  kProtocol,  // a connection error by the RFC
  kResets,    // streams opened and reset, or malformed, too fast
  kPings,     // and so on: more than their budget
  kSettings,
  kEmptyFrames,
  kContinuations,
  kWindowUpdates,
  kOtherFrames,  // priorities, answers to nothing
  kCount,
};
const char* Name(Http2Fault fault);  // "protocol", "resets", … as metrics show it

struct Http2Limits {
  HttpLimits head;
  uint32_t streams = 100;
  uint32_t stream_window = 64 * 1024;
  uint32_t connection_window = 1024 * 1024;
};

// One request and its response. The owner derives from it, and keeps it until OnClosed or until the
// connection is destroyed.
class Http2Stream {
 public:
  bool open() const { return id_ != 0; }
  // Of the body we send: given and not yet taken.
  size_t pending_bytes() const { return out_.size() - sent_; }

 protected:
  virtual ~Http2Stream() = default;

 private:
  friend class Http2Connection;
  friend struct Http2Callbacks;

  // A request, or a response (interim ones first). `end`: nothing follows, nor does OnEnd. What
  // opens a WebSocket (RFC 8441) is told as HTTP/1.1's GET with `upgrade`.
  virtual void OnHead(const Head& head, bool end) = 0;
  // A head that HTTP/2 allows and we don't, or too large a one. A server may answer it.
  virtual void OnRefused(const Error& error) = 0;
  // Valid during the call. The window opens again by Consumed.
  virtual void OnBody(std::string_view bytes) = 0;
  // `trailers`: without those that only a head may have; often none.
  virtual void OnEnd(std::span<const Field> trailers) = 0;
  // pending_bytes() has come down to zero.
  virtual void OnDrained() = 0;
  // Over, in whatever way; the stream is the owner's again.
  virtual void OnClosed(Http2Code code) = 0;

  int32_t id_ = 0;
  uint32_t unconsumed_ = 0;
  size_t sent_ = 0;
  std::string out_;
  std::string trailers_;  // to send: name, NUL, value, NUL …
  bool end_ = false;      // out_ holds the body's last byte
  bool deferred_ = false;
  bool answered_ = false;  // client: the final head has come
  bool tunnel_ = false;    // server: CONNECT, each direction of which ends by itself
};

class Http2Handler {
 public:
  // Server: for a request that begins. Null: refused, the peer may send it again.
  virtual Http2Stream* NewStream() { return nullptr; }
  // Server: a request whose stream was reset, since it breaks HTTP/2's rules for messages.
  virtual void OnMalformed() {}

 protected:
  ~Http2Handler() = default;
};

class Http2Connection {
 public:
  enum class Role : uint8_t { kServer, kClient };

  // Its SETTINGS (and a client's preface) wait for Take.
  Http2Connection(Role role, const Http2Limits& limits, Http2Shared& shared, Http2Handler& handler);
  ~Http2Connection();
  Http2Connection(const Http2Connection&) = delete;
  Http2Connection& operator=(const Http2Connection&) = delete;

  // What the peer sent, however it was cut. A fault ends the connection: see done().
  void Receive(std::string_view bytes, MonotonicTime now);
  // Appends what is to be sent now to `out`, until it has `enough` bytes (and at most a frame
  // more), or nothing may be sent.
  void Take(std::string& out, size_t enough);
  bool wants_output() const;
  // Nothing more will be read or sent: close it.
  bool done() const;
  Http2Fault fault() const { return fault_; }
  // A head has begun and not come whole: no other stream moves until it has.
  bool in_head() const { return in_head_; }
  size_t streams() const { return streams_; }

  // Client: sends a request; `fields` begin with the pseudo-fields. False: the connection takes no
  // more. SendBody follows, unless `end`.
  bool Request(Http2Stream& stream, std::span<const Field> fields, bool end);
  // How many more streams the peer admits now; one in all as long as it has not said.
  size_t room() const;
  // Its SETTINGS have come.
  bool ready() const { return ready_; }
  // Client: the server takes extended CONNECT (RFC 8441 section 3). Known once it is ready.
  bool takes_tunnels() const;
  // An interim (1xx) or, with `end`, whole response; else SendBody follows. Names are sent in lower
  // case, all is copied. Does nothing for a stream that is not open, like all that follow.
  void Respond(Http2Stream& stream, uint16_t status, std::span<const Field> fields, bool end);
  // `end`: the last of it. At most once, and not after a Respond with `end`.
  void SendBody(Http2Stream& stream, std::span<const std::string_view> pieces, bool end);
  // Before the SendBody that ends it.
  void AddTrailer(Http2Stream& stream, std::string_view name, std::string_view value);
  // What OnBody brought so far has gone where it belongs.
  void Consumed(Http2Stream& stream);
  // All of it, to the end, has been sent.
  bool SentAll(const Http2Stream& stream) const;
  // What still waits to be sent is dropped.
  void Reset(Http2Stream& stream, Http2Code code);

  // RFC 9113 section 6.8: no more streams, in two steps, so that what is on its way is served.
  // done() when the last has ended.
  void BeginShutdown();
  // At once, with a reason.
  void Terminate(Http2Code code);

 private:
  friend struct Http2Callbacks;
  static constexpr size_t kBudgets = static_cast<size_t>(Http2Fault::kCount);

  bool Charge(Http2Fault what);
  void EarnByData();
  void Refill(MonotonicTime now);
  void BeginHead();
  void HeadDone(int32_t id, bool end, bool first);
  void TellHead(Http2Stream& stream, bool end, bool first);
  void Bind(Http2Stream& stream, int32_t id);
  void Closed(Http2Stream& stream, Http2Code code);
  void Fail(Http2Fault fault);

  Role role_;
  Http2Limits limits_;
  Http2Shared& shared_;
  Http2Handler& handler_;
  nghttp2_session* session_ = nullptr;
  std::unique_ptr<FieldBlock> block_;  // the head being read
  std::string* out_ = nullptr;         // during Take
  size_t enough_ = 0;
  size_t streams_ = 0;
  MonotonicTime refilled_{};
  std::array<int32_t, kBudgets> budgets_;
  Http2Fault fault_ = Http2Fault::kNone;
  bool in_head_ = false, shutting_down_ = false, ready_ = false;
};

// What the connections of one worker share: nghttp2's memory in blocks that are used again, and
// room for the head being read. Outlives them.
class Http2Pool {
 public:
  Http2Pool();
  ~Http2Pool();
  Http2Shared& shared() { return *shared_; }

 private:
  std::unique_ptr<Http2Shared> shared_;
};

}  // namespace meridian::codec
