// See name_watch.h.
#include "name_watch.h"

#include <meridian/base/format.h>
#include <meridian/base/log.h>

#include <algorithm>
#include <set>
#include <utility>

namespace meridian::app {
namespace {

constexpr size_t kMaxListed = 8;  // addresses in an event

void AddNames(const topology::Topology& topology, std::vector<topology::EndpointName>& names) {
  for (const topology::Site& site : topology.sites) {
    for (const auto& [service, list] : site.names) {
      names.insert(names.end(), list.begin(), list.end());
    }
  }
}

// What a name stands for at a site: those that serve, and those that drain.
struct Meaning {
  std::set<std::string> serve, drain;
  bool operator==(const Meaning&) const = default;
};
using Meanings = std::map<std::pair<std::string, std::string>, Meaning>;  // by site and name

Meanings MeaningsOf(const topology::Topology& topology,
                    const std::map<resolve::Members::Place, resolve::Members::Departure>& leaving) {
  Meanings meanings;
  for (const topology::Site& site : topology.sites) {
    for (const auto& [service, endpoints] : site.services) {
      for (const topology::Endpoint& endpoint : endpoints) {
        if (endpoint.name.empty()) continue;
        Meaning& meaning = meanings[{site.name, endpoint.name}];
        const auto departure = leaving.find({site.name, endpoint.address});
        const bool drains = departure != leaving.end() && departure->second.draining;
        (drains ? meaning.drain : meaning.serve).insert(endpoint.address);
      }
    }
  }
  return meanings;
}

std::string Listed(const std::set<std::string>& addresses) {
  if (addresses.size() > kMaxListed) return Format("{} addresses", addresses.size());
  std::string text;
  for (const std::string& address : addresses) text += (text.empty() ? "" : ", ") + address;
  return text.empty() ? "nothing" : text;
}

}  // namespace

NameWatch::NameWatch(net::Loop& loop, net::Descriptors& descriptors, uint64_t seed,
                     IntentKeeper& intents, Outside outside)
    : loop_(loop),
      descriptors_(descriptors),
      intents_(intents),
      outside_(std::move(outside)),
      book_(seed),
      ask_timer_(*this),
      look_timer_(*this),
      grace_timer_(*this) {}

// The resolver is made anew, so that a reload reads /etc/resolv.conf again.
void NameWatch::Foresee(const config::Config& next, std::function<void()> then) {
  std::vector<topology::EndpointName> names;
  AddNames(next.topology, names);
  if (names.empty() || stopped_) return then();
  if (running_ != nullptr) AddNames(running_->config.topology, names);
  book_.Follow(names, next.resolver, loop_.Now());
  Open(next.resolver);
  then_ = std::move(then);
  loop_.Arm(grace_timer_, next.process.startup_grace);
  loop_.Arm(ask_timer_, Duration(0));
}

void NameWatch::Open(const topology::ResolverPolicy& policy) {
  policy_ = policy;
  resolver_.reset();
  book_.AskAgain(loop_.Now());
  auto opened = resolve::Resolver::Create(loop_, descriptors_, policy, *this);
  if (opened) {
    resolver_ = std::move(*opened);
  } else {
    log::Error("resolver: {}; no name can be looked up", Describe(opened.error()));
  }
}

void NameWatch::Fill(config::Config& config) {
  members_.Update(config.topology, book_, loop_.Now());
  members_.Fill(config.topology);
}

void NameWatch::Adopt(const snapshot::SnapshotPtr& running) {
  if (stopped_) return;
  running_ = running;
  std::vector<topology::EndpointName> names;
  AddNames(running->config.topology, names);
  book_.Follow(names, running->config.resolver, loop_.Now());
  SettleIntents();
  if (names.empty()) {
    resolver_.reset();
    ask_timer_.Disarm();
    return;
  }
  if (policy_ != running->config.resolver || resolver_ == nullptr) Open(running->config.resolver);
  loop_.Arm(ask_timer_, Duration(0));
  LookIn(kInterval);
}

void NameWatch::SettleIntents() {
  const auto target_of = [](const resolve::Members::Place& place) {
    return place.first + "/" + place.second;
  };
  std::set<std::string> draining;
  for (const auto& [place, departure] : members_.departures()) {
    if (!departure.draining) continue;
    draining.insert(target_of(place));
    if (intents_.IsSet(target_of(place))) continue;
    const std::string& name = departure.endpoints.begin()->second.name;
    const health::IntentRecord record{
        .intent = health::Intent::kDrain,
        .author = std::string(kAuthor),
        .reason = Format("no longer in the answer for {}", name),
        .since = loop_.WallNow(),
        .deadline = loop_.WallNow() + std::max(departure.ends - loop_.Now(), Duration(1)),
        .expires = {}};
    if (auto set = intents_.Set(target_of(place), record); !set) {
      log::Warn("{}: {}", target_of(place), Describe(set.error()));
    }
  }
  for (const std::string& target : intents_.TargetsBy(kAuthor)) {
    if (!draining.contains(target)) intents_.Forget(target);
  }
}

void NameWatch::Stop() {
  stopped_ = true;
  for (net::Timer* timer : {&ask_timer_, &look_timer_}) timer->Disarm();
  resolver_.reset();
  if (then_) Release();
}

void NameWatch::OnAnswer(const resolve::Question& question, resolve::Answer answer) {
  book_.Take(question, std::move(answer), loop_.Now());
  loop_.Arm(ask_timer_, Duration(0));
}

void NameWatch::Ask() {
  const MonotonicTime now = loop_.Now();
  for (const resolve::Question& question : book_.Due(now)) {
    if (resolver_ != nullptr) {
      resolver_->Ask(question);
    } else {
      resolve::Answer none;
      none.outcome = resolve::Outcome::kFailed;
      book_.Take(question, std::move(none), now);
    }
  }
  TellTurns();
  if (const auto next = book_.Next()) loop_.Arm(ask_timer_, std::max(*next - now, Duration(0)));
  if (book_.TakeChanged()) LookIn(std::max(kGather, published_at_ + kInterval - now));
  if (then_ && book_.AllJudged()) Release();
}

void NameWatch::TellTurns() {
  for (const resolve::Book::Turn& turn : book_.TakeTurns()) {
    admin::Event event;
    event.kind = "names";
    event.grave = !turn.good;
    event.text =
        turn.good ? Format("{} is answered again", turn.name)
                  : Format("{}: no usable answer ({}); {}", turn.name, resolve::Name(turn.outcome),
                           turn.has_any ? "the one before goes on" : "it has no address");
    turn.good ? log::Info("{}", event.text) : log::Warn("{}", event.text);
    outside_.tell(std::move(event));
  }
}

void NameWatch::Release() {
  grace_timer_.Disarm();
  std::exchange(then_, {})();
}

void NameWatch::OnTimer(net::Timer& timer) {
  if (&timer == &ask_timer_) {
    Ask();
  } else if (&timer == &look_timer_) {
    Look();
  } else {
    log::Warn("not every name has been answered within startup_grace; going on with what is known");
    if (then_) Release();
  }
}

// The sooner of this and what was asked for before.
void NameWatch::LookIn(Duration delay) {
  if (!look_timer_.armed() || delay < kInterval) loop_.Arm(look_timer_, delay);
}

void NameWatch::Look() {
  if (running_ == nullptr || busy_ || stopped_) return;
  const MonotonicTime now = loop_.Now();
  topology::Topology next = running_->config.topology;
  members_.Update(next, book_, now);
  if (!members_.departures().empty()) {
    See();
    members_.Step(*this, running_->config.process.drain_timeout, now);
    LookIn(kInterval);
  }
  members_.Fill(next);
  if (next != running_->config.topology) Offer(next);
}

void NameWatch::See() {
  seen_.clear();
  const routing::Table& table = *running_->table;
  for (const routing::Endpoint& endpoint : table.endpoints()) {
    Seen& seen = seen_[{table.site(endpoint.site).name, endpoint.address_text}];
    seen.up |= endpoint.health->state() == health::State::kUp;
    seen.sessions = std::max<uint64_t>(seen.sessions, endpoint.health->in_flight());
  }
}

bool NameWatch::IsUp(const std::string& site, const std::string& address) const {
  const auto found = seen_.find({site, address});
  return found != seen_.end() && found->second.up;
}

uint64_t NameWatch::Sessions(const std::string& site, const std::string& address) const {
  const auto found = seen_.find({site, address});
  return found == seen_.end() ? 0 : found->second.sessions;
}

void NameWatch::Offer(const topology::Topology& next) {
  busy_ = true;
  published_at_ = loop_.Now();
  const Meanings before = MeaningsOf(running_->config.topology, {});
  const Meanings after = MeaningsOf(next, members_.departures());
  std::vector<std::pair<std::string, std::string>> changes;  // site, text
  for (const auto& [at, meaning] : after) {
    const auto known = before.find(at);
    if (known != before.end() && known->second == meaning) continue;
    std::string text = Format("{}: {} is {}", at.first, at.second, Listed(meaning.serve));
    if (!meaning.drain.empty()) text += "; draining " + Listed(meaning.drain);
    changes.emplace_back(at.first, std::move(text));
  }
  outside_.publish([this, changes](const std::string& refusal) {
    busy_ = false;
    if (!refusal.empty()) {
      ++refusals_;
      if (stopped_) return;
      log::Error("names: a changed answer cannot take effect: {}", refusal);
      loop_.Arm(look_timer_, kRetry);
      return;
    }
    ++accepted_;
    for (const auto& [site, text] : changes) {
      log::Info("{}", text);
      admin::Event event;
      event.kind = "names";
      event.site = site;
      event.text = text;
      outside_.tell(std::move(event));
    }
  });
}

void NameWatch::Collect(MetricSink& sink) const {
  const char* help = "Generations for changed answers of names, by whether they took effect.";
  sink.Count("meridian_resolver_changes_total", help, {{"result", "accepted"}}, accepted_);
  sink.Count("meridian_resolver_changes_total", help, {{"result", "refused"}}, refusals_);
  book_.Collect(sink, loop_.Now());
}

}  // namespace meridian::app
