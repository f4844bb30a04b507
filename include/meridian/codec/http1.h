// HTTP/1.0 and 1.1 messages (RFC 9110, 9112): bytes in, heads and body slices out; no I/O, no
// allocation. llhttp in its strict mode does the grammar; what it would let pass and a backend
// might read otherwise is refused here: both Content-Length and Transfer-Encoding, repeated or odd
// lengths, Transfer-Encoding other than exactly "chunked", obs-fold, bare CR or LF, white space
// before a colon, a missing or repeated Host, control bytes in a target or value. What comes out is
// the only reading of the bytes.
//
//   message = head (start line, fields, empty line) · body (none | length | chunked | until close)
//
// A parser handles one connection's direction, message after message: ParseHead until kDone, then
// ParseBody until `done`, then ParseHead again.
#pragma once

#include <meridian/base/result.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace meridian::codec {

struct HttpLimits {
  uint32_t head_bytes = 32 * 1024;  // start line and all fields
  uint32_t fields = 100;            // at most kMaxFields
};

inline constexpr uint32_t kMaxFields = 128;

// How the end of a body is known (RFC 9112 section 6.3).
enum class Framing : uint8_t { kNone, kLength, kChunked, kUntilClose };

// Fields that the proxy acts on, recognised while parsing; kOther is everything else. Compared
// ignoring case.
enum class FieldId : uint8_t {
  kOther,
  kConnection,
  kContentLength,
  kCookie,
  kExpect,
  kForwarded,
  kHost,
  kKeepAlive,
  kProxyAuthenticate,
  kProxyAuthorization,
  kProxyConnection,
  kSetCookie,
  kTe,
  kTraceparent,
  kTracestate,
  kTrailer,
  kTransferEncoding,
  kUpgrade,
  kVia,
  kXClientCertSubject,
  kXForwardedFor,
  kXForwardedHost,
  kXForwardedProto,
  kXRequestId,
  kMeridian,   // any name that begins with "Meridian-"
  kImitation,  // one of these names with "_" for "-": CGI and its heirs read both as one
};

struct Field {
  std::string_view name;   // as received
  std::string_view value;  // without surrounding white space
  FieldId id = FieldId::kOther;
  bool hop_by_hop = false;  // by RFC 9110 section 7.6.1 or named by Connection: not to be forwarded
};

// Every view points into the bytes given to ParseHead. Trivially copyable apart from that.
struct Head {
  std::string_view method;     // requests
  std::string_view target;     // requests: origin-form, absolute-form, or "*", as received
  std::string_view path;       // requests: the target's path with its query; "*" for asterisk-form;
                               // empty for CONNECT
  std::string_view host;       // requests: without port, IPv6 in brackets; from the target if
                               // absolute, else from Host; may be empty in 1.0
  std::string_view authority;  // as `host`, with the port if one was given
  uint16_t status = 0;         // responses
  std::string_view reason;     // responses
  uint8_t minor = 1;           // of HTTP/1.x
  bool keep_alive = false;     // by version and Connection
  bool upgrade = false;        // requests: one Upgrade field that Connection names, to a protocol
                               // that may be tunnelled (not h2c, TLS), or CONNECT; responses: 101
  bool expect_continue = false;
  Framing framing = Framing::kNone;
  uint64_t content_length = 0;  // with kLength
  uint32_t field_count = 0;
  std::array<Field, kMaxFields> fields;

  const Field* begin() const { return fields.data(); }
  const Field* end() const { return fields.data() + field_count; }
  const Field* Find(FieldId id) const;             // the first, or null
  const Field* Find(std::string_view name) const;  // ignoring case; the first, or null
};

enum class Progress : uint8_t { kNeedMore, kDone };

struct HeadResult {
  Progress progress = Progress::kNeedMore;
  size_t consumed = 0;  // with kDone: the head's length, leading empty lines included
};

struct BodyResult {
  size_t consumed = 0;    // of the bytes given
  std::string_view data;  // a slice of them that is body; may be empty
  bool done = false;      // the message ends with `consumed`
};

// An error's context names the reason of a refusal ("both-lengths", "bad-chunk", "obs-fold", …),
// its side whose message it is: the client's (requests) or the backend's (responses).
class Http1Parser {
 public:
  enum class Kind : uint8_t { kRequest, kResponse };

  // Precondition: limits.fields ≤ kMaxFields.
  Http1Parser(Kind kind, const HttpLimits& limits);

  // `bytes` begin with the first byte of a head (or of what is there of it) and stay in place while
  // `head` is used. After kNeedMore call again with the same bytes and more behind them. Errors:
  // kMalformed, kTooLarge (the head passes a limit, also before its end was seen), kUnsupported
  // (version, transfer coding). Precondition for a response: ExpectResponseTo was called for it.
  Result<HeadResult> ParseHead(std::string_view bytes, Head& head);

  // The next piece of the current message's body. Call again with the rest while consumed <
  // bytes.size() and not done. With kNone or a zero length, ParseHead's kDone is followed by one
  // call that gives done at once, also for empty bytes. Chunk extensions are checked and dropped.
  // Errors: kMalformed, kTooLarge.
  Result<BodyResult> ParseBody(std::string_view bytes);

  // After `done`: the trailer fields that may be passed on, without those that only a head may have
  // (RFC 9110 section 6.5.1) and those of one hop. Read into head.fields; valid until the next
  // ParseHead.
  std::span<const Field> ReadTrailers(Head& head) const;

  // The connection ended. True if that is the regular end of the message (kUntilClose); false if it
  // is cut short.
  bool FinishAtEnd() const;

  // Responses: the request's method decides whether a body can follow (HEAD, CONNECT: RFC 9112
  // section 6.3).
  void ExpectResponseTo(std::string_view method);

 private:
  // What is known of a head whose end has not been seen: each byte is looked at once, however they
  // arrive.
  enum class ScanState : uint8_t { kStart, kEmptyLine, kOpening, kStartLine, kFields };
  struct Scan {
    ScanState state = ScanState::kStart;
    uint32_t head = 0;      // where the start line begins: behind an empty line, if one came
    uint32_t line = 0;      // where the line being read begins
    uint32_t position = 0;  // the next byte to look at
    uint32_t fields = 0;
  };
  // Chunked bodies are walked by hand, strictly (RFC 9112 section 7.1), since their framing decides
  // what the next message is.
  enum class ChunkState : uint8_t {
    kSize,
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,
    kTrailerName,
    kTrailerValue,
    kTrailerLf,
    kEndLf,
  };
  enum class Answers : uint8_t { kOther, kHead, kConnect };

  tl::unexpected<Error> Refuse(ErrorCode code, const char* context) const;
  Result<size_t> FindHeadEnd(std::string_view bytes);
  const char* ScanOpening(std::string_view bytes);
  const char* ScanLine(std::string_view line);
  Result<BodyResult> ParseChunked(std::string_view bytes);
  const char* ChunkStep(char byte);
  const char* SizeStep(char byte);
  const char* TrailerStep(char byte);
  const char* BeginTrailer();
  bool CountOverhead();

  Kind kind_;
  HttpLimits limits_;
  Scan scan_;
  Answers answers_ = Answers::kOther;
  Framing framing_ = Framing::kNone;
  ChunkState chunk_ = ChunkState::kSize;
  uint8_t chunk_digits_ = 0;
  uint8_t trailer_count_ = 0;
  uint32_t overhead_bytes_ = 0;  // this message's extensions and trailers, bounded by head_bytes
  uint64_t remaining_ = 0;       // of the body (kLength) or of the chunk
  std::unique_ptr<std::string> trailers_;  // where there are any: name ":" value LF …
};

}  // namespace meridian::codec
