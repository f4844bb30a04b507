// See check_stream.h.
#include "probe/check_stream.h"

#include <utility>

namespace meridian::probe {

Result<void> CheckStream::Open(const net::Address& to, const Question& question,
                               net::StreamHandler& handler) {
  Close();
  began_ = loop_.Now();
  if (question.tls == nullptr) {
    Result<net::StreamPtr> stream = loop_.Connect(to, {}, handler);
    if (!stream) return tl::unexpected<Error>(stream.error());
    stream_ = std::move(*stream);
    return {};
  }
  Result<tls::StreamPtr> stream =
      tls::Connect(workspace_, loop_, {to, {}, question.tls, nullptr}, handler);
  if (!stream) return tl::unexpected<Error>(stream.error());
  secure_ = stream->get();
  stream_ = std::move(*stream);
  return {};
}

void CheckStream::Close() {
  stream_.reset();
  secure_ = nullptr;
}

void CheckStream::TellRoute(AttemptOwner& owner) {
  if (secure_ == nullptr) return owner.OnRoundTrip(loop_.Now() - began_, true);
  TellRoundTrip(owner);
  if (const WallTime expires = secure_->peer_expires(); expires != WallTime{}) {
    owner.OnCertificate(expires);
  }
}

void CheckStream::TellRoundTrip(AttemptOwner& owner) {
  const Duration round_trip = stream_->path_info().round_trip;
  if (round_trip > Duration(0)) owner.OnRoundTrip(round_trip, false);
}

}  // namespace meridian::probe
