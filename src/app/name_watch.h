// Keeps the endpoints that are written as names up to date: asks for the names of the running
// configuration, and when what they stand for has changed, has it published as a generation of its
// own, at most one a second. What leaves is drained by an intent of the author kAuthor, unless an
// operator has said something of it already. Owned by the Engine; control thread.
//
// Before a configuration runs its names are asked for (Foresee), so that it begins with addresses.
#pragma once

#include <meridian/admin/events.h>
#include <meridian/resolve/members.h>
#include <meridian/resolve/resolver.h>
#include <meridian/snapshot/snapshot.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "intent_keeper.h"

namespace meridian::app {

class NameWatch final : private resolve::AnswerHandler,
                        private resolve::Standing,
                        private net::TimerHandler {
 public:
  static constexpr std::string_view kAuthor = "dns";
  static constexpr Duration kInterval = std::chrono::seconds(1);      // between two generations
  static constexpr Duration kGather = std::chrono::milliseconds(20);  // answers of one change
  static constexpr Duration kRetry = std::chrono::seconds(5);         // of what was refused

  // Says, once, why what was offered was not taken; empty: it was.
  using Done = std::function<void(const std::string& refusal)>;
  struct Outside {
    std::function<void(Done)> publish;  // the running configuration after Fill
    std::function<void(admin::Event)> tell;
  };
  NameWatch(net::Loop& loop, net::Descriptors& descriptors, uint64_t seed, IntentKeeper& intents,
            Outside outside);

  // Asks for the names of `next` as well; `then` runs when each has been answered once, or
  // startup_grace has passed, or Stop is called; at once if there are none. One at a time.
  void Foresee(const config::Config& next, std::function<void()> then);
  // Puts what the names stand for now into `config`.
  void Fill(config::Config& config);
  // What runs from now on; again if a foreseen one was refused.
  void Adopt(const snapshot::SnapshotPtr& running);
  // Drains of kAuthor whose endpoints do not drain (any more) are over.
  void SettleIntents();
  // Nothing more is asked or published.
  void Stop();
  void Collect(MetricSink& sink) const;

 private:
  struct Seen {
    bool up = false;
    uint64_t sessions = 0;
  };

  void OnAnswer(const resolve::Question& question, resolve::Answer answer) override;
  bool IsUp(const std::string& site, const std::string& address) const override;
  uint64_t Sessions(const std::string& site, const std::string& address) const override;
  void OnTimer(net::Timer& timer) override;
  void Open(const topology::ResolverPolicy& policy);
  void Ask();
  void LookIn(Duration delay);
  void Look();
  void See();
  void Offer(const topology::Topology& next);
  void Release();
  void TellTurns();

  net::Loop& loop_;
  net::Descriptors& descriptors_;
  IntentKeeper& intents_;
  Outside outside_;
  resolve::Book book_;
  resolve::Members members_;
  topology::ResolverPolicy policy_;
  std::unique_ptr<resolve::Resolver> resolver_;
  snapshot::SnapshotPtr running_;
  std::map<resolve::Members::Place, Seen> seen_;  // while something leaves
  std::function<void()> then_;                    // of Foresee
  net::Timer ask_timer_, look_timer_, grace_timer_;
  MonotonicTime published_at_{};
  bool busy_ = false, stopped_ = false;
  uint64_t accepted_ = 0, refusals_ = 0;
};

}  // namespace meridian::app
