// What a route answers by itself: a redirect, or a fixed response. Constant; any thread.
#pragma once

#include <meridian/config/route.h>

#include <string>
#include <string_view>
#include <vector>

namespace meridian::snapshot {

class OwnAnswer {
 public:
  explicit OwnAnswer(const config::Redirect& redirect);
  explicit OwnAnswer(const config::Respond& respond);

  uint16_t status() const { return status_; }
  std::string_view reason() const { return reason_; }  // of the status line
  bool has_body() const { return status_ != 204 && status_ != 304; }
  std::string_view body() const { return body_; }
  std::string_view content_type() const { return content_type_; }  // empty: a redirect
  std::string_view content_length() const { return content_length_; }

  bool is_redirect() const { return !location_.empty(); }
  // Whether the request must say which host it is for.
  bool needs_host() const { return needs_host_; }
  // The redirect's target for a request to `host` and `target` (its path with its query, or "*").
  void AppendLocation(std::string_view host, std::string_view target, std::string& out) const;

 private:
  // A text, and what of the request follows it.
  struct Piece {
    enum class Then : uint8_t { kNothing, kHost, kPath } then = Then::kNothing;
    std::string text;
  };
  uint16_t status_;
  std::string reason_, body_, content_type_, content_length_;
  std::vector<Piece> location_;
  bool needs_host_ = false;
};

}  // namespace meridian::snapshot
