// How failures travel. A Result is a value or an Error; an Error is a small trivially copyable
// record of what went wrong, on whose side, and whether trying again can help. Its text is built
// once, where it is shown (Describe). Need-more, would-block and done are values of the function's
// own type, never errors.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <type_traits>

namespace meridian {

enum class ErrorCode : uint8_t {
  kRefused,      // the peer refused a connection
  kReset,        // the peer broke an established connection
  kTimeout,      // a bound in time passed
  kUnreachable,  // no route, host or network down
  kMalformed,    // bytes that the format does not allow
  kTooLarge,     // a bound in size or number passed
  kUnsupported,  // well-formed, but not something we do
  kNoCandidate,  // nothing left that could serve
  kOverloaded,   // refused early to protect what runs
  kInvalid,      // an argument or a file that cannot be used
  kNotFound,
  kConflict,  // it would contradict something that holds
  kIo,        // any other operating-system failure
};

// Whose fault it is.
enum class Side : uint8_t { kSelf, kClient, kBackend };

// Whether the same work may be tried again.
enum class Retry : uint8_t {
  kNever,            // it may have had an effect
  kFreshConnection,  // a reused connection was stale: safe on a new one
  kSafe,             // nothing of it reached the other side
};

struct Error {
  ErrorCode code = ErrorCode::kIo;
  Side side = Side::kSelf;
  Retry retry = Retry::kNever;
  int system = 0;            // errno, or the library's own code; 0: none
  const char* context = "";  // static storage: what was being done
};
static_assert(std::is_trivially_copyable_v<Error>);

template <class T = void>
using Result = tl::expected<T, Error>;

// An Error as the right-hand side of a return, on any Result.
inline tl::unexpected<Error> Fail(ErrorCode code, const char* context, int system = 0,
                                  Side side = Side::kSelf, Retry retry = Retry::kNever) {
  return tl::unexpected<Error>(Error{code, side, retry, system, context});
}

const char* Name(ErrorCode code);  // "refused", "reset", … as logs and metrics show it

// "connect: refused (Connection refused)". For people; allocates.
std::string Describe(const Error& error);

}  // namespace meridian
