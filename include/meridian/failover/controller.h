// The disaster recovery of one service: which site is active, under which epoch, and when that
// changes. A pure state machine: it is told observations, traffic and orders, reads the clock it
// was given, and writes its record through Storage before a move takes effect. The drawing of its
// states is in src/failover/README.md, its legal moves in state.h.
//
// Owned by the control thread, which calls Tick at least every 100 ms; every input is evaluated at
// once. The monotonic clock decides; the wall clock is shown, and only bounds what is left of a
// cooldown after a restart.
//
// Always: one active site per epoch; the record on disk names the active site before direction()
// does; nothing moves by itself past max_lag, on unknown lag, back before reconciliation, away from
// an operator's choice, beside another site that claims the role, or with automation off.
#pragma once

#include <meridian/failover/record.h>
#include <meridian/failover/storage.h>
#include <meridian/failover/view.h>
#include <meridian/net/loop.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::failover {

// What the data path has seen since its last report for this site.
struct TrafficReport {
  uint64_t version = 0;        // of the Direction that every worker had taken when it was counted
  uint64_t open_sessions = 0;  // now
  uint64_t sessions_moved = 0;
  uint64_t requests_lost = 0;
  bool has_success = false;  // at least one answer came from it
};

struct FailoverOrder {
  std::string to;      // empty: the freshest site whose gate is open
  bool force = false;  // past a closed gate, at once
  std::string author;
};

enum class AutomationScope : uint8_t { kService, kAll };

class Controller {
 public:
  // Reads the record, or starts at epoch 1 on the primary if there is none, and makes it durable
  // before anything is directed by it. `storage` and `clock` outlive the controller. Errors:
  // kInvalid for a policy with no standby or a name twice; kMalformed for a record that cannot be
  // read; kConflict for one of another service or with an active site the policy does not name;
  // kIo.
  static Result<std::unique_ptr<Controller>> Open(std::string service, Policy policy,
                                                  Storage& storage, const net::Clock& clock);

  // Inputs. Errors: kNotFound for a site that the policy does not name.
  Result<> Observe(std::string_view site, const Observation& seen);
  Result<> Report(std::string_view site, const TrafficReport& report);
  void Tick();

  // A reload. Errors: kInvalid as Open; kConflict when the active site is not named any more, or
  // while a move is under way. Then the old policy stays.
  Result<> Reconfigure(Policy policy);

  // An operator's orders. Errors: kConflict with the reason, when the rules forbid it; kIo when the
  // record could not be written. Then nothing has changed, unless a crash follows before it is
  // written again (Status::is_saved): a restart may find an order that failed last as taken.
  //
  // Failover: planned when the active site is up (state kSwitching follows), at once when it is
  // dead or `force` is given. In a split brain it is the resolution, needs `force`, and may name
  // the active site. What it would cost: Assess.
  Result<> Failover(const FailoverOrder& order);
  // Only from kReady: never before reconciliation.
  Result<> Failback(std::string_view author);
  // Ends the cooldown of the last automatic move.
  Result<> Acknowledge(std::string_view author);
  // The active site is no longer an operator's choice: automation may move it again.
  Result<> Release(std::string_view author);
  // The kill switch. kAll is given to every controller alike.
  Result<> SetAutomation(AutomationScope scope, bool on, std::string_view author);

  // Approval, where the policy names who gives it. Before a site opens, the move is put on record
  // and a question is raised; nothing is routed until the answer, and nothing else moves. What no
  // longer holds by then (the active site is back, the candidate is not eligible, …) ends the
  // question. Forced moves ask too, and are made whatever the answer; forcing again does not wait.
  const std::optional<Question>& question() const { return question_; }
  // An answer to a question that stands no more changes nothing, and an event says so.
  void Approve(uint64_t number, const Answer& answer);
  // The question gets a new number: who is to answer it has changed.
  void AskAgain(std::string_view why);

  // Views.
  Direction direction() const;
  bool TakesReads(std::string_view site) const;
  State state() const { return state_; }
  const Record& record() const { return record_; }  // the present truth, which is what is on disk
  Status GetStatus() const;
  Outlook Foresee() const;
  Result<Assessment> Assess(std::string_view to) const;
  const std::deque<Timeline>& timelines() const { return timelines_; }  // the newest last

  // Events since the last call, oldest first; at most kMaxEvents are kept, the oldest are dropped.
  std::vector<Event> TakeEvents();
  uint64_t dropped_events() const { return dropped_events_; }

 private:
  static constexpr size_t kPrimary = 0;  // index in sites_
  static constexpr size_t kNowhere = SIZE_MAX;
  struct Site {
    std::string name;
    Observation seen;
    MonotonicTime down_since{};
    uint64_t open_sessions = 0;
    uint64_t report_version = 0;
    uint64_t announced_epoch = 0;  // the highest it ever has
    bool is_implausible = false;   // its last status announced one that cannot be
    ReplicationChannel channel;
    ChannelAlarm alarm = ChannelAlarm::kNone;
  };
  struct Switch {
    size_t target = 0;
    Cause cause = Cause::kOperator;
    std::string author;
    MonotonicTime began{};
    uint64_t version = 0;
    std::optional<MonotonicTime> drained;
  };
  struct Order {  // who wants a move, and why
    Cause cause = Cause::kAutomatic;
    std::string author;
    std::string why{};  // there rather than elsewhere
  };
  struct Target {
    size_t site = kNowhere;
    std::string why{};
  };

  Controller(std::string service, Policy policy, Storage& storage, const net::Clock& clock);
  Result<> Restore();

  // controller.cc: inputs, and the steps of each state. A step returns whether it changed anything.
  void Run();
  void NoticeGap();
  bool StepOnce();
  bool StepServing();
  bool StepStandbyServing();
  bool StepActivating();
  bool StepBlocked();
  bool StepSwitching();
  bool StepSplitBrain();
  bool Freeze();
  void Advance(Trigger trigger);  // the only place that changes state_
  void Rest();
  void WatchChannels();
  void NoteStatus(Site& site, ReplicationStatus status);
  void NoteRole(Site& site, Role before);

  // controller_approval.cc
  bool Open(size_t target, const Order& order);
  bool Ask(size_t target, const Order& order);
  bool StepAsked();
  bool StepUnfinished();
  void GiveUp(std::string_view why);
  void Refuse(const Answer& answer);
  std::string WhyVoid(const Site& target) const;
  bool IsForced() const;
  bool IsBeingOpened(const Site& site) const;
  bool MayOpen(const Site& site) const;
  Target Candidate() const;
  std::string ApprovalText() const;

  // controller_judge.cc: what is so, now. Const.
  size_t Find(std::string_view name) const;
  const Site& active() const { return sites_[active_]; }
  bool IsFresh(const Site& site) const;
  bool IsOlderEpoch(const Site& site) const;
  bool IsWitness(const Site& site) const;
  bool Claims(const Site& site) const;
  bool ClaimedLast(const Site& site) const;
  bool DoesAnotherClaim() const;
  size_t HigherClaim() const;
  bool AreTwoClaiming() const;
  bool IsRefused(const Site& site) const;
  bool IsReconciled() const;
  bool IsCaughtUp(const Site& site, MonotonicTime since) const;
  bool IsSteppedDown(const Site& site) const;
  bool IsHigherClaimPending() const;
  bool TakesReads(const Site& site) const;
  bool IsFenced() const;
  Life Judge() const;
  Duration DeadFor() const;
  bool IsConfirmedDead() const;
  Gate GateOf(const Site& site) const;
  std::vector<Gate> Gates() const;
  Duration LeftToTell() const;
  std::vector<Hindrance> Hindrances(bool failback) const;
  Duration CooldownLeft() const;

  // controller_move.cc: what makes a move, and the record of it.
  bool Activate(size_t target, const Order& order);
  bool Install(const Record& next, size_t target, const Order& order);
  Record RecordOfMove(size_t target, const Order& order) const;
  bool BeginSwitch(size_t target, const Order& order);
  void AbortSwitch(std::string_view why);
  bool Persist(const Record& next);
  void Keep(Record next);
  void SettleStorage();
  void CoolDown();
  uint64_t NextEpoch() const;
  Result<> Commit(Record next, std::string text);
  Result<> Force(size_t target, const FailoverOrder& order);
  Result<> MoveNow(size_t target, const Order& order);

  // controller_view.cc
  Instant At(MonotonicTime time) const;
  void Tell(EventKind kind, std::string_view site, std::string text);
  std::string NextText(const Outlook& outlook) const;

  Policy policy_;
  Storage& storage_;
  const net::Clock& clock_;
  std::vector<Site> sites_;
  size_t active_ = kPrimary;
  Record record_;
  State state_ = State::kNormal;
  Instant entered_;
  uint64_t version_ = 1;
  MonotonicTime claims_from_{};  // a claim from before says nothing of this epoch
  MonotonicTime last_witness_{};
  MonotonicTime last_run_{}, watching_since_{};  // without a gap
  MonotonicTime cooldown_until_{};
  uint64_t attempted_epoch_ = 0;  // the highest ever given to Storage
  std::optional<Switch> switch_;
  std::optional<Question> question_;  // stands: record_.begun does too
  std::optional<Answer> answer_;      // to it
  std::optional<Veto> veto_;
  Duration veto_wait_{};
  uint64_t questions_ = 0;
  uint64_t move_version_ = 1;        // of the last move's Direction
  uint64_t lost_while_down_ = 0;     // requests, before the move they led to
  bool is_unsaved_ = false;          // the disk is behind record_
  bool is_active_in_doubt_ = false;  // … and may name another active site, or a begun move
  bool is_storage_failing_ = false;
  MonotonicTime retry_at_{};
  std::deque<Timeline> timelines_;
  std::deque<Event> events_;
  uint64_t dropped_events_ = 0;
};

}  // namespace meridian::failover
