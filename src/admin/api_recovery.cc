// Orders to disaster recovery: failover, failback, acknowledge, release, automation; see api.h.
#include <meridian/base/format.h>

#include "admin/api.h"
#include "admin/recovery_json.h"
#include "admin/recovery_request.h"
#include "admin/text.h"
#include "admin/views.h"

namespace meridian::admin {
namespace {

using Order = RecoveryCommand::Order;

int StatusOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kInvalid:
      return 400;
    default:
      return 500;
  }
}

}  // namespace

// `service` empty: all, for automation.
void Api::Order(const Request& request, std::string_view service, RecoveryCommand::Order order,
                Reply& reply) {
  auto command = ParseRecovery(request.body);
  if (!command) return reply(ErrorResponse(400, "bad-request", command.error()));
  command->order = order;
  if (command->author.empty()) command->author = "api";
  const snapshot::SnapshotPtr snapshot = control_.snapshot();
  const ServiceId id = snapshot->table->FindService(service);
  if (!service.empty() && !id.ok()) {
    std::vector<std::string_view> known;
    for (const auto& one : snapshot->table->services()) known.push_back(one.name);
    return reply(ErrorResponse(404, "not-found", UnknownName("service", service, known)));
  }
  if (const auto done = control_.Recover(service, *command); !done) {
    return reply(ErrorResponse(StatusOf(done.error().code), "refused", done.error().context));
  }
  Response response;
  response.body = service.empty() ? ServicesJson(control_) : ServiceJson(control_, id);
  reply(std::move(response));
}

void Api::Failover(const Request& request, std::string_view name, Reply& reply) {
  Order(request, name, Order::kFailover, reply);
}
void Api::Failback(const Request& request, std::string_view name, Reply& reply) {
  Order(request, name, Order::kFailback, reply);
}
void Api::Acknowledge(const Request& request, std::string_view name, Reply& reply) {
  Order(request, name, Order::kAcknowledge, reply);
}
void Api::Release(const Request& request, std::string_view name, Reply& reply) {
  Order(request, name, Order::kRelease, reply);
}
void Api::AutomationOn(const Request& request, std::string_view name, Reply& reply) {
  Order(request, name, Order::kAutomationOn, reply);
}
void Api::AutomationOff(const Request& request, std::string_view name, Reply& reply) {
  Order(request, name, Order::kAutomationOff, reply);
}

// What a failover would cost, before it is ordered.
void Api::Assess(const Request& request, std::string_view name, Reply& reply) {
  const failover::Controller* controller = control_.recovery(name);
  if (controller == nullptr) {
    return reply(
        ErrorResponse(404, "not-found", Format("'{}' is no service with disaster recovery", name)));
  }
  std::string to(request.Parameter("to").value_or("")), why;
  if (to.empty()) {
    const failover::Outlook outlook = controller->Foresee();
    to = outlook.would_activate;
    why = outlook.would_activate_why;
  }
  const Json assessment = to.empty() ? Json() : AssessmentJson(*controller, to, why);
  if (!to.empty() && assessment.is_null()) {
    return reply(ErrorResponse(404, "not-found", Format("'{}' is no site of {}", to, name)));
  }
  Response response;
  response.body = to.empty()
                      ? Dump({{"to", nullptr},
                              {"needs_force", true},
                              {"text", "no site qualifies: name one, and force to pass its gate"}})
                      : Dump(assessment);
  reply(std::move(response));
}

}  // namespace meridian::admin
