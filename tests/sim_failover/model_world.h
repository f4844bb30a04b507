// One seeded world: sites, the checks that Meridian makes of them, faults, an operator, and one
// controller that crashes and restarts. After every input the invariants are checked; the first
// that breaks ends the run with its story.
#pragma once

#include <meridian/failover/controller.h>

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model_sites.h"
#include "testing/manual_clock.h"
#include "testing/memory_storage.h"

namespace meridian::failover::sim {

struct Coverage {
  std::array<uint64_t, kStateCount> states{};
  std::array<uint64_t, kCauseCount> causes{};
  uint64_t crashes_in_save = 0, writes = 0, aborted = 0;
};

class World {
 public:
  explicit World(uint64_t seed);

  // Steps of 100 ms. Stops at the first broken invariant.
  void Run(int steps);

  const std::string& broken() const { return broken_; }  // empty: none
  uint64_t digest() const { return digest_; }
  const Coverage& coverage() const { return coverage_; }

 private:
  enum class Fault : uint8_t {
    kSiteLoss,
    kMeridianCut,
    kSiteCut,
    kSlowCheck,
    kFlappingCheck,
    kLyingCheck,
    kLagGrowth,
    kStaleStatus,
  };
  static constexpr uint64_t kFaults = 8;

  struct Active {
    Fault fault;
    size_t site, other;
    int until;
  };
  struct Answer {
    int due;
    size_t site;
    bool is_good;
    std::optional<ReplicationStatus> status;  // of a replication check; else of a health check
  };
  // What Meridian has been told of a site; an account of its own, to judge the controller by.
  struct Told {
    Verdict verdict = Verdict::kUnknown;
    int good = 0, bad = 0;
    MonotonicTime down_since{};
    std::optional<ReplicationStatus> status;
  };

  bool Chance(double share) { return Unit(random_.Next()) < share; }
  size_t Below(size_t bound) { return random_.Next() % bound; }
  bool Has(Fault fault, size_t site) const;

  void Faults();
  void Apply(const Active& fault, bool on);
  void Checks();
  void Deliver();
  void DeliverHealth(size_t site, bool is_good);
  void Clients();
  void Operator();
  void Machine();
  void Die();
  void Open();

  // Calls into the controller go through here: before and after are compared.
  bool Do(bool is_order, const std::function<Result<>()>& call);
  void Judge(const Record& before, State state_before, bool is_order);
  bool HasOneSteppedDown(const Record& before) const;
  void JudgeHindrances(const Record& before);
  void JudgeAutomatic(size_t to);
  void JudgeDeath(size_t from, size_t to);
  void JudgePlanned(size_t from, size_t to);
  void JudgeRestart();
  void JudgeLedger();
  bool IsFresh(const Told& told) const;
  void Break(const std::string& what);
  size_t IndexOf(const std::string& name) const;

  net::Xoshiro random_;
  fakes::ManualClock clock_;
  fakes::MemoryStorage storage_;
  Policy policy_;
  std::vector<std::string> names_;
  Sites sites_;
  std::vector<bool> meridian_cut_;
  std::unique_ptr<Controller> controller_;
  std::vector<Told> told_;
  std::deque<Answer> answers_;
  std::vector<Active> faults_;
  int step_ = 0;
  int restart_at_ = 0;
  uint64_t sessions_ = 0;
  double fault_rate_, order_rate_;

  // The oracle's account.
  std::map<uint64_t, std::string> ledger_;       // which site each epoch was routed to
  Record last_;                                  // the last record seen
  bool is_order_in_doubt_ = false;               // a crash may leave it taken or not
  std::optional<MonotonicTime> automatic_move_;  // in this life, not acknowledged
  Coverage coverage_;
  uint64_t digest_ = 0;
  std::string broken_;
};

}  // namespace meridian::failover::sim
