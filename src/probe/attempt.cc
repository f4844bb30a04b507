// See attempt.h.
#include "probe/attempt.h"

#include "probe/check.h"
#include "probe/http2_attempt.h"
#include "probe/postgres_attempt.h"
#include "probe/stream_attempt.h"

namespace meridian::probe {

const char* Name(Answer answer) {
  switch (answer) {
    case Answer::kGood:
      return "good";
    case Answer::kRefused:
      return "refused";
    case Answer::kUnreachable:
      return "unreachable";
    case Answer::kReset:
      return "reset";
    case Answer::kTimeout:
      return "timeout";
    case Answer::kStatus:
      return "status";
    case Answer::kBody:
      return "body";
    case Answer::kMalformed:
      return "malformed";
    case Answer::kTls:
      return "tls";
    case Answer::kFailed:
      return "failed";
    case Answer::kSelf:
      return "self";
    case Answer::kCount:
      break;
  }
  return "";
}

std::unique_ptr<Attempt> MakeAttempt(const CheckContext& context, AttemptOwner& owner,
                                     const topology::HealthCheck& check) {
  if (check.type == topology::CheckType::kPostgresql) {
    return std::make_unique<PostgresAttempt>(context, owner);
  }
  if (check.type == topology::CheckType::kGrpc || check.http2) {
    return std::make_unique<Http2Attempt>(context, owner);
  }
  return std::make_unique<StreamAttempt>(context.loop, context.tls, owner);
}

}  // namespace meridian::probe
