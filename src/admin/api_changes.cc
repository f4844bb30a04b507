// The answers that change something: reload, drain, stop; see api.h.
#include "admin/api.h"
#include "admin/drain_request.h"
#include "admin/views.h"

namespace meridian::admin {

void Api::Reload(const Request& request, std::string_view, Reply& reply) {
  control_.Reload(request.Flag("force"), [reply](const ReloadResult& result) {
    Response response;
    response.status = result.accepted ? 200 : 409;
    response.body = ReloadJson(result);
    reply(std::move(response));
  });
}

void Api::Drain(const Request& request, std::string_view, Reply& reply) {
  const auto drain = DrainRequest::Parse(request.body);
  if (!drain) return reply(ErrorResponse(400, "bad-request", drain.error()));
  health::IntentRecord record;
  record.intent = health::Intent::kDrain;
  record.author = drain->author;
  record.reason = drain->reason;
  record.since = control_.WallNow();
  if (drain->deadline) record.deadline = record.since + *drain->deadline;
  if (drain->expires) record.expires = record.since + *drain->expires;
  SetIntent(drain->target, record, reply);
}

void Api::Undrain(const Request& request, std::string_view, Reply& reply) {
  std::string target(request.Parameter("target").value_or(""));
  if (target.empty()) {
    const auto drain = DrainRequest::Parse(request.body);
    if (!drain) return reply(ErrorResponse(400, "bad-request", drain.error()));
    target = drain->target;
  }
  SetIntent(target, health::IntentRecord(), reply);
}

void Api::SetIntent(const std::string& target, const health::IntentRecord& record, Reply& reply) {
  // A record whose target has left the configuration can still be removed.
  const bool ends_one = record.intent == health::Intent::kServe &&
                        control_.registry().IntentOf(target) != health::Intent::kServe;
  if (!ends_one) {
    if (const auto wrong = CheckTarget(*control_.snapshot()->table, target)) {
      return reply(ErrorResponse(404, "not-found", *wrong));
    }
  }
  if (const auto result = control_.SetIntent(target, record); !result) {
    return reply(ErrorResponse(500, "not-recorded", Describe(result.error())));
  }
  Response response;
  response.body = IntentJson(control_, target);
  reply(std::move(response));
}

void Api::Stop(const Request& request, std::string_view, Reply& reply) {
  const bool now = request.Flag("now");
  Response response;
  response.status = 202;
  response.body = now ? "{\"state\":\"stopping\"}\n" : "{\"state\":\"draining\"}\n";
  response.afterwards = [control = &control_, now] { control->Stop(now); };
  reply(std::move(response));
}

}  // namespace meridian::admin
