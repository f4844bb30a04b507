// What a backend sends on an HTTP/2 connection to which three requests have gone, cut arbitrarily.
//
//   input   cuts[1] · the server's frames
//   cuts    seed of where the bytes are cut; its top bit: small limits
//
// Holds: what is told does not depend on the cuts; each call is told interim heads, then one final
// head, then its body, then its end, and nothing after it; a head that is told is read by HTTP/1.1
// as the same head; what we send is whole frames, and bounded; who has ended stays so.
#include <meridian/base/check.h>
#include <meridian/base/format.h>
#include <meridian/base/hash.h>
#include <meridian/codec/http2.h>

#include <array>

#include "fuzz/target.h"
#include "testing/http2_frames.h"

namespace meridian::codec {
namespace {

// As HTTP/1.1 reads the head alone: it must be one, whole, and say the same.
void CheckAsHttp1(const Head& head) {
  if (head.status > 599) return;  // which HTTP/1.1 refuses
  std::string text = Format("HTTP/1.1 {} \r\n", head.status);
  uint32_t fields = 0;
  for (const Field& field : head) {
    if (field.hop_by_hop || field.id == FieldId::kContentLength) continue;
    text += Format("{}: {}\r\n", field.name, field.value);
    ++fields;
  }
  text += "\r\n";
  Http1Parser parser(Http1Parser::Kind::kResponse,
                     {.head_bytes = UINT32_MAX, .fields = kMaxFields});
  parser.ExpectResponseTo("GET");
  const auto again = std::make_unique<Head>();
  const auto result = parser.ParseHead(text, *again);
  MERIDIAN_CHECK(result.has_value() && result->progress == Progress::kDone);
  MERIDIAN_CHECK(result->consumed == text.size());
  MERIDIAN_CHECK(again->status == head.status && again->field_count == fields);
}

class End final : public Http2Handler {
 public:
  struct Call final : Http2Stream {
    void OnHead(const Head& head, bool end) override {
      MERIDIAN_CHECK(!answered && !ended && head.status >= 100);
      MERIDIAN_CHECK(head.status >= 200 || !end);
      CheckAsHttp1(head);
      answered = head.status >= 200;
      ended = end;
      *log += Format("{} head {} {} {}\n", id, head.status, head.field_count, end);
    }
    void OnRefused(const Error& error) override {
      MERIDIAN_CHECK(!ended);
      refused = true;
      *log += Format("{} refused {}\n", id, error.context);
      connection->Reset(*this, Http2Code::kCancel);
    }
    void OnBody(std::string_view bytes) override {
      MERIDIAN_CHECK(open() && !ended && (answered || refused));
      body_bytes += bytes.size();
      connection->Consumed(*this);
    }
    void OnEnd(std::span<const Field> trailers) override {
      MERIDIAN_CHECK(!ended && (answered || refused));
      ended = true;
      *log += Format("{} end {} {}\n", id, body_bytes, trailers.size());
    }
    void OnDrained() override {}
    void OnClosed(Http2Code code) override {
      MERIDIAN_CHECK(!closed);
      closed = ended = true;
      *log += Format("{} closed {}\n", id, static_cast<uint32_t>(code));
    }

    Http2Connection* connection = nullptr;
    std::string* log = nullptr;
    int id = 0;
    size_t body_bytes = 0;
    bool answered = false, refused = false, ended = false, closed = false;
  };

  explicit End(const Http2Limits& limits)
      : connection(Http2Connection::Role::kClient, limits, pool.shared(), *this) {
    static constexpr std::string_view kMethods[] = {"GET", "POST", "HEAD"};
    // One is admitted before the server has said how many it takes.
    connection.Receive(fakes::h2::Frame(fakes::h2::kSettings, 0, 0, ""),
                       MonotonicTime(Duration(1)));
    for (size_t i = 0; i < calls.size(); ++i) {
      Call& call = calls[i];
      call.connection = &connection;
      call.log = &log;
      call.id = static_cast<int>(2 * i + 1);
      const std::array<Field, 4> fields{{{":method", kMethods[i]},
                                         {":scheme", "http"},
                                         {":authority", "a.test"},
                                         {":path", "/"}}};
      const bool post = kMethods[i] == "POST";
      if (!connection.Request(call, fields, !post)) continue;
      const std::string_view piece = "hello";
      if (post) connection.SendBody(call, std::span(&piece, 1), true);
    }
    connection.Take(sent, 1 << 20);
  }

  std::string log, sent;
  std::array<Call, 3> calls;
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
  for (size_t at = 0; at < bytes.size();) {
    const size_t size = cut ? 1 + Reduce(Mix(mode * 65536u + at), 64) : bytes.size();
    end.connection.Receive(bytes.substr(at, size), MonotonicTime(Duration(1)));
    at += size;
  }
  end.connection.Take(end.sent, 1 << 20);
  MERIDIAN_CHECK(end.sent.size() < (2 << 20));
  MERIDIAN_CHECK(end.sent.starts_with(fakes::h2::kPreface));
  size_t whole = fakes::h2::kPreface.size();
  for (const auto& frame : fakes::h2::Split(std::string_view(end.sent).substr(whole)))
    whole += 9 + frame.payload.size();
  MERIDIAN_CHECK(whole == end.sent.size());
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
