// See own_answer.h.
#include <meridian/snapshot/own_answer.h>

#include <algorithm>

namespace meridian::snapshot {
namespace {

// RFC 9110 section 15; clients read the number.
std::string ReasonOf(uint16_t status) {
  static constexpr std::pair<uint16_t, const char*> kReasons[] = {
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {303, "See Other"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {410, "Gone"},
      {429, "Too Many Requests"},
      {451, "Unavailable For Legal Reasons"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
  };
  const auto* found = std::find_if(std::begin(kReasons), std::end(kReasons),
                                   [status](const auto& row) { return row.first == status; });
  return found == std::end(kReasons) ? "" : found->second;
}

// A URL that ends with its authority: the request's path follows it.
bool EndsWithAuthority(std::string_view to) {
  const size_t scheme = to.find("://");
  return scheme != std::string_view::npos && !to.starts_with('/') &&
         to.find_first_of("/?", scheme + 3) == std::string_view::npos &&
         to.find("{path}") == std::string_view::npos;
}

}  // namespace

OwnAnswer::OwnAnswer(const config::Redirect& redirect)
    : status_(redirect.status), reason_(ReasonOf(redirect.status)), content_length_("0") {
  std::string_view rest = redirect.to;
  while (!rest.empty()) {
    const size_t brace = std::min(rest.find('{'), rest.size());
    Piece piece{.text = std::string(rest.substr(0, brace))};
    rest.remove_prefix(brace);
    if (rest.starts_with("{host}")) piece.then = Piece::Then::kHost;
    if (rest.starts_with("{path}")) piece.then = Piece::Then::kPath;
    if (piece.then != Piece::Then::kNothing) rest.remove_prefix(6);
    needs_host_ |= piece.then == Piece::Then::kHost;
    location_.push_back(std::move(piece));
  }
  if (EndsWithAuthority(redirect.to)) location_.push_back({.then = Piece::Then::kPath, .text = {}});
}

OwnAnswer::OwnAnswer(const config::Respond& respond)
    : status_(respond.status),
      reason_(ReasonOf(respond.status)),
      body_(respond.body),
      content_type_(respond.content_type),
      content_length_(std::to_string(respond.body.size())) {}

void OwnAnswer::AppendLocation(std::string_view host, std::string_view target,
                               std::string& out) const {
  for (const Piece& piece : location_) {
    out.append(piece.text);
    if (piece.then == Piece::Then::kHost) out.append(host);
    if (piece.then != Piece::Then::kPath) continue;
    out.append(target.starts_with('/') ? target : "/");
  }
}

}  // namespace meridian::snapshot
