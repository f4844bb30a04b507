// Building a pool, and the four ways to choose from it.
#include "routing/endpoint_pool.h"

#include "routing/site_set.h"

#include <meridian/base/check.h>

#include <algorithm>
#include <limits>
#include <numeric>

namespace meridian::routing {
namespace {

constexpr uint32_t kSmallPool = 3;  // up to here least-connections looks at all
constexpr uint64_t kMaxAttempts =
    8;  // at a random or hashed endpoint that can be taken, before all are scanned
constexpr uint64_t kMaxTurns = 32;  // of round-robin passed over, before all are scanned
// Keeps the hash that admits to an endpoint in slow start apart from the others.
constexpr uint64_t kRampSeed = 0x72616d7000000001u;

}  // namespace

std::vector<uint16_t> SmoothCycle(std::span<const uint32_t> weights, size_t limit) {
  uint32_t divisor = 0;
  uint64_t total = 0;
  for (const uint32_t weight : weights) {
    divisor = std::gcd(divisor, weight);
    total += weight;
  }
  std::vector<uint16_t> cycle;
  if (divisor == 0) return cycle;
  std::vector<int64_t> reduced;
  for (const uint32_t weight : weights) {
    const bool fits = total / divisor <= limit;
    const uint64_t scaled = fits ? weight / divisor : weight * uint64_t{limit} / total;
    reduced.push_back(weight == 0 ? 0 : static_cast<int64_t>(std::max<uint64_t>(scaled, 1)));
  }
  const int64_t turns = std::accumulate(reduced.begin(), reduced.end(), int64_t{0});
  std::vector<int64_t> current(weights.size(), 0);
  for (int64_t turn = 0; turn < turns; ++turn) {
    for (size_t i = 0; i < current.size(); ++i) current[i] += reduced[i];
    const auto winner = std::max_element(current.begin(), current.end());
    *winner -= turns;
    cycle.push_back(static_cast<uint16_t>(winner - current.begin()));
  }
  return cycle;
}

void EndpointPool::Build(const Input& input) {
  MERIDIAN_CHECK(input.endpoints.size() <= MaglevTable::kMaxItems);
  MERIDIAN_CHECK(!input.endpoints.empty());
  endpoints_ = input.endpoints;
  first_ = endpoints_[0].id;
  count_ = static_cast<uint32_t>(endpoints_.size());
  balance_ = input.balance;
  min_healthy_ = input.min_healthy;
  slow_start_ = input.slow_start;
  BuildTiers();
  for (const Endpoint& endpoint : endpoints_) {
    health_.push_back(endpoint.health);
    weights_.push_back(endpoint.weight);
    total_weight_ += endpoint.weight;
    cumulative_.push_back(total_weight_);
  }
  bool side_by_side = true;
  for (uint32_t i = 0; i < count_; ++i) side_by_side &= health_[i] == health_[0] + i;
  side_by_side_ = side_by_side ? health_[0] : nullptr;
  closed_ = input.closed || total_weight_ == 0;
  limited_ = input.limited;
  agents_ = input.agents;
  const bool alike = std::count(weights_.begin(), weights_.end(), weights_[0]) == count_;
  common_weight_ = alike ? weights_[0] : 0;
  if (input.hashed || balance_ == topology::Balance::kHash)
    maglev_ = MaglevTable::Build(HashItems());
  if (balance_ == topology::Balance::kRoundRobin) cycle_ = SmoothCycle(weights_, kMaxRoundRobin);
}

// The homes of sessions: the lowest tier that has a weight.
std::vector<MaglevTable::Item> EndpointPool::HashItems() const {
  uint16_t home = kEveryTier;
  for (uint32_t i = 0; tiers_ > 1 && i < count_; ++i) {
    if (weights_[i] != 0) home = std::min(home, tier_of_[i]);
  }
  std::vector<MaglevTable::Item> items;
  for (uint32_t i = 0; i < count_; ++i) {
    items.push_back({endpoints_[i].key, IsOfTier(i, home) ? weights_[i] : 0});
  }
  return items;
}

void EndpointPool::BuildTiers() {
  std::vector<uint32_t> priorities;
  for (const Endpoint& endpoint : endpoints_) priorities.push_back(endpoint.priority);
  std::sort(priorities.begin(), priorities.end());
  priorities.erase(std::unique(priorities.begin(), priorities.end()), priorities.end());
  tiers_ = static_cast<uint16_t>(priorities.size());
  if (tiers_ == 1) return;
  for (const Endpoint& endpoint : endpoints_) {
    const auto found = std::lower_bound(priorities.begin(), priorities.end(), endpoint.priority);
    tier_of_.push_back(static_cast<uint16_t>(found - priorities.begin()));
  }
}

bool EndpointPool::Eligible(uint32_t index, const Request& request) const {
  const health::EndpointHealth& health = HealthOf(index);
  const health::State state = health.state();
  const bool weighted = WeightOf(index) != 0;
  bool allowed = false;
  switch (request.take) {
    case Take::kNew:
      allowed = weighted && state == health::State::kUp;
      break;
    case Take::kPinned:
      allowed = health.takes_pinned(request.wall);
      break;
    case Take::kStaying:
      allowed = weighted && health.takes_pinned(request.wall);
      break;
    case Take::kDraining:
      allowed = weighted && state == health::State::kDraining;
      break;
    case Take::kAny:
      allowed = weighted && state != health::State::kOut;
      break;
  }
  if (!IsOfTier(index, request.tier)) return false;
  if (request.ramped && allowed) allowed = TakesPart(index, request);
  if (!allowed || request.tried.empty()) return allowed;
  return std::find(request.tried.begin(), request.tried.end(), IdOf(index)) == request.tried.end();
}

// A pinned session may go to an endpoint of weight 0, as if that were the least of weights.
uint32_t EndpointPool::Weight(uint32_t index, const Request& request) const {
  return request.take == Take::kPinned ? std::max(WeightOf(index), 1u) : WeightOf(index);
}

double EndpointPool::RampShareOf(uint32_t index, MonotonicTime now) const {
  return health::RampShare(now - HealthOf(index).cold_since(), slow_start_);
}

// What slow start and its agent leave of it.
double EndpointPool::ShareOf(uint32_t index, MonotonicTime now) const {
  const bool ramps = slow_start_ != Duration(0) && now != MonotonicTime{};
  const double share = ramps ? RampShareOf(index, now) : 1;
  return share * HealthOf(index).agent_share() / 100;
}

// Whether this pick is one of those that an endpoint with less than its whole share takes part in.
bool EndpointPool::TakesPart(uint32_t index, const Request& request) const {
  const double share = ShareOf(index, request.now);
  if (share >= 1) return true;
  const bool by_hash = request.hashed || balance_ == topology::Balance::kHash;
  const uint64_t key = by_hash ? request.hash : request.draw;
  return Unit(Combine(key ^ kRampSeed, endpoints_[index].key)) < share;
}

std::optional<uint32_t> EndpointPool::Pick(const Request& request) const {
  if (count_ == 1) return Eligible(0, request) ? std::optional(0u) : std::nullopt;
  if (tiers_ == 1) return PickInTier(request);
  Request in_tier = request;
  for (in_tier.tier = 0; in_tier.tier < tiers_; ++in_tier.tier) {
    if (const std::optional<uint32_t> picked = PickInTier(in_tier)) return picked;
  }
  return std::nullopt;
}

std::optional<uint32_t> EndpointPool::PickInTier(const Request& request) const {
  const bool ramps = slow_start_ != Duration(0) && request.now != MonotonicTime{};
  if ((ramps || agents_) && request.take == Take::kNew) {
    Request ramped = request;
    ramped.ramped = true;
    if (const std::optional<uint32_t> picked = PickBalanced(ramped)) return picked;
  }
  return PickBalanced(request);
}

std::optional<uint32_t> EndpointPool::PickBalanced(const Request& request) const {
  if (request.hashed) return Hashed(request);
  switch (balance_) {
    case topology::Balance::kLeastConnections:
      return LeastConnections(request);
    case topology::Balance::kRoundRobin:
      return RoundRobin(request);
    case topology::Balance::kHash:
      return Hashed(request);
    case topology::Balance::kRandom:
      return Random(request);
  }
  return std::nullopt;
}

// By load for each unit of weight, the session in question included, so that idle endpoints differ
// by weight.
bool EndpointPool::LessLoaded(uint32_t a, uint32_t b, const Request& request) const {
  if (request.ramped) return RampedLoad(a, request) < RampedLoad(b, request);
  return (HealthOf(a).in_flight() + uint64_t{1}) * Weight(b, request) <
         (HealthOf(b).in_flight() + uint64_t{1}) * Weight(a, request);
}

// At an endpoint with less than its whole share each session counts as so many as its share is a
// part of one; the session in question does not, or no idle one would ever be chosen.
double EndpointPool::RampedLoad(uint32_t index, const Request& request) const {
  const double share = ShareOf(index, request.now);
  return (HealthOf(index).in_flight() / share + 1) / Weight(index, request);
}

// Of all, from a random one on so that ties spread.
std::optional<uint32_t> EndpointPool::LeastLoaded(const Request& request) const {
  const uint32_t count = count_;
  std::optional<uint32_t> best;
  for (uint32_t i = 0, at = Reduce(request.draw, count); i < count;
       ++i, at = at + 1 == count ? 0 : at + 1) {
    if (Eligible(at, request) && (!best || LessLoaded(at, *best, request))) best = at;
  }
  return best;
}

// The less loaded of two different random ones (Mitzenmacher 2001); new ones while they cannot be
// taken.
std::optional<uint32_t> EndpointPool::LeastConnections(const Request& request) const {
  const uint32_t count = count_;
  if (count <= kSmallPool) return LeastLoaded(request);
  uint64_t draw = Mix(request.draw);
  for (uint64_t attempt = 0; attempt < kMaxAttempts; ++attempt, draw = Mix(draw)) {
    const uint32_t a = Reduce(draw, count), step = 1 + Reduce(draw << 32, count - 1);
    const uint32_t b = a + step < count ? a + step : a + step - count;
    if (Eligible(a, request) && Eligible(b, request)) return LessLoaded(b, a, request) ? b : a;
  }
  return LeastLoaded(request);
}

// Turns of endpoints that cannot be taken are passed over.
std::optional<uint32_t> EndpointPool::RoundRobin(const Request& request) const {
  const uint64_t here = cursor_.load(std::memory_order_relaxed);
  for (uint64_t turn = 0; !cycle_.empty() && turn < kMaxTurns; ++turn) {
    const uint64_t at =
        request.peek ? here + turn : cursor_.fetch_add(1, std::memory_order_relaxed);
    const uint32_t index = cycle_[at % cycle_.size()];
    if (Eligible(index, request)) return index;
  }
  const std::optional<uint32_t> chosen = LeastLoaded(request);
  // Who gives nobody takes no turn, so that a second look goes on from here, as it does in a peek.
  if (!chosen && !request.peek && !cycle_.empty()) {
    cursor_.fetch_sub(kMaxTurns, std::memory_order_relaxed);
  }
  return chosen;
}

// Where the hash belongs; if that cannot be taken, where the hash's next draws belong, so that its
// sessions spread over all the others and no other session moves.
std::optional<uint32_t> EndpointPool::Hashed(const Request& request) const {
  if (!maglev_.empty()) {
    uint64_t hash = request.hash;
    for (uint64_t attempt = 0; attempt < kMaxAttempts; ++attempt, hash = Mix(hash)) {
      const uint32_t index = maglev_.At(hash);
      if (Eligible(index, request)) return index;
    }
  }
  std::optional<uint32_t> best;
  double best_score = std::numeric_limits<double>::infinity();
  for (uint32_t i = 0; i < count_; ++i) {
    if (!Eligible(i, request)) continue;
    const double score = RendezvousScore(request.hash, endpoints_[i].key, Weight(i, request));
    if (!best || score < best_score) best = i, best_score = score;
  }
  return best;
}

std::optional<uint32_t> EndpointPool::Random(const Request& request) const {
  uint64_t draw = request.draw;
  for (uint64_t attempt = 0; total_weight_ != 0 && attempt < kMaxAttempts;
       ++attempt, draw = Mix(draw)) {
    const uint64_t mark = static_cast<uint64_t>(Unit(draw) * static_cast<double>(total_weight_));
    const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end(), mark);
    const uint32_t index = static_cast<uint32_t>(found - cumulative_.begin());
    if (Eligible(index, request)) return index;
  }
  uint64_t total = 0;
  for (uint32_t i = 0; i < count_; ++i) total += Eligible(i, request) ? Weight(i, request) : 0;
  uint64_t mark = static_cast<uint64_t>(Unit(draw) * static_cast<double>(total));
  for (uint32_t i = 0; i < count_; ++i) {
    if (!Eligible(i, request)) continue;
    if (mark < Weight(i, request)) return i;
    mark -= Weight(i, request);
  }
  return std::nullopt;
}

}  // namespace meridian::routing
