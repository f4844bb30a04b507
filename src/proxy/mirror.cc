// See mirror.h.
#include "proxy/mirror.h"

namespace meridian::proxy {

void Mirror::Prepare(Exchange& source, const ExchangeInput& input) {
  source_ = &source;
  hold_ = input.hold;
  service_ = input.query.service;
  complete_ = must_wait_ = false;
  exchange_ = core_.TakeExchange();
  ExchangeInput own = input;
  own.client = this;
  exchange_->Prepare(own);
}

void Mirror::Go() {
  exchange_->Go();
}

void Mirror::RequestBody(std::string_view data) {
  if (must_wait_) return End(MirrorFate::kDropped);
  exchange_->RequestBody(data);
}

void Mirror::RequestEnd(std::span<const codec::Field> trailers) {
  complete_ = true;
  exchange_->RequestEnd(trailers);
}

void Mirror::Leave() {
  source_ = nullptr;
  if (!complete_) End(MirrorFate::kDropped);
}

void Mirror::HealthChanged() {
  if (exchange_->EndpointGone()) return End(MirrorFate::kFailed);
  exchange_->HealthChanged();
}

void Mirror::End(MirrorFate fate) {
  hold_.route(service_, {}).mirrors[static_cast<size_t>(fate)].Add();
  if (source_ != nullptr) source_->MirrorEnded();
  source_ = nullptr;
  exchange_->Rest();
  core_.KeepExchange(std::move(exchange_));
  hold_ = Hold();
  core_.KeepMirror(*this);
}

}  // namespace meridian::proxy
