// Steps 6 to 8: this client's order of sites, which of them may take it, and where a full site's
// clients go.
#include "routing/steps.h"

#include <algorithm>
#include <limits>

namespace meridian::routing {
namespace {

// Among how many of the following sites the clients of a full one are shared.
constexpr size_t kSpillWidth = 4;
// Keeps the hash that shares a full site's clients apart from the one that shares a degraded
// site's.
constexpr uint64_t kSpillSeed = 0x7370696c6c000001u;

}  // namespace

void Steps::Restart(Walk::Ranking& ranking) const {
  ranking.stage = walk_.rule_ != nullptr ? 0 : 1;
  ranking.head_count = 0;
  ranking.rank = 0;
}

// Stage 0 is the sites of the rule; stage 1 all sites (those of the rule are passed over), unless
// the rule is strict.
const Stage* Steps::StageOf(const Walk::Ranking& ranking) const {
  if (ranking.stage == 0) return &walk_.rule_->sites;
  const bool fenced = walk_.rule_ != nullptr && walk_.rule_->strict;
  return ranking.stage == 1 && !fenced ? &walk_.internals_->all : nullptr;
}

// Whether the first site of the order is there by its latency.
bool Steps::Measured(const Walk::Ranking& ranking) const {
  const Stage* stage = StageOf(ranking);
  uint16_t first = 0;
  return stage != nullptr &&
         stage->set->Fastest(walk_.table_->registry().version(), std::span(&first, 1)) != 0;
}

// The first sites of a set in this order, at most out.size() and maybe fewer. As long as no site is
// measured, latency is taken to grow with distance.
size_t Steps::First(const Walk::Ranking& ranking, const SiteSet& set,
                    std::span<uint16_t> out) const {
  if (ranking.by == Walk::Ranking::By::kLatency) {
    const size_t count = set.Fastest(walk_.table_->registry().version(), out);
    if (count != 0) return count;
    if (walk_.has_coordinates())
      return set.Nearest(walk_.table_->locator(), walk_.found_.spot, out);
  }
  return ranking.by == Walk::Ranking::By::kDistance
             ? set.Nearest(walk_.table_->locator(), walk_.found_.spot, out)
             : set.Drawn(ranking.key, out);
}

// The complete order, which begins with the same.
void Steps::All(const Walk::Ranking& ranking, const SiteSet& set, std::span<uint16_t> out) const {
  const bool located = walk_.has_coordinates();
  if (located && ranking.by != Walk::Ranking::By::kDraws) {
    set.AllNearest(walk_.table_->locator(), walk_.found_.spot, out);
  } else {
    set.AllDrawn(ranking.key, out);
  }
  if (ranking.by == Walk::Ranking::By::kLatency) set.BringFastestForward(out);
}

// What is wanted costs, and mostly the first few are enough.
bool Steps::ExtendHead(Walk::Ranking& ranking, const SiteSet& set) const {
  const size_t before = ranking.head_count;
  if (before == kMaxOrdered) return false;
  const size_t wanted = before == 0 ? 1 : before < SiteSet::kReady ? SiteSet::kReady : kMaxOrdered;
  ranking.head_count =
      static_cast<uint8_t>(First(ranking, set, std::span(ranking.head).first(wanted)));
  return ranking.head_count > before;
}

uint16_t Steps::IndexAt(Walk::Ranking& ranking, const Stage& stage, Complete& complete) const {
  const uint16_t rank = ranking.rank++;
  if (ranking.by == Walk::Ranking::By::kList) return stage.ordered[rank];
  if (rank < ranking.head_count || ExtendHead(ranking, *stage.set)) return ranking.head[rank];
  if (complete.of != stage.set) {
    All(ranking, *stage.set, std::span(complete.order).first(stage.set->size()));
    complete.of = stage.set;
  }
  return complete.order[rank];
}

// The next site of the order, or none.
SiteId Steps::NextRanked(Walk::Ranking& ranking, Complete& complete) const {
  for (const Stage* stage = StageOf(ranking); stage != nullptr; stage = StageOf(ranking)) {
    while (ranking.rank < stage->set->size()) {
      const SiteId site = stage->set->at(IndexAt(ranking, *stage, complete));
      const bool given_before =
          ranking.stage == 1 && walk_.rule_ != nullptr && walk_.rule_->Holds(site);
      if (!given_before && IsAllowed(site)) return site;
    }
    ++ranking.stage;
    ranking.rank = 0;
    ranking.head_count = 0;
  }
  return SiteId{};
}

Standing Steps::Judge(SiteId id, uint8_t pass) const {
  const EndpointPool& pool = *walk_.internals_->PoolAt(id);
  if (pool.closed()) return Standing::kWeightless;
  const PoolStatus status = pool.Status(walk_.table_->registry().version(), walk_.now_);
  if (status.state == health::State::kOut) return Standing::kOut;
  const bool panics = pass >= kAlive;
  if (status.state == health::State::kDraining && !panics) return Standing::kDraining;
  if (status.state == health::State::kDown && !panics) return Standing::kDown;
  if (status.share < 1 && pass == kHealthy) {
    const double kept = status.share * walk_.internals_->policy->overprovision;
    if (Unit(Combine(walk_.client_key_, walk_.table_->site(id).key)) >= kept)
      return Standing::kNotItsShare;
  }
  if (!pool.limited()) return Standing::kUsable;
  const Site& site = walk_.table_->site(id);
  const bool full = site.health->sessions.load(std::memory_order_relaxed) >= site.capacity;
  return full ? Standing::kFull : Standing::kUsable;
}

// The next site of this pass that may take the client, and why it is this one's turn.
bool Steps::NextUsable(Complete& complete, SiteId& site, Reason& reason) {
  for (site = NextRanked(walk_.ranking_, complete); site.ok();
       site = NextRanked(walk_.ranking_, complete)) {
    const Standing standing = Judge(site, walk_.pass_);
    if (walk_.trace_ != nullptr) walk_.trace_->Consider(site, standing);
    walk_.saw_site_ = true;
    switch (standing) {
      case Standing::kUsable:
        reason = walk_.moved_by_;
        return true;
      case Standing::kWeightless:
        break;  // never a candidate, so nothing moved on from it
      case Standing::kOut:
      case Standing::kDraining:
      case Standing::kDown:
        walk_.moved_by_ = Reason::kFailover;
        break;
      case Standing::kNotItsShare:
        walk_.moved_by_ = Reason::kDegraded;
        break;
      case Standing::kFull: {
        walk_.saw_full_ = true;
        walk_.moved_by_ = reason = Reason::kSpill;
        const SiteId target = SpillTarget(complete);
        if (target.ok()) site = target;
        if (target.ok()) return true;
        break;
      }
    }
  }
  return false;
}

// One of the next few sites that can take the client, in proportion to their headroom, by a stable
// hash of the client. A site without a limit cannot be overrun, so the search ends there; it counts
// as much as all before it.
SiteId Steps::SpillTarget(Complete& complete) const {
  Walk::Ranking ahead = walk_.ranking_;
  SiteId target;
  double best = std::numeric_limits<double>::infinity(), headroom_before = 0;
  size_t considered = 0;
  for (SiteId id = NextRanked(ahead, complete); id.ok(); id = NextRanked(ahead, complete)) {
    if (Judge(id, walk_.pass_) != Standing::kUsable) continue;
    const Site& site = walk_.table_->site(id);
    const bool unlimited = site.capacity == UINT64_MAX;
    const uint64_t sessions = site.health->sessions.load(std::memory_order_relaxed);
    const double headroom =
        unlimited
            ? std::max(headroom_before, 1.0)
            : std::max(static_cast<double>(site.capacity) - static_cast<double>(sessions), 1.0);
    headroom_before += headroom;
    const double score = RendezvousScore(walk_.client_key_ ^ kSpillSeed, site.key, headroom);
    if (score < best) best = score, target = id;
    if (unlimited || ++considered == kSpillWidth) break;
  }
  return target;
}

void Steps::ConsiderTheRest(const std::optional<Choice>& choice) {
  Complete complete;
  const bool stays = walk_.rejects_ && walk_.phase_ != Walk::Phase::kSites;
  if (choice) walk_.trace_->Await(choice->site);
  if (choice && !stays) {
    if (walk_.phase_ != Walk::Phase::kSites) LeavePin();
    SiteId site;
    for (Reason reason{}; NextSite(complete, site, reason);) {
      const EndpointPool::Request any{
          .take = TakeOf(walk_.pass_), .peek = true, .wall = walk_.wall_};
      if (walk_.internals_->PoolAt(site)->Pick(any)) walk_.trace_->Await(site);
    }
  }
  Restart(walk_.ranking_);
  for (SiteId site = NextRanked(walk_.ranking_, complete); site.ok();
       site = NextRanked(walk_.ranking_, complete)) {
    walk_.trace_->Consider(site, Judge(site, kHealthy));
  }
}

}  // namespace meridian::routing
