// Explain: a traced walk, then a verdict on every site. Admin threads and commands; allocates.
#include <meridian/routing/explain.h>

#include "routing/steps.h"
#include "routing/verdict.h"

#include <algorithm>

namespace meridian::routing {
namespace {

Step StepOf(Standing standing) {
  if (standing == Standing::kUsable) return Step::kNone;
  return standing == Standing::kFull ? Step::kCapacity : Step::kHealth;
}

class Explainer {
 public:
  Explainer(const Table& table, const Query& query, WallTime now)
      : table_(table),
        query_(query),
        context_{table,
                 query.service,
                 location_,
                 query.client.ToString(),
                 now,
                 query.now,
                 table.registry().Intents()} {}

  Explanation Run() {
    walk_.Start(table_, query_, &trace_);
    location_ = walk_.location();
    Choice choice;
    if (walk_.Next(choice)) explanation_.choice = choice;
    AddHead();
    Steps steps(walk_);
    steps.ConsiderTheRest(explanation_.choice);
    rule_ = steps.rule();
    const bool stayed = steps.stays() && explanation_.choice && !explanation_.choice->moved;
    how_ = stayed ? "where it moved to" : steps.hashed() ? "hash of the session" : "";
    for (const Trace::Seen& seen : trace_.seen()) AddSeen(seen);
    AddDropped(steps);
    return std::move(explanation_);
  }

 private:
  void AddHead() {
    const topology::Service& policy = table_.service(query_.service);
    explanation_.client = context_.client;
    explanation_.location = table_.locator().Describe(location_);
    if (location_.origin == geo::Origin::kUnknown) {
      explanation_.location = "unknown (in no database or network)";
    }
    explanation_.service = policy.name;
    explanation_.mode = topology::Name(policy.mode);
    explanation_.steering = topology::Name(policy.steering);
    explanation_.why = walk_.why();
    explanation_.pin = walk_.pin();
    if (explanation_.choice) {
      explanation_.endpoint = table_.endpoint(explanation_.choice->endpoint).address_text;
    }
  }

  SiteVerdict Describe(SiteId id) const {
    const Site& site = table_.site(id);
    SiteVerdict verdict;
    verdict.site = id;
    verdict.name = site.name;
    if (location_.has_coordinates) {
      verdict.distance_km = geo::DistanceKm(location_.point, site.point);
    }
    verdict.latency = site.health->round_trip.published();
    verdict.state = table_.SiteState(query_.service, id);
    verdict.sessions = site.health->sessions.load(std::memory_order_relaxed);
    verdict.capacity = site.capacity;
    return verdict;
  }

  void AddSeen(const Trace::Seen& seen) {
    SiteVerdict verdict = Describe(seen.site);
    verdict.rank = static_cast<int>(explanation_.sites.size());
    verdict.turn = trace_.TurnOf(seen.site);
    verdict.dropped_by = StepOf(seen.standing);
    if (verdict.turn == 0) {
      verdict.chosen = true;
      verdict.dropped_by = Step::kNone;
      verdict.verdict = ChosenVerdict(context_, *explanation_.choice, how_);
    } else if (seen.standing != Standing::kUsable) {
      verdict.verdict = DroppedVerdict(context_, seen.site, seen.standing);
    } else if (verdict.turn < 0) {
      verdict.dropped_by = Step::kSession;
      verdict.verdict = "not for this session: its policy rejects it until its own site is back";
    } else {
      const std::string& before =
          table_.site(trace_.awaited()[static_cast<size_t>(verdict.turn) - 1]).name;
      verdict.verdict =
          verdict.turn == 1 ? "next: if " + before + " fails" : "then: after " + before;
    }
    explanation_.sites.push_back(std::move(verdict));
  }

  // The sites that a strict rule or the mode leaves out, nearest first.
  void AddDropped(const Steps& steps) {
    const size_t in_order = explanation_.sites.size();
    for (const SiteId site : table_.SitesOf(query_.service)) {
      const bool fenced = rule_ != nullptr && rule_->strict && !rule_->Holds(site);
      if (!fenced && steps.IsAllowed(site)) continue;
      SiteVerdict verdict = Describe(site);
      verdict.dropped_by = fenced ? Step::kFence : Step::kMode;
      verdict.verdict =
          fenced ? FencedVerdict(context_, *rule_) : ModeVerdict(context_, site, steps.direction());
      explanation_.sites.push_back(std::move(verdict));
    }
    std::stable_sort(explanation_.sites.begin() + static_cast<ptrdiff_t>(in_order),
                     explanation_.sites.end(), [](const SiteVerdict& a, const SiteVerdict& b) {
                       return a.distance_km.value_or(0) < b.distance_km.value_or(0);
                     });
  }

  const Table& table_;
  const Query& query_;
  Walk walk_;
  Trace trace_;
  geo::Location location_;
  VerdictContext context_;
  Explanation explanation_;
  const FenceRule* rule_ = nullptr;
  const char* how_ = "";  // a session's endpoint was found
};

}  // namespace

Explanation Explain(const Table& table, const Query& query, WallTime now) {
  return Explainer(table, query, now).Run();
}

}  // namespace meridian::routing
