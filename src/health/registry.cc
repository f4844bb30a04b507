// The maps of the Registry, probe verdicts, operator's intents and the sweep. Control and probe
// threads; the mutex guards the maps, never the endpoints' words, and no listener is called while
// it is held.
#include "health/apply.h"

#include <algorithm>

namespace meridian::health {
namespace {

std::string Key(std::string_view site, std::string_view address, std::string_view check) {
  std::string key(site);
  key.append(1, '\n').append(address).append(1, '\n').append(check);
  return key;
}

}  // namespace

Registry::Registry() = default;
Registry::~Registry() = default;

MonotonicTime EndpointHealth::since() const {
  return MonotonicTime(Duration(identity_->since_ns.load(std::memory_order_relaxed)));
}

WallTime EndpointHealth::certificate_expires() const {
  return WallTime(Duration(identity_->certificate_expires_ns.load(std::memory_order_relaxed)));
}

void EndpointHealth::SetCertificateExpires(WallTime when) {
  identity_->certificate_expires_ns.store(when.time_since_epoch().count(),
                                          std::memory_order_relaxed);
}

EndpointHealth& Registry::Endpoint(std::string_view site, std::string_view address,
                                   std::string_view check) {
  const std::lock_guard lock(mutex_);
  EndpointHealth*& slot = endpoints_[Key(site, address, check)];
  if (slot == nullptr) {
    const size_t at = (endpoints_.size() - 1) % kSlab;
    if (at == 0) slabs_.emplace_back(new EndpointHealth[kSlab]);
    slot = &slabs_.back()[at];
    slot->identity_.reset(new EndpointHealth::Identity{std::string(site), std::string(address),
                                                       std::string(check), FindSite(site)});
    Word word;
    word.facts.probe = check.empty() ? Probe::kNotChecked : Probe::kUnknown;
    slot->word_.store(word.Pack(), std::memory_order_relaxed);
    std::vector<Change> unheard;  // nobody knows the endpoint yet
    ApplyIntent(*slot, {}, unheard);
    version_.fetch_add(1, std::memory_order_release);
  }
  return *slot;
}

SiteHealth& Registry::Site(std::string_view site) {
  const std::lock_guard lock(mutex_);
  return FindSite(site);
}

// The mutex is held.
SiteHealth& Registry::FindSite(std::string_view site) {
  std::unique_ptr<SiteHealth>& slot = sites_[std::string(site)];
  if (slot == nullptr) {
    slot = std::make_unique<SiteHealth>();
    if (sites_.size() < kNoSite) slot->ordinal = static_cast<SiteOrdinal>(sites_.size() - 1);
    slot->intent.store(static_cast<uint8_t>(Strictest(site, {}).intent), std::memory_order_relaxed);
  }
  return *slot;
}

ServiceHealth& Registry::Service(std::string_view service) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<ServiceHealth>& slot = services_[std::string(service)];
  if (slot == nullptr) slot = std::make_unique<ServiceHealth>();
  return *slot;
}

void Registry::SetRegion(std::string_view site, std::string_view region) {
  {
    const std::lock_guard lock(mutex_);
    std::string& known = region_of_[std::string(site)];
    if (known == region) return;
    known = region;
  }
  ApplyIntents({});
}

void Registry::SetProbe(EndpointHealth& endpoint, Probe verdict, MonotonicTime now) {
  SetProbe(endpoint, verdict, now, false);
}

void Registry::AssumeProbe(EndpointHealth& endpoint, Probe verdict, MonotonicTime now) {
  SetProbe(endpoint, verdict, now, true);
}

void Registry::SetProbe(EndpointHealth& endpoint, Probe verdict, MonotonicTime now, bool assumed) {
  const auto update = [verdict, now, assumed](Word& word) {
    Facts calm = word.facts;
    if (calm.traffic == Traffic::kSuspect) calm.traffic = Traffic::kClear;
    word.warm = assumed || Effective(calm) == State::kUp;
    word.facts.probe = verdict;
    if (verdict != Probe::kUp) return true;
    const bool served =
        word.facts.traffic == Traffic::kEjected && word.until_ticks <= Word::Ticks(now);
    if (word.facts.traffic == Traffic::kSuspect || served) word.facts.traffic = Traffic::kClear;
    return true;
  };
  Change change;
  if (Apply(endpoint, now, update, change)) Tell(change);
}

void Registry::SetAgent(EndpointHealth& endpoint, Agent word, uint8_t share,
                        std::string_view reason, MonotonicTime now) {
  {
    const std::lock_guard lock(mutex_);
    endpoint.identity_->agent_reason = reason;
  }
  endpoint.agent_share_.store(share, std::memory_order_relaxed);
  const auto update = [word](Word& changed) {
    changed.facts.agent = word;
    return true;
  };
  Change change;
  if (Apply(endpoint, now, update, change)) Tell(change);
}

std::string Registry::AgentReason(const EndpointHealth& endpoint) const {
  const std::lock_guard lock(mutex_);
  return endpoint.identity_->agent_reason;
}

void Registry::Sweep(MonotonicTime now) {
  std::vector<Change> changes;
  {
    const std::lock_guard lock(mutex_);
    const auto update = [now](Word& word) {
      if (word.facts.traffic == Traffic::kClear || word.until_ticks > Word::Ticks(now))
        return false;
      word.facts.traffic = Traffic::kClear;
      return true;
    };
    Change change;
    for (auto& [key, endpoint] : endpoints_) {
      if (Apply(*endpoint, now, update, change)) changes.push_back(change);
    }
  }
  for (const Change& change : changes) Tell(change);
}

void Registry::SetIntent(std::string_view target, const IntentRecord& record, MonotonicTime now) {
  {
    const std::lock_guard lock(mutex_);
    if (record.intent == Intent::kServe) {
      intents_.erase(std::string(target));
    } else {
      intents_[std::string(target)] = record;
    }
  }
  ApplyIntents(now);
}

std::vector<std::pair<std::string, IntentRecord>> Registry::Intents() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, IntentRecord>> all(intents_.begin(), intents_.end());
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return all;
}

Intent Registry::IntentOf(std::string_view target) const {
  const std::lock_guard lock(mutex_);
  const auto found = intents_.find(std::string(target));
  return found == intents_.end() ? Intent::kServe : found->second.intent;
}

// The strictest record that covers `site` or, with an address, that endpoint of it; of several
// drains the one that ends first. The mutex is held.
IntentRecord Registry::Strictest(std::string_view site, std::string_view address) const {
  IntentRecord strictest;
  const auto consider = [&](const std::string& target) {
    const auto found = intents_.find(target);
    if (found == intents_.end()) return;
    const IntentRecord& record = found->second;
    const bool ends_first =
        record.intent == strictest.intent && record.deadline != WallTime{} &&
        (strictest.deadline == WallTime{} || record.deadline < strictest.deadline);
    if (record.intent > strictest.intent || ends_first) strictest = record;
  };
  std::string target(site);
  consider(target);
  if (const auto region = region_of_.find(target); region != region_of_.end())
    consider(region->second);
  if (!address.empty()) consider(target.append(1, '/').append(address));
  return strictest;
}

void Registry::ApplyIntent(EndpointHealth& endpoint, MonotonicTime now,
                           std::vector<Change>& changes) {
  const IntentRecord record = Strictest(endpoint.identity_->site, endpoint.identity_->address);
  const int64_t deadline =
      record.intent == Intent::kDrain ? record.deadline.time_since_epoch().count() : 0;
  endpoint.drain_deadline_ns_.store(deadline, std::memory_order_relaxed);
  const auto update = [&record](Word& word) {
    word.facts.intent = record.intent;
    return true;
  };
  Change change;
  if (Apply(endpoint, now, update, change)) changes.push_back(change);
}

void Registry::ApplyIntents(MonotonicTime now) {
  std::vector<Change> changes;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [name, site] : sites_) {
      site->intent.store(static_cast<uint8_t>(Strictest(name, {}).intent),
                         std::memory_order_relaxed);
    }
    for (auto& [key, endpoint] : endpoints_) ApplyIntent(*endpoint, now, changes);
  }
  version_.fetch_add(1, std::memory_order_release);
  for (const Change& change : changes) Tell(change);
}

void Registry::OnChange(std::function<void(const Change&)> listener) {
  on_change_ = std::move(listener);
}
void Registry::OnSuspect(std::function<void(EndpointHealth&)> listener) {
  on_suspect_ = std::move(listener);
}

void Registry::Tell(const Change& change) {
  if (on_change_) on_change_(change);
}

}  // namespace meridian::health
