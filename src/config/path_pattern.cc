// See path_pattern.h. The only file that sees RE2.
#include <meridian/base/format.h>
#include <meridian/config/path_pattern.h>
#include <re2/re2.h>

namespace meridian::config {
namespace {

constexpr int64_t kMaxMemory = 1 << 20;  // of one expression's program and its states
constexpr int kMaxProgram = 4000;        // instructions: what one byte of a path may cost

}  // namespace

tl::expected<PathPattern, std::string> PathPattern::Parse(const std::string& text) {
  if (text.size() > kMaxText) {
    return tl::unexpected(Format("has {} characters, more than {}", text.size(), kMaxText));
  }
  re2::RE2::Options options(re2::RE2::Latin1);  // a path is bytes
  options.set_log_errors(false);
  options.set_max_mem(kMaxMemory);
  auto expression = std::make_unique<re2::RE2>(text, options);
  if (!expression->ok()) return tl::unexpected(expression->error());
  if (expression->ProgramSize() > kMaxProgram) {
    return tl::unexpected(
        Format("becomes {} instructions, more than {}", expression->ProgramSize(), kMaxProgram));
  }
  return PathPattern(std::move(expression));
}

PathPattern::PathPattern(std::unique_ptr<re2::RE2> expression)
    : expression_(std::move(expression)) {}
PathPattern::PathPattern(PathPattern&&) noexcept = default;
PathPattern& PathPattern::operator=(PathPattern&&) noexcept = default;
PathPattern::~PathPattern() = default;

bool PathPattern::Matches(std::string_view path) const {
  return expression_->Match(path, 0, path.size(), re2::RE2::ANCHOR_BOTH, nullptr, 0);
}

}  // namespace meridian::config
