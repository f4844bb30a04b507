// One question to one endpoint, whatever the kind of check. Owned by a Check or StatusCheck, on the
// probe thread; it waits for ever, the owner cancels it. What a question costs is kept for the next
// one where the kind allows: the connection. None blocks, so none delays another.
#pragma once

#include <meridian/base/result.h>
#include <meridian/base/time.h>
#include <meridian/net/address.h>
#include <meridian/tls/client_context.h>
#include <meridian/topology/topology.h>

#include <memory>
#include <string>

namespace meridian::probe {

struct CheckContext;

enum class Answer : uint8_t {
  kGood,
  kRefused,
  kUnreachable,
  kReset,      // broken, or ended before a whole answer
  kTimeout,    // told by the owner
  kStatus,     // a response, but not in the expected range
  kBody,       // a response without the expected text
  kMalformed,  // not the protocol, or not strictly
  kTls,        // no handshake, or a certificate that is not trusted
  kFailed,     // the endpoint says itself that it cannot, or has another role
  kSelf,       // we could not ask (no descriptors): says nothing of the endpoint
  kCount,
};
const char* Name(Answer answer);

class AttemptOwner {
 public:
  // Once for each successful Start that was not cancelled. The attempt is idle and may be started
  // again.
  virtual void OnAnswer(Answer answer) = 0;
  // Before that, where the way there was measured: by a connect that succeeded, or by the kernel on
  // a connection that was kept.
  virtual void OnRoundTrip(Duration took, bool by_connect) = 0;
  // Before that, where TLS was agreed on anew: when the first of the certificates shown expires.
  virtual void OnCertificate(WallTime) {}

 protected:
  ~AttemptOwner() = default;
};

struct Question {
  const topology::HealthCheck* check = nullptr;             // borrowed
  std::shared_ptr<const tls::ClientContext> tls = nullptr;  // null: plain
  bool keep_body = false;                                   // http: body() has what came
};

class Attempt {
 public:
  virtual ~Attempt() = default;

  // `to` and the question's check stay valid until the answer, or until Point moves it.
  // Precondition: idle. Fails at once only for what the endpoint is not to blame for; then there is
  // no OnAnswer.
  virtual Result<void> Start(const net::Address& to, const Question& question) = 0;
  // The same values at another place (a new snapshot).
  virtual void Point(const Question& question) = 0;
  // Back to idle without an answer, the connection gone; what was derived from address and check is
  // made anew.
  virtual void Cancel() = 0;
  virtual bool running() const = 0;

  // Of the last answer, until the next Start: what came, bounded; and its gist for people, such as
  // a status or the endpoint's own words.
  virtual const std::string& body() const = 0;
  virtual std::string detail() const = 0;
};

// The one for such checks. `context` and `owner` outlive it; `check` is looked at now.
std::unique_ptr<Attempt> MakeAttempt(const CheckContext& context, AttemptOwner& owner,
                                     const topology::HealthCheck& check);

}  // namespace meridian::probe
