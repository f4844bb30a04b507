// What a backend answers, as the client gets it: arbitrary bytes read as responses to one request,
// and written again as HttpClient writes them.
//
//   input   mode[1] · the backend's bytes, its end behind them
//   mode    bits 0, 1: to GET, HEAD, POST, GET · bit 2: for a client of HTTP/1.0
//
// Holds: a client that reads what was written finds the same interim responses and the same final
// one, its body byte by byte and its trailers, and not a byte behind it: nothing is split, and
// nothing is smuggled in.
#include <meridian/base/check.h>
#include <meridian/base/format.h>
#include <meridian/codec/http1.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/target.h"
#include "proxy/http_head.h"

namespace meridian::proxy {
namespace {

using codec::Framing;
using codec::Http1Parser;

struct Response {
  std::string statuses;  // of all, interim ones first
  std::string body;
  std::vector<std::pair<std::string, std::string>> trailers;
  bool whole = false;
  size_t used = 0;
};

// Reads to the end of the final response. `each` sees every head, `piece` every piece of the body.
template <class Each, class Piece>
Response Read(std::string_view bytes, std::string_view method, Each each, Piece piece) {
  Response response;
  Http1Parser parser(Http1Parser::Kind::kResponse, {});
  parser.ExpectResponseTo(method);
  const auto head = std::make_unique<codec::Head>();
  for (;;) {
    const auto parsed = parser.ParseHead(bytes.substr(response.used), *head);
    if (!parsed || parsed->progress == codec::Progress::kNeedMore) return response;
    response.used += parsed->consumed;
    response.statuses += Format("{} ", head->status);
    if (head->status == 101) return response;
    each(*head);
    if (head->status >= 200) break;
    static_cast<void>(parser.ParseBody({}));
    parser.ExpectResponseTo(method);
  }
  for (bool done = false; !done;) {
    const auto part = parser.ParseBody(bytes.substr(response.used));
    if (!part) return response;
    response.used += part->consumed;
    response.body += part->data;
    piece(part->data);
    done = part->done || (response.used == bytes.size() && parser.FinishAtEnd());
    if (!done && response.used == bytes.size() && part->consumed == 0) return response;
  }
  for (const codec::Field& field : parser.ReadTrailers(*head))
    response.trailers.emplace_back(field.name, field.value);
  response.whole = true;
  return response;
}

void Fuzz(uint8_t mode, std::string_view bytes) {
  static constexpr std::string_view kMethods[] = {"GET", "HEAD", "POST", "GET"};
  const std::string_view method = kMethods[mode & 3];
  const bool http10 = (mode & 4) != 0;
  std::string wire;
  ResponseEdit edit;
  edit.site = "atlanta";
  edit.reason = "nearest";
  edit.client_http10 = http10;
  const auto write_head = [&](const codec::Head& head) {
    if (head.status < 200) return http10 ? void() : AppendInterimHead(head, wire);
    const bool unknown = head.framing == Framing::kChunked || head.framing == Framing::kUntilClose;
    if (unknown) edit.framing = http10 ? ResponseFraming::kUntilClose : ResponseFraming::kChunked;
    edit.close = edit.framing == ResponseFraming::kUntilClose;
    edit.keep_length = !unknown && head.status != 204;
    AppendResponseHead(head, edit, wire);
  };
  const auto write_body = [&](std::string_view piece) {
    const bool chunked = edit.framing == ResponseFraming::kChunked;
    if (chunked && !piece.empty()) wire += Format("{:x}\r\n", piece.size());
    wire.append(piece);
    if (chunked && !piece.empty()) wire.append("\r\n");
  };
  const Response told = Read(bytes, method, write_head, write_body);
  if (!told.whole) return;
  if (edit.framing == ResponseFraming::kChunked) {
    std::vector<codec::Field> trailers;
    for (const auto& [name, value] : told.trailers) trailers.push_back({name, value});
    AppendLastChunk(trailers, wire);
  }
  const auto nothing = [](const auto&) {};
  const Response again = Read(wire, method, nothing, nothing);
  MERIDIAN_CHECK(again.whole && again.used == wire.size());
  MERIDIAN_CHECK(again.body == told.body);
  if (edit.framing == ResponseFraming::kChunked) MERIDIAN_CHECK(again.trailers == told.trailers);
  const size_t final_at = told.statuses.rfind(' ', told.statuses.size() - 2) + 1;
  MERIDIAN_CHECK(again.statuses == (http10 ? told.statuses.substr(final_at) : told.statuses));
}

}  // namespace
}  // namespace meridian::proxy

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  meridian::proxy::Fuzz(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
