// See meridian/resolve/book.h.
#include <meridian/base/check.h>
#include <meridian/resolve/book.h>

#include <algorithm>
#include <cmath>
#include <tuple>

namespace meridian::resolve {
namespace {

constexpr int kMaxDoublings = 20;
// Where weights have to be divided, or a weight of 0 stands beside others.
constexpr uint32_t kFineWeight = 100;

template <class T>
std::vector<T> Sorted(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

bool Found(const Answer& answer) {
  return answer.outcome == Outcome::kFound;
}
// Whether it says nothing, as against saying that there is nothing.
bool Failed(const Answer& answer) {
  return answer.outcome == Outcome::kFailed || answer.outcome == Outcome::kTimeout;
}

bool ByPlace(const topology::Endpoint& a, const topology::Endpoint& b) {
  return std::pair(a.priority, std::string_view(a.address)) <
         std::pair(b.priority, std::string_view(b.address));
}

}  // namespace

std::string_view Name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kFound:
      return "found";
    case Outcome::kPartial:
      return "partial";
    case Outcome::kEmpty:
      return "empty";
    case Outcome::kNoName:
      return "no-name";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kTimeout:
      return "timeout";
  }
  return "";
}

void Book::Follow(const std::vector<topology::EndpointName>& names,
                  const topology::ResolverPolicy& policy, MonotonicTime now) {
  followed_ = names;
  policy_ = policy;
  KeepWanted(now);
}

// The names that are followed, and the targets that those of them that are SRV have now.
void Book::KeepWanted(MonotonicTime now) {
  std::set<Key> wanted;
  for (const topology::EndpointName& name : followed_) {
    wanted.emplace(name.name, name.srv);
    if (!name.srv) continue;
    const auto found = entries_.find({name.name, true});
    if (found == entries_.end()) continue;
    for (const ServiceRecord& record : found->second.services) {
      wanted.emplace(record.target, false);
    }
  }
  std::erase_if(entries_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  for (const Key& key : wanted) {
    const auto [entry, is_new] = entries_.try_emplace(key);
    if (is_new) entry->second.next = now;
  }
}

std::vector<Question> Book::Due(MonotonicTime now) {
  std::vector<std::pair<MonotonicTime, std::map<Key, Entry>::iterator>> due;
  for (auto at = entries_.begin(); at != entries_.end(); ++at) {
    if (at->second.awaited == 0 && at->second.next <= now) due.emplace_back(at->second.next, at);
  }
  std::stable_sort(due.begin(), due.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Question> questions;
  for (const auto& [since, at] : due) {
    if (asked_.size() + 2 > kMaxAsked) break;
    const auto ask = [&, &name = at->first.first, &awaited = at->second.awaited](Type type) {
      ++awaited;
      if (asked_.insert({name, type}).second) questions.push_back({name, type});
    };
    if (at->first.second) {
      ask(Type::kSrv);
    } else {
      ask(Type::kA);
      ask(Type::kAaaa);
    }
  }
  return questions;
}

std::optional<MonotonicTime> Book::Next() const {
  std::optional<MonotonicTime> next;
  if (asked_.size() + 2 > kMaxAsked) return next;
  for (const auto& [key, entry] : entries_) {
    if (entry.awaited == 0 && (!next || entry.next < *next)) next = entry.next;
  }
  return next;
}

void Book::Take(const Question& question, Answer answer, MonotonicTime now) {
  if (asked_.erase(question) == 0) return;
  const auto found = entries_.find({question.name, question.type == Type::kSrv});
  if (found == entries_.end() || found->second.awaited == 0) return;
  Entry& entry = found->second;
  entry.answers[question.type == Type::kAaaa ? 1 : 0] = std::move(answer);
  if (--entry.awaited == 0) Judge(found->first, entry, now);
}

void Book::AskAgain(MonotonicTime now) {
  asked_.clear();
  for (auto& [key, entry] : entries_) {
    if (entry.awaited == 0) continue;
    entry.awaited = 0;
    entry.next = now;
  }
}

void Book::Judge(const Key& key, Entry& entry, MonotonicTime now) {
  const auto known = std::tuple(entry.v4, entry.v6, entry.services);
  const Outcome outcome = key.second ? JudgeService(entry) : JudgeHost(entry);
  changed_ |= known != std::tie(entry.v4, entry.v6, entry.services);
  ++entry.counts[static_cast<size_t>(outcome)];
  const bool good = outcome == Outcome::kFound || outcome == Outcome::kPartial;
  if (good ? entry.judged && !entry.good : entry.good || !entry.judged) {
    turns_.push_back({key.first, good, outcome, entry.good_at.has_value()});
  }
  entry.judged = true;
  entry.good = good;
  entry.failures = good ? 0 : entry.failures + 1;
  if (good) entry.good_at = now;
  Duration ttl = policy_.max_ttl;
  for (Answer& answer : entry.answers) {
    if (Found(answer)) ttl = std::min(ttl, answer.ttl);
    answer = {};
  }
  entry.next = now + Delay(entry, ttl);
  if (key.second && good) KeepWanted(now);
}

Outcome Book::JudgeHost(Entry& entry) const {
  Answer &a = entry.answers[0], &aaaa = entry.answers[1];
  if (Found(a) || Found(aaaa)) {
    if (!Failed(a)) entry.v4 = Sorted(a.addresses);
    if (!Failed(aaaa)) entry.v6 = Sorted(aaaa.addresses);
    return Failed(a) || Failed(aaaa) ? Outcome::kPartial : Outcome::kFound;
  }
  // The gravest of the two.
  return Failed(a) || Failed(aaaa) ? std::max(a.outcome, aaaa.outcome)
                                   : std::min(a.outcome, aaaa.outcome);
}

Outcome Book::JudgeService(Entry& entry) const {
  Answer& answer = entry.answers[0];
  if (!Found(answer)) return answer.outcome;
  entry.services = Sorted(answer.services);
  if (entry.services.size() > topology::kMaxAddresses) {
    entry.services.resize(topology::kMaxAddresses);
  }
  return Outcome::kFound;
}

// Spread by a tenth either way, so that names that were asked for together do not stay together.
Duration Book::Delay(const Entry& entry, Duration ttl) {
  Duration delay = ttl;
  if (entry.failures != 0) {
    const int doublings = static_cast<int>(std::min<uint32_t>(entry.failures - 1, kMaxDoublings));
    delay = std::min(std::min(policy_.max_ttl, kMaxBackOff), policy_.min_ttl * (1 << doublings));
  }
  const double spread = 0.9 + 0.2 * static_cast<double>(random_.Next() >> 11) * 0x1p-53;
  delay = Duration(std::llround(static_cast<double>(delay.count()) * spread));
  return std::clamp(delay, policy_.min_ttl, std::max(policy_.min_ttl, policy_.max_ttl));
}

bool Book::AllJudged() const {
  return std::all_of(entries_.begin(), entries_.end(),
                     [](const auto& entry) { return entry.second.judged; });
}

std::vector<net::IpAddress> Book::HostOf(const std::string& name) const {
  std::vector<net::IpAddress> addresses;
  const auto found = entries_.find({name, false});
  if (found == entries_.end()) return addresses;
  addresses = found->second.v4;
  addresses.insert(addresses.end(), found->second.v6.begin(), found->second.v6.end());
  return addresses;
}

std::vector<topology::Endpoint> Book::OfHost(const topology::EndpointName& name) const {
  std::vector<topology::Endpoint> endpoints;
  for (const net::IpAddress& ip : HostOf(name.name)) {
    endpoints.push_back({.address = net::Address(ip, name.port).ToString(),
                         .weight = name.weight,
                         .priority = name.priority,
                         .name = name.ToString()});
  }
  return endpoints;
}

std::vector<topology::Endpoint> Book::OfService(const topology::EndpointName& name) const {
  std::vector<topology::Endpoint> endpoints;
  const auto found = entries_.find({name.name, true});
  if (found == entries_.end()) return endpoints;
  struct Target {
    const ServiceRecord* record;
    std::vector<net::IpAddress> addresses;
  };
  std::vector<Target> targets;
  std::set<uint16_t> weighted;  // priorities at which some have a weight
  for (const ServiceRecord& record : found->second.services) {
    targets.push_back({&record, HostOf(record.target)});
    if (record.weight != 0) weighted.insert(record.priority);
  }
  const bool fine = std::any_of(targets.begin(), targets.end(), [&](const Target& target) {
    return target.addresses.size() > 1 ||
           (target.record->weight == 0 && weighted.contains(target.record->priority));
  });
  for (const auto& [record, addresses] : targets) {
    const uint32_t whole = record->weight * (fine ? kFineWeight : 1);
    const uint32_t share = addresses.empty() ? 0 : whole / static_cast<uint32_t>(addresses.size());
    for (const net::IpAddress& ip : addresses) {
      endpoints.push_back({.address = net::Address(ip, record->port).ToString(),
                           .weight = std::max(share, 1u),
                           .priority = record->priority,
                           .name = name.ToString()});
    }
  }
  return endpoints;
}

Book::Addresses Book::Of(const topology::EndpointName& name) const {
  Addresses all;
  std::set<std::string> seen;
  std::vector<topology::Endpoint> endpoints = name.srv ? OfService(name) : OfHost(name);
  std::stable_sort(endpoints.begin(), endpoints.end(), ByPlace);
  for (topology::Endpoint& endpoint : endpoints) {
    if (!seen.insert(endpoint.address).second) continue;
    if (all.endpoints.size() < topology::kMaxAddresses) {
      all.endpoints.push_back(std::move(endpoint));
    } else {
      ++all.left_out;
    }
  }
  return all;
}

void Book::Collect(MetricSink& sink, MonotonicTime now) const {
  for (const auto& [key, entry] : entries_) {
    for (size_t i = 0; i < kOutcomes; ++i) {
      if (entry.counts[i] == 0 && i != 0) continue;
      sink.Count("meridian_resolver_lookups_total",
                 "Lookups of names that endpoints are written as, by what came of them.",
                 {{"name", key.first}, {"result", Name(static_cast<Outcome>(i))}}, entry.counts[i]);
    }
  }
  for (const auto& [key, entry] : entries_) {
    if (!entry.good_at) continue;
    sink.Gauge("meridian_resolver_answer_age_seconds", "Since a name's last good answer.",
               {{"name", key.first}}, std::chrono::duration<double>(now - *entry.good_at).count());
  }
  std::map<std::string, Addresses> of;
  for (const topology::EndpointName& name : followed_) of.try_emplace(name.ToString(), Of(name));
  for (const auto& [name, addresses] : of) {
    sink.Gauge("meridian_resolver_addresses", "Addresses that a name stands for.", {{"name", name}},
               static_cast<double>(addresses.endpoints.size()));
  }
  for (const auto& [name, addresses] : of) {
    sink.Gauge("meridian_resolver_addresses_left_out",
               "Addresses of a name beyond those that one may stand for.", {{"name", name}},
               static_cast<double>(addresses.left_out));
  }
}

}  // namespace meridian::resolve
