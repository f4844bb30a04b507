// An exchange's line in the access log, written when it comes to rest.
#include "proxy/exchange.h"

namespace meridian::proxy {

void Exchange::Refused(Failure failure) {
  if (record_.on()) record_.Refuse(failure, {});
}

void Exchange::LogAccess() {
  AccessLine line;
  const AccessRecord::Outcome& outcome = record_.outcome;
  if (target_ == nullptr) {
    line.reason = route_->answer()->is_redirect() ? "redirect" : "fixed";
  } else {
    line.service = policy().name;
    line.session = SessionWord(connector_.walk().pin());
    line.attempts = connector_.tried();
    if (line.attempts > 0) line.queue = connector_.queued();
  }
  if (counters_ != nullptr) {
    line.site = hold_.table().site(choice_.site).name;
    line.endpoint = endpoint().address_text;
    line.reason = routing::Name(choice_.reason);
  }
  if (!outcome.complete && outcome.failure == nullptr)
    record_.outcome.failure = core_.cutting ? "aborted" : "client-gone";
  record_.Fill(core_.loop.Now(), core_.loop.WallNow(), line);
  line.bytes_in = received_bytes_;
  core_.access.Write(*hold_.snapshot().locator, line);
  record_.End();
}

}  // namespace meridian::proxy
