// What a client sends on an HTTP/2 connection, cut arbitrarily.
//
//   input   cuts[1] · what follows the preface
//   cuts    seed of where the bytes are cut; its top bit: small limits
//
// Holds: what is told does not depend on the cuts; a request that is told, written as HTTP/1.1 from
// its parts, is read there as the same request and nothing else; what we answer is whole frames,
// and bounded; every stream is answered or closed; a connection that has ended stays so.
#include <meridian/base/check.h>
#include <meridian/base/format.h>
#include <meridian/base/hash.h>
#include <meridian/codec/http2.h>

#include <list>

#include "fuzz/target.h"
#include "testing/http2_frames.h"

namespace meridian::codec {
namespace {

// As HTTP/1.1 reads the request: it must be one, whole, and say the same.
void CheckAsHttp1(const Head& head) {
  std::string text =
      Format("{} {} HTTP/1.1\r\nHost: {}\r\n", head.method,
             head.method == "CONNECT" ? head.authority : head.path, head.authority);
  uint32_t fields = 1;
  for (const Field& field : head) {
    if (field.hop_by_hop || field.id == FieldId::kHost) continue;
    text += Format("{}: {}\r\n", field.name, field.value);
    ++fields;
  }
  text += "\r\n";
  Http1Parser parser(Http1Parser::Kind::kRequest, {.head_bytes = UINT32_MAX, .fields = kMaxFields});
  const auto again = std::make_unique<Head>();
  const auto result = parser.ParseHead(text, *again);
  // Methods that llhttp does not know are the one thing that HTTP/1.1 may refuse.
  if (!result && result.error().code == ErrorCode::kUnsupported) return;
  if (fields > kMaxFields) return;
  MERIDIAN_CHECK(result.has_value() && result->progress == Progress::kDone);
  MERIDIAN_CHECK(result->consumed == text.size());
  MERIDIAN_CHECK(again->method == head.method && again->path == head.path);
  MERIDIAN_CHECK(again->authority == head.authority && again->host == head.host);
  MERIDIAN_CHECK(again->field_count == fields);
  const bool length = head.framing == Framing::kLength;
  MERIDIAN_CHECK((again->framing == Framing::kLength) == length);
  MERIDIAN_CHECK(!length || again->content_length == head.content_length);
}

class End final : public Http2Handler {
 public:
  struct Stream final : Http2Stream {
    void OnHead(const Head& head, bool end) override {
      CheckAsHttp1(head);
      *log +=
          Format("{} {} {} {} {}\n", head.method, head.authority, head.path, head.field_count, end);
      ended = end;
      if (end) Respond();
    }
    void OnRefused(const Error& error) override {
      *log += Format("refused {}\n", error.context);
      Respond();
    }
    void OnBody(std::string_view bytes) override {
      MERIDIAN_CHECK(open() && !ended);
      body_bytes += bytes.size();
      connection->Consumed(*this);
    }
    void OnEnd(std::span<const Field> trailers) override {
      MERIDIAN_CHECK(!ended);
      ended = true;
      *log += Format("end {} {}\n", body_bytes, trailers.size());
      Respond();
    }
    void OnDrained() override {}
    void OnClosed(Http2Code code) override {
      *log += Format("closed {}\n", static_cast<uint32_t>(code));
    }
    void Respond() {
      if (std::exchange(answered, true)) return;
      connection->Respond(*this, 200, {}, false);
      const std::string_view piece = "hello";
      connection->SendBody(*this, std::span(&piece, 1), true);
    }

    Http2Connection* connection = nullptr;
    std::string* log = nullptr;
    size_t body_bytes = 0;
    bool ended = false, answered = false;
  };

  explicit End(const Http2Limits& limits)
      : connection(Http2Connection::Role::kServer, limits, pool.shared(), *this) {}

  Http2Stream* NewStream() override {
    Stream& stream = streams.emplace_back();
    stream.connection = &connection;
    stream.log = &log;
    return &stream;
  }
  void OnMalformed() override { log += "malformed\n"; }

  std::string log;
  std::list<Stream> streams;
  Http2Pool pool;
  Http2Connection connection;
};

struct Outcome {
  std::string log;
  Http2Fault fault;
  bool done;
};

Outcome Run(uint8_t mode, std::string_view bytes, bool cut) {
  Http2Limits limits;
  if ((mode & 0x80) != 0) limits = {{200, 6}, 3, 65535, 65535};
  End end(limits);
  const std::string all = std::string(fakes::h2::kPreface).append(bytes);
  std::string sent;
  for (size_t at = 0; at < all.size();) {
    const size_t size = cut ? 1 + Reduce(Mix(mode * 65536u + at), 64) : all.size();
    end.connection.Receive(std::string(all.substr(at, size)), MonotonicTime(Duration(1)));
    at += size;
    MERIDIAN_CHECK(end.connection.streams() <= limits.streams);
  }
  end.connection.Take(sent, 1 << 20);
  MERIDIAN_CHECK(sent.size() < (2 << 20));
  size_t whole = 0;
  for (const auto& frame : fakes::h2::Split(sent)) whole += 9 + frame.payload.size();
  MERIDIAN_CHECK(whole == sent.size());
  if (end.connection.fault() != Http2Fault::kNone) MERIDIAN_CHECK(end.connection.done());
  return {end.log, end.connection.fault(), end.connection.done()};
}

}  // namespace
}  // namespace meridian::codec

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const meridian::codec::Outcome whole = meridian::codec::Run(data[0], bytes, false);
  const meridian::codec::Outcome cut = meridian::codec::Run(data[0], bytes, true);
  using meridian::codec::Http2Fault;
  // To nghttp2 a CONTINUATION whose nine bytes come in pieces is several.
  if (cut.fault == Http2Fault::kContinuations) return 0;
  MERIDIAN_CHECK(cut.log == whole.log);
  // What stands behind a connection's regular end is read only if it came with it.
  MERIDIAN_CHECK(cut.fault == whole.fault || (cut.fault == Http2Fault::kNone && cut.done));
  return 0;
}
