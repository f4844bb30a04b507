// HTTP/1 messages of one direction: heads and bodies of arbitrary bytes, cut arbitrarily.
//
//   input   mode[1] · cuts[1] · the connection's bytes
//   mode    bit 0: responses · bits 2, 3: to GET, HEAD, CONNECT, GET · bit 5: small limits
//           so "R" is a request, "S" a response, "W" one to HEAD, "r" a request under small limits
//   cuts    seed of where the bytes are cut
//
// Holds: the events do not depend on the cuts; views lie inside the bytes; an accepted head is,
// line by line, what a naive reader splitting at CRLF and the first colon sees; its framing is the
// only one its fields allow; and written out again from its parts it is read as the same.
#include <meridian/base/check.h>
#include <meridian/base/hash.h>
#include <meridian/base/text.h>

#include <vector>

#include "fuzz/target.h"
#include "unit/codec/http1_events.h"

namespace meridian::codec {
namespace {

using Kind = Http1Parser::Kind;

void CheckInside(std::string_view view, std::string_view bytes) {
  if (view.data() == nullptr) return;
  MERIDIAN_CHECK(view.data() >= bytes.data());
  MERIDIAN_CHECK(view.data() + view.size() <= bytes.data() + bytes.size());
}

void CheckViews(const Head& head, std::string_view bytes) {
  for (const std::string_view view :
       {head.method, head.target, head.path, head.host, head.authority, head.reason}) {
    CheckInside(view, bytes);
  }
  for (const Field& field : head) {
    CheckInside(field.name, bytes);
    CheckInside(field.value, bytes);
  }
}

std::string_view TakeLine(std::string_view& bytes) {
  const size_t end = bytes.find("\r\n");
  MERIDIAN_CHECK(end != std::string_view::npos);
  const std::string_view line = bytes.substr(0, end);
  bytes.remove_prefix(end + 2);
  MERIDIAN_CHECK(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
  return line;
}

std::string StartLine(Kind kind, const Head& head) {
  if (kind == Kind::kRequest)
    return Format("{} {} HTTP/1.{}", head.method, head.target, head.minor);
  return Format("HTTP/1.{} {} {}", head.minor, head.status, head.reason);
}

void CheckNaively(Kind kind, const Head& head, std::string_view bytes) {
  if (kind == Kind::kRequest && bytes.starts_with("\r\n")) bytes.remove_prefix(2);
  const std::string_view start = TakeLine(bytes);
  const std::string expected = StartLine(kind, head);
  MERIDIAN_CHECK(start == expected || (head.reason.empty() && start == TrimSpace(expected)));
  for (const Field& field : head) {
    const std::string_view line = TakeLine(bytes);
    const size_t colon = line.find(':');
    MERIDIAN_CHECK(colon != std::string_view::npos);
    MERIDIAN_CHECK(field.name == line.substr(0, colon));
    MERIDIAN_CHECK(field.value == TrimSpace(line.substr(colon + 1)));
  }
  MERIDIAN_CHECK(bytes == "\r\n");
}

void CheckFraming(Kind kind, const Head& head) {
  uint32_t lengths = 0, codings = 0, hosts = 0;
  for (const Field& field : head) {
    lengths += EqualIgnoringCase(field.name, "content-length");
    codings += EqualIgnoringCase(field.name, "transfer-encoding");
    hosts += EqualIgnoringCase(field.name, "host");
  }
  MERIDIAN_CHECK(lengths + codings <= 1);
  if (kind == Kind::kRequest) {
    MERIDIAN_CHECK(hosts == 1 || (hosts == 0 && head.minor == 0));
    MERIDIAN_CHECK((head.framing == Framing::kLength) == (lengths == 1));
    MERIDIAN_CHECK((head.framing == Framing::kChunked) == (codings == 1));
  }
  MERIDIAN_CHECK(head.framing == Framing::kLength || head.content_length == 0);
}

void CheckReadsTheSameAgain(const Conversation& conversation, const Head& head) {
  std::string bytes = StartLine(conversation.kind, head) + "\r\n";
  for (const Field& field : head) bytes += Format("{}: {}\r\n", field.name, field.value);
  bytes += "\r\n";
  Http1Parser parser(conversation.kind, {.head_bytes = UINT32_MAX, .fields = kMaxFields});
  parser.ExpectResponseTo(conversation.answers);
  const auto again = std::make_unique<Head>();
  const auto result = parser.ParseHead(bytes, *again);
  MERIDIAN_CHECK(result.has_value() && result->progress == Progress::kDone);
  MERIDIAN_CHECK(result->consumed == bytes.size());
  MERIDIAN_CHECK(Told(*again) == Told(head));
}

std::vector<size_t> CutsOf(size_t size, uint8_t seed) {
  std::vector<size_t> cuts;
  for (size_t at = 0;;) {
    at += 1 + Reduce(Mix(seed * 65536u + at), 1u << (1 + seed % 8));
    if (at >= size) return cuts;
    cuts.push_back(at);
  }
}

void Fuzz(uint8_t mode, uint8_t seed, std::string_view bytes) {
  static constexpr std::string_view kAnswers[] = {"GET", "HEAD", "CONNECT", "GET"};
  Conversation conversation;
  conversation.kind = (mode & 1) != 0 ? Kind::kResponse : Kind::kRequest;
  conversation.answers = kAnswers[mode >> 2 & 3];
  if ((mode & 0x20) != 0) conversation.limits = {.head_bytes = 200, .fields = 6};
  conversation.on_head = [&](const Head& head, std::string_view all, size_t consumed) {
    MERIDIAN_CHECK(consumed <= all.size());
    MERIDIAN_CHECK(consumed <= conversation.limits.head_bytes);
    MERIDIAN_CHECK(head.field_count <= conversation.limits.fields);
    const std::string_view own = all.substr(0, consumed);
    CheckViews(head, own);
    CheckNaively(conversation.kind, head, own);
    CheckFraming(conversation.kind, head);
    CheckReadsTheSameAgain(conversation, head);
  };
  const std::string whole = conversation.Tell(bytes);
  MERIDIAN_CHECK(conversation.Tell(bytes, CutsOf(bytes.size(), seed)) == whole);
}

}  // namespace
}  // namespace meridian::codec

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  meridian::codec::Fuzz(data[0], data[1], {reinterpret_cast<const char*>(data) + 2, size - 2});
  return 0;
}
