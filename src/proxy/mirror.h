// A copy of one request, sent to another service for its own sake: what is answered is read and
// dropped, and nothing that happens to the copy is felt by the client. In Core's list of mirrors
// while it lives, then among the spare ones. The worker's thread.
//
// It is bounded: so many in a worker, and of a body what the service takes as it comes; a copy that
// would have to wait with more of its body to come is given up. Counted as what became of it.
#pragma once

#include <meridian/base/list.h>

#include <memory>

#include "proxy/client_stream.h"
#include "proxy/core.h"
#include "proxy/exchange.h"

namespace meridian::proxy {

class Mirror final : public ListNode, private ClientStream {
 public:
  static constexpr size_t kMost = 256;  // in a worker

  explicit Mirror(Core& core) : core_(core) {}

  // Decides, for the request whose exchange is `source`; `input` is as for an Exchange, but for its
  // client. Then what source is told is told here, too. Each may end it: source is told, and it is
  // not to be used any more.
  void Prepare(Exchange& source, const ExchangeInput& input);
  void Go();
  void RequestBody(std::string_view data);
  void RequestEnd(std::span<const codec::Field> trailers);
  // The source ends: a copy that is whole goes on alone.
  void Leave();
  void HealthChanged();

 private:
  void SendInterim(const codec::Head&) override {}
  void BeginResponse(const codec::Head&, const ResponseEdit&) override {}
  void SendBody(std::span<const std::string_view>, bool, std::span<const codec::Field>) override {}
  void StartTunnel(const codec::Head&, std::string_view) override {}
  void SendTunnel(std::string_view) override {}
  void EndTunnel() override {}
  size_t pending_bytes() const override { return 0; }
  void PauseRequest() override { must_wait_ = true; }
  void ResumeRequest() override { must_wait_ = false; }
  void OnResponseDone(Duration) override { End(MirrorFate::kAnswered); }
  void OnFailed(Failure) override { End(MirrorFate::kFailed); }
  void OnBroken(Failure) override { End(MirrorFate::kFailed); }
  void End(MirrorFate fate);

  Core& core_;
  std::unique_ptr<Exchange> exchange_;
  Exchange* source_ = nullptr;
  Hold hold_;
  ServiceId service_;
  bool complete_ = false, must_wait_ = false;
};

}  // namespace meridian::proxy
