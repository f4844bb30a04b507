// Names and texts of errors, and the end of a failed CHECK.
#include <meridian/base/check.h>
#include <meridian/base/result.h>

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace meridian {

const char* Name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kRefused:
      return "refused";
    case ErrorCode::kReset:
      return "reset";
    case ErrorCode::kTimeout:
      return "timeout";
    case ErrorCode::kUnreachable:
      return "unreachable";
    case ErrorCode::kMalformed:
      return "malformed";
    case ErrorCode::kTooLarge:
      return "too-large";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kNoCandidate:
      return "no-candidate";
    case ErrorCode::kOverloaded:
      return "overloaded";
    case ErrorCode::kInvalid:
      return "invalid";
    case ErrorCode::kNotFound:
      return "not-found";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kIo:
      return "io";
  }
  return "unknown";
}

std::string Describe(const Error& error) {
  std::string text = *error.context != '\0' ? fmt::format("{}: {}", error.context, Name(error.code))
                                            : std::string(Name(error.code));
  if (error.system > 0) text += fmt::format(" ({})", std::strerror(error.system));
  return text;
}

void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace meridian
