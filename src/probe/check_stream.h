// The stream that a question is asked over, plain or TLS: how it is opened, and what is told of the
// way there once it is. Part of an attempt; probe thread.
#pragma once

#include <meridian/net/loop.h>
#include <meridian/tls/stream.h>

#include "probe/attempt.h"

namespace meridian::probe {

class CheckStream {
 public:
  CheckStream(net::Loop& loop, tls::Workspace& workspace) : loop_(loop), workspace_(workspace) {}

  // Fails at once only for what the endpoint is not to blame for. `handler` outlives the stream.
  Result<void> Open(const net::Address& to, const Question& question, net::StreamHandler& handler);
  // Once it is connected. A handshake takes more than the way there and back: of TLS the kernel's
  // measure is told.
  void TellRoute(AttemptOwner& owner);
  // The kernel's measure of a connection that was kept.
  void TellRoundTrip(AttemptOwner& owner);

  bool open() const { return stream_ != nullptr; }
  bool is_secure() const { return secure_ != nullptr; }
  net::Stream* operator->() const { return stream_.get(); }
  void Close();

 private:
  net::Loop& loop_;
  tls::Workspace& workspace_;
  net::StreamPtr stream_;
  tls::Stream* secure_ = nullptr;  // stream_, if it is one
  MonotonicTime began_;
};

}  // namespace meridian::probe
