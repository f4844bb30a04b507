// A regular expression over a path, compiled once: RE2's syntax, the whole path, in time linear in
// it, in bounded memory. Constant; any thread.
#pragma once

#include <tl/expected.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace meridian::config {

class PathPattern {
 public:
  static constexpr size_t kMaxText = 1024;
  // Error: what is wrong with `text`, for people.
  static tl::expected<PathPattern, std::string> Parse(const std::string& text);

  PathPattern(PathPattern&&) noexcept;
  PathPattern& operator=(PathPattern&&) noexcept;
  ~PathPattern();

  // Allocates nothing once states like those of `path` have been met.
  bool Matches(std::string_view path) const;

 private:
  explicit PathPattern(std::unique_ptr<re2::RE2> expression);
  std::unique_ptr<re2::RE2> expression_;
};

}  // namespace meridian::config
