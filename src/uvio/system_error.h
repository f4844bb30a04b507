// errno, and libuv's codes (its negative), as Errors.
#pragma once

#include <meridian/base/result.h>

#include <cerrno>

namespace meridian::uvio {

inline ErrorCode CodeOf(int number) {
  switch (number) {
    case ECONNREFUSED:
    case ENOENT:  // a Unix socket's file is not there
    case EAGAIN:  // a Unix socket's backlog is full
      return ErrorCode::kRefused;
    case ECONNRESET:
    case EPIPE:
    case ENOTCONN:
    case ECONNABORTED:
      return ErrorCode::kReset;
    case ETIMEDOUT:
      return ErrorCode::kTimeout;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case ENONET:
      return ErrorCode::kUnreachable;
    case EADDRINUSE:
      return ErrorCode::kConflict;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return ErrorCode::kOverloaded;
    case EINVAL:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
      return ErrorCode::kInvalid;
    default:
      return ErrorCode::kIo;
  }
}

inline Error ConnectError(int number) {
  return {CodeOf(number), Side::kBackend, Retry::kSafe, number, "connect"};
}

inline tl::unexpected<Error> FailBySystem(const char* context, int number) {
  return Fail(CodeOf(number), context, number);
}

}  // namespace meridian::uvio
