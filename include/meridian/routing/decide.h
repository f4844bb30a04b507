// The decision: a client in, endpoints to try out, best first, each with its reason. Steps 2 to 9
// of ROUTING.md. It allocates nothing, locks nothing, reads no clock; it is a function of (table,
// health view, query).
//
//   Walk walk;
//   walk.Start(table, query);
//   for (Choice choice; walk.Next(choice);) { try choice.endpoint; }  // in vain: the walk goes on
//
// The walk is the only place where retry, spill-over and skipping live: first another endpoint of
// the same site, then the client's next site; an endpoint is never given twice. In a
// disaster-recovery service each Next goes by the direction of that moment, so that no choice is
// made under an epoch that has passed.
#pragma once

#include <meridian/routing/table.h>

#include <array>
#include <cstdint>
#include <string_view>

namespace meridian::routing {

// How rules see a request's headers. Lives on the caller's stack.
class HeaderSource {
 public:
  virtual std::string_view Header(std::string_view name) const = 0;  // empty: absent

 protected:
  ~HeaderSource() = default;
};

struct Query {
  ServiceId service;
  net::IpAddress client;
  // By session.by: the cookie's raw value, the value of the header or parameter, the server name;
  // empty: none. Unused for source.
  std::string_view session_key;
  const HeaderSource* headers = nullptr;  // null: no header matches
  WallTime wall{};                        // for a cookie's age
  MonotonicTime now{};                    // for slow starts; zero: they count as over
  uint64_t draw = 0;                      // one uniform random value
  // GET or HEAD: may go where `reads: nearest` lets it. Anything else is a write.
  bool is_read = false;
};

// The step that put this site first.
enum class Reason : uint8_t {
  kSession,
  kNearest,
  kLatency,
  kWeighted,
  kRandom,
  kOrdered,
  kActive,    // disaster recovery: the active site, and no other
  kDegraded,  // moved on from a site with only part of its endpoints, or in slow start
  kSpill,     // moved on from a site at its capacity
  kFailover,  // the sites before it are down, draining or were tried in vain
  kPanic,     // everything is down; tried anyway
};
inline constexpr size_t kReasonCount = 11;
const char* Name(Reason reason);

enum class Pin : uint8_t {
  kNone,      // no session policy, or no key yet
  kNew,       // a cookie is to be set
  kKept,      // honoured
  kMoved,     // its site or endpoint cannot take it; given another
  kInvalid,   // forged, expired or of an unknown site: treated as new, counted
  kRejected,  // on_failure: reject, and its place cannot take it: there is no choice
};
const char* Name(Pin pin);

struct Choice {
  EndpointId endpoint;
  SiteId site;
  Reason reason = Reason::kNearest;
  uint64_t epoch = 0;  // under which it was chosen, to be forwarded; 0: not disaster recovery
  bool moved = false;  // the session's pin, or its home, did not take it
};

// Why a walk has nothing (more) to give.
enum class NoChoice : uint8_t {
  kNone,
  kNoSites,  // the fence or the service leaves no site
  // Every candidate is down, and panic: reject (or a strict fence, or intent) forbids trying.
  kAllDown,
  kSessionRejected,  // on_failure: reject, and the pinned one is down
  kAtCapacity,
  kExhausted,  // all that could be tried has been given
  kHeld,       // disaster recovery: a switch is under way; start again when the direction changes
  kRefused,    // disaster recovery: it is not sure which site is active
};
const char* Name(NoChoice why);

inline constexpr size_t kMaxOrdered = 8;  // sites a walk holds ranked; beyond, all are sorted
inline constexpr size_t kMaxTried = 16;   // endpoints a walk gives at most

// What explain sees of a walk, from inside the very code that decides. Null when routing live.
class Trace;

class Walk {
 public:
  Walk() {}  // and not by default, which would clear the arrays, for every decision

  // May be called again for another query.
  void Start(const Table& table, const Query& query, Trace* trace = nullptr);
  // The next endpoint to try. False: nothing left; why() tells. `draw` is a fresh random value for
  // the second and later calls (0: derived from the query's).
  bool Next(Choice& choice, uint64_t draw = 0);

  // After kHeld or kRefused: Next asks the direction anew.
  void Resume();
  // Whether `choice`, given by this walk, could be given now: the direction may have changed since.
  bool IsCurrent(const Choice& choice) const;

  NoChoice why() const { return why_; }
  Pin pin() const { return pin_; }
  // Where the client is. Costs more than the decision needed: for rules, logs and people.
  geo::Location location() const { return table_->locator().At(found_); }
  bool has_coordinates() const { return found_.has_coordinates(); }
  // With session.by cookie: whether the response should carry a new cookie for the endpoint that
  // served.
  bool wants_cookie() const { return wants_cookie_; }
  // To be told of the choice that took the session: one without a cookie that has moved is found
  // there again, if it is to stay (on_recovery).
  void Settle(const Choice& choice) const;

 private:
  friend class Steps;
  // Where the walk stands in this client's order of sites.
  struct Ranking {
    enum class By : uint8_t { kDistance, kLatency, kDraws, kList } by = By::kDistance;
    uint8_t stage = 0;       // 0: the sites of the rule that matched; 1: all the others
    uint8_t head_count = 0;  // of `head`
    uint16_t rank = 0;       // sites of this stage given so far
    uint64_t key = 0;        // of the draws
    std::array<uint16_t, kMaxOrdered> head;
  };
  enum class Phase : uint8_t { kPinned, kPinnedSite, kSites };

  const Table* table_ = nullptr;
  const Service* internals_ = nullptr;
  Trace* trace_ = nullptr;
  const FenceRule* rule_ = nullptr;  // that matched
  geo::Locator::Found found_;        // where the client is
  Ranking ranking_;
  WallTime wall_{};
  MonotonicTime now_{};
  uint64_t client_key_ = 0;    // stable hash of the client: shares, weights, spill
  uint64_t session_hash_ = 0;  // of the session key, for hash balance
  uint64_t draw_ = 0;
  std::array<EndpointId, kMaxTried> tried_;
  ServiceId service_;
  SiteId current_, pinned_site_;
  health::ServiceDirection direction_;  // disaster recovery: as of the last step
  uint16_t allowed_ = 0;                // … which of its sites that leaves, a bit each
  EndpointId pinned_endpoint_;
  uint8_t tried_count_ = 0;
  uint8_t pass_ = 0;
  Phase phase_ = Phase::kSites;
  Reason steering_ = Reason::kNearest, moved_by_ = Reason::kNearest, current_reason_{};
  bool keyed_ = false, hashed_ = false, rejects_ = false, stays_ = false, wants_cookie_ = false,
       saw_full_ = false, saw_site_ = false, is_read_ = false;
  NoChoice why_ = NoChoice::kNone;
  Pin pin_ = Pin::kNone;
};

inline constexpr size_t kCookieBytes = 56;
// Writes the cookie's value (base64url of version, site, endpoint, issue time and a 128-bit HMAC)
// for `endpoint`; returns the bytes written, at most kCookieBytes.
size_t MakeCookie(const Table& table, ServiceId service, EndpointId endpoint, WallTime now,
                  char* out);

}  // namespace meridian::routing
