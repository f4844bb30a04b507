// One seeded world: sites with a replicated log, the checks that Meridian makes of them, faults, an
// operator, clients, and one Meridian that crashes and restarts: health registry, compiled table
// and controller, put together as the daemon does it. After every input the invariants are judged
// by the world's own account; the first that breaks ends the run with its story.
//
//   faults → truth (Places, Sites) → checks → Registry → verdict → Controller ← statuses
//                                               ↓                    ↓
//                                     Table ← clients        direction ← writes
#pragma once

#include <meridian/failover/controller.h>
#include <meridian/routing/table.h>

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model_clients.h"
#include "model_places.h"
#include "model_sites.h"
#include "testing/manual_clock.h"
#include "testing/memory_storage.h"

namespace meridian::failover::sim {

enum class Fault : uint8_t {
  kEndpointLoss,
  kSiteLoss,
  kRegionLoss,
  kMeridianCut,  // between Meridian and a site
  kSiteCut,      // between two sites
  kSlowCheck,
  kFlappingCheck,
  kLyingCheck,
  kLagGrowth,
  kStaleStatus,
  kPromotion,   // a standby is made a primary behind Meridian's back
  kWallJump,    // the wall clock jumps, either way
  kSuspension,  // the machine stands still while time goes on
  kDiskFault,
  kCrash,
  kCrashInSave,
};
inline constexpr size_t kFaultCount = 16;
inline constexpr size_t kLastingFaults = 10;  // the first, which have a beginning and an end
const char* Name(Fault fault);

enum class Order : uint8_t {
  kFailover,
  kForce,
  kFailback,
  kAcknowledge,
  kRelease,
  kAutomation,
  kDrain,
  kOut,
  kServe,
};
inline constexpr size_t kOrderCount = 9;

struct Coverage {
  std::array<uint64_t, kStateCount> states{};
  std::array<uint64_t, kCauseCount> causes{};
  std::array<uint64_t, kFaultCount> faults{};
  std::array<uint64_t, kOrderCount> orders{};  // that were taken
  // Of billing's clients, by the reason for having none.
  std::array<uint64_t, 16> refusals{};
  uint64_t writes = 0, reads_elsewhere = 0, aborted = 0;
  uint64_t questions = 0, refused = 0, late = 0;
  uint64_t out_of_order = 0;  // automatic moves past one that may open and comes first in order
};

class World {
 public:
  explicit World(uint64_t seed);

  // Steps of 100 ms. Stops at the first broken invariant.
  void Run(int steps);

  const std::string& broken() const { return broken_; }  // empty: none
  uint64_t digest() const { return digest_; }
  const Coverage& coverage() const { return coverage_; }
  const ClientCoverage& clients() const { return clients_.coverage(); }

 private:
  struct Active {
    Fault fault;
    size_t site, other;
    size_t endpoint;
    int until;
  };
  struct Answer {
    int due;
    size_t site;
    size_t endpoint;  // of a health check
    bool is_good;
    std::optional<ReplicationStatus> status;  // of a replication check; else of a health check
  };
  // What runs on Meridian's machine, and dies with it.
  struct Meridian {
    health::Registry registry;
    std::unique_ptr<const routing::Table> table;
    std::unique_ptr<Controller> controller;
  };
  // What Meridian has been told of a site; an account of its own, to judge the controller by.
  struct Told {
    Verdict verdict = Verdict::kUnknown;
    MonotonicTime down_since{};
    std::optional<ReplicationStatus> status;
  };
  // A program that was asked whether a site may open: it takes its time, may promote the site, and
  // ends, heard or not.
  struct Program {
    uint64_t number;
    size_t site;
    int promotes, ends;
    bool is_yes;
  };
  // What operators have settled.
  struct Settled {
    bool is_choice = false;  // the active site is theirs
    bool is_on = true, are_all_on = true;
  };

  bool Chance(double share) { return Unit(random_.Next()) < share; }
  size_t Below(size_t bound) { return random_.Next() % bound; }
  bool Has(Fault fault, size_t site) const;
  bool IsLost(size_t site) const;

  // model_faults.cc
  void Faults();
  void Begin(Fault fault);
  void Settle();  // the truth that the present faults make
  void Promote();
  void Jump();
  bool Reaches(const ModelEndpoint& endpoint) const;

  // model_world.cc
  void Checks();
  void CheckHealth(size_t endpoint, int delay);
  void Deliver();
  void Look();
  Verdict Glue(size_t site) const;
  void Publish();
  void Billing();
  std::optional<routing::Choice> Ask(bool is_read);
  void Hooks();
  void Operator();
  void GiveOrder(Order order);
  bool Intend(Order order);
  void Tick();
  void Die();
  void Open();
  void Compile();

  // model_judge.cc. Calls into the controller go through Do: before and after are compared.
  bool Do(std::optional<Order> order, const std::function<Result<>()>& call);
  void Judge(const Record& before, State state_before, std::optional<Order> order);
  bool HasOneSteppedDown(const Record& before) const;
  void JudgeHindrances();
  void JudgeQuestion(const Question& question, bool is_in_order);
  void JudgeOpened(const Record& before);
  void JudgeAutomatic(size_t from, size_t to, const Record& before);
  void JudgeDeath(size_t from, size_t to);
  void JudgeFreshest(size_t from, size_t to, uint64_t epoch);
  void JudgePlanned(size_t from, size_t to);
  void JudgeFailback(size_t from);
  void JudgeRestart();
  void JudgeLedger();
  void JudgeVerdict(size_t site, Verdict given);
  void JudgeWrite(const routing::Choice& choice);
  void JudgeRead(const routing::Choice& choice);
  void JudgeNone(const routing::Walk& walk, bool is_read);
  bool IsFresh(const Told& told) const;
  void Break(const std::string& what);

  net::Xoshiro random_;
  fakes::ManualClock clock_;
  fakes::MemoryStorage storage_;
  Places places_;
  Sites sites_;
  Policy policy_;
  Clients clients_;
  std::vector<bool> meridian_cut_;
  std::vector<bool> tells_position_;
  std::unique_ptr<Meridian> meridian_;
  std::vector<Told> told_;
  std::deque<Answer> answers_;
  std::vector<Active> faults_;
  std::vector<Program> programs_;
  uint64_t last_question_ = 0, judged_question_ = 0;  // of this life
  int step_ = 0;
  int restart_at_ = 0, resume_at_ = 0;
  uint64_t sessions_ = 0;
  double fault_rate_, order_rate_;

  // The oracle's account.
  std::map<uint64_t, std::string> ledger_;  // which site each epoch was routed to
  Record last_;                             // the last record seen
  Settled settled_;
  std::map<uint64_t, std::string> given_;  // epochs that were given to a begun move, and its site
  bool is_order_in_doubt_ = false;         // a crash may leave it taken or not
  std::optional<MonotonicTime> automatic_move_;  // in this life, not acknowledged
  MonotonicTime claims_from_{};                  // when roles had changed after the last move
  MonotonicTime watching_since_{};               // without a gap
  Coverage coverage_;
  uint64_t digest_ = 0;
  std::string broken_;
};

}  // namespace meridian::failover::sim
