// The heads that Meridian writes: requests as backends get them, responses as clients get them, and
// its own errors. Each is built from what was understood, never copied whole: hop-by-hop fields go,
// framing is written anew, the forwarding fields are set. All append to a string whose capacity is
// kept, so nothing is allocated in steady state.
#pragma once

#include <meridian/codec/http1.h>
#include <meridian/net/address.h>
#include <meridian/proxy/metrics.h>
#include <meridian/snapshot/header_edits.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/correlation.h"

namespace meridian::proxy {

// What a route changes of a request.
struct RequestEdit {
  std::string_view target, host;                   // empty: as received
  const snapshot::HeaderEdits* headers = nullptr;  // null: none
};

struct Forwarding {
  net::IpAddress peer;         // appended to (or begins) X-Forwarded-For
  bool peer_trusted = false;   // then what it said of X-Forwarded-* is passed on
  std::string_view authority;  // when the request has none (HTTP/1.0)
  bool secure = false;         // the client speaks TLS to us
  std::string_view subject;    // of the client's certificate, or empty
  Correlation correlation = {};
  RequestEdit edit = {};
  std::string_view via = {};  // our name in Via; empty: none is added
  bool http2 = false;         // the client speaks it
};

// What one who received a message adds to its Via (RFC 9110 section 7.6.3).
void AppendVia(bool http2, uint8_t minor, std::string_view name, std::string& out);

// All of the request's head but the last part, which AppendAttempt writes for each endpoint that is
// tried.
void AppendRequestHead(const codec::Head& head, const Forwarding& forwarding, std::string& out);
// "Meridian-Site: …", "Meridian-Reason: …", "Meridian-Epoch: …" unless it is 0, and the empty line.
void AppendAttempt(std::string_view site, std::string_view reason, uint64_t epoch,
                   std::string& out);

// A request for HTTP/2: both parts as written above, read into fields. Their views point there.
struct Http2Request {
  std::string_view head, attempt;
  bool secure = false;  // over TLS
  bool te_trailers = false;
  bool websocket = false;  // it opens one, by extended CONNECT (RFC 8441 section 5)
};
void ReadHttp2Fields(const Http2Request& request, std::vector<codec::Field>& fields);

// What a head as written above says in a field; empty: it has none.
std::string_view FieldOf(std::string_view head, std::string_view name);

// How the response's body goes to the client.
enum class ResponseFraming : uint8_t { kAsReceived, kChunked, kUntilClose };

struct ResponseEdit {
  std::string_view site;  // empty: Meridian's own answer
  std::string_view reason;
  const snapshot::HeaderEdits* headers = nullptr;  // null: none
  std::string_view set_cookie;                     // "name=value; attributes", or empty
  std::string_view via;                            // "1.1 name", or empty
  ResponseFraming framing = ResponseFraming::kAsReceived;
  MonotonicTime drains_since{};  // where the answer comes from; zero: it does not drain
  bool client_http10 = false;
  bool close = false;       // say Connection: close
  bool keep_length = true;  // a Content-Length as received may be passed on
};

// Calls visit(name, value) for each field that the client is to get apart from framing and
// Connection: the backend's, and Meridian's own.
template <class Visit>
void ForEachResponseField(const codec::Head& head, const ResponseEdit& edit, Visit visit) {
  for (const codec::Field& field : head) {
    if (field.hop_by_hop || field.id == codec::FieldId::kMeridian) continue;
    if (field.id == codec::FieldId::kContentLength && !edit.keep_length) continue;
    if (edit.headers != nullptr && edit.headers->Drops(field.name)) continue;
    visit(field.name, field.value);
  }
  if (edit.headers != nullptr) {
    for (const auto& [name, value] : edit.headers->added()) visit(name, value);
  }
  if (!edit.site.empty()) visit("Meridian-Site", edit.site);
  visit("Meridian-Reason", edit.reason);
  if (!edit.set_cookie.empty()) visit("Set-Cookie", edit.set_cookie);
  if (!edit.via.empty()) visit("Via", edit.via);
}

// The same for 100 and other interim responses, and 101: as they came, without what is not to be
// forwarded.
template <class Visit>
void ForEachInterimField(const codec::Head& head, Visit visit) {
  for (const codec::Field& field : head) {
    if (field.hop_by_hop || field.id == codec::FieldId::kMeridian ||
        field.id == codec::FieldId::kContentLength)
      continue;
    visit(field.name, field.value);
  }
}

void AppendResponseHead(const codec::Head& head, const ResponseEdit& edit, std::string& out);
void AppendInterimHead(const codec::Head& head, std::string& out);

// The end of a chunked body.
void AppendLastChunk(std::span<const codec::Field> trailers, std::string& out);

// The status that a failure is answered with; 0: not answered at all.
int StatusOf(Failure failure);
// Whether the client is told to come again.
bool AsksToRetry(Failure failure);
// What it is answered with: a sentence.
void AppendErrorBody(Failure failure, std::string_view detail, std::string& out);
size_t ErrorBodyBytes(Failure failure, std::string_view detail);
// A whole response: status line, Meridian-Reason, that body (absent for HEAD).
void AppendError(Failure failure, std::string_view detail, bool close, bool head_only,
                 std::string& out);

}  // namespace meridian::proxy
