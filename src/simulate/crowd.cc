// See crowd.h.
#include "simulate/crowd.h"

#include <meridian/base/check.h>
#include <meridian/base/format.h>
#include <meridian/base/hash.h>
#include <meridian/base/text.h>

#include <algorithm>
#include <cmath>

#include "simulate/population.h"

namespace meridian::simulate {
namespace {

constexpr Duration kReturn = std::chrono::seconds(1);             // a broken client is back within
constexpr Duration kAgain = std::chrono::seconds(1);              // a refused client's next try
constexpr Duration kHoldPeriod = std::chrono::milliseconds(100);  // a held client looks again
// A connect that hangs is overtaken after this, where nothing else is set and nothing measured.
constexpr Duration kRaceAfter = std::chrono::milliseconds(200);

}  // namespace

Crowd::Crowd(const Context& context)
    : context_(context),
      cells_(context.table.services().size() * context.table.sites().size()),
      peaks_(context.table.sites().size()),
      tallies_(context.table.services().size()) {}

net::IpAddress Crowd::ClientOf(const net::Prefix& block) {
  return ClientIn(block, context_.random.Next());
}

Duration Crowd::Share(Duration of) {
  return Duration(
      static_cast<int64_t>(Unit(context_.random.Next()) * static_cast<double>(of.count())));
}

void Crowd::Open(std::vector<Stream> streams) {
  streams_ = std::move(streams);
  flows_.assign(streams_.size(), {.slot = context_.agenda.Now(), .turn = 0});
  // Those already there come in turns, so that no stream finds the sites empty.
  struct First {
    double share;
    size_t stream;
  };
  std::vector<First> first;
  for (size_t i = 0; i < streams_.size(); ++i) {
    const double length = std::chrono::duration<double>(streams_[i].session).count();
    const auto count = static_cast<size_t>(std::lround(streams_[i].rate * length));
    for (size_t j = 0; j < count; ++j) {
      first.push_back({(static_cast<double>(j) + 0.5) / static_cast<double>(count), i});
    }
  }
  std::stable_sort(first.begin(), first.end(),
                   [](const First& a, const First& b) { return a.share < b.share; });
  for (const First& one : first) {
    const Stream& stream = streams_[one.stream];
    const double length = static_cast<double>(stream.session.count());
    Try(Begin(stream, Duration(static_cast<int64_t>(one.share * length))));
  }
  for (size_t i = 0; i < streams_.size(); ++i) ScheduleArrival(i);
}

void Crowd::SetRate(double factor) {
  factor_ = factor;
  for (size_t i = 0; i < streams_.size(); ++i) {
    flows_[i].slot = context_.agenda.Now();
    ScheduleArrival(i);
  }
}

// At any time of the present slot.
void Crowd::ScheduleArrival(size_t index) {
  Flow& flow = flows_[index];
  const uint64_t turn = ++flow.turn;
  const double rate = streams_[index].rate * factor_;
  if (rate <= 0) return;
  const Duration slot(static_cast<int64_t>(1e9 / rate));
  context_.agenda.At(flow.slot + Share(slot), [this, index, turn] { Arrive(index, turn); });
  flow.slot += slot;
}

void Crowd::Arrive(size_t index, uint64_t turn) {
  if (flows_[index].turn != turn) return;
  Try(Begin(streams_[index], streams_[index].session));
  ScheduleArrival(index);
}

size_t Crowd::Make() {
  if (free_.empty()) {
    visits_.emplace_back();
    return visits_.size() - 1;
  }
  const size_t number = free_.back();
  free_.pop_back();
  return number;
}

size_t Crowd::Begin(const Stream& stream, Duration length) {
  const size_t number = Make();
  Visit& visit = visits_[number];
  const uint32_t serial = visit.serial + 1;
  visit = {};
  visit.serial = serial;
  visit.is_live = true;
  visit.client = ClientOf(stream.clients);
  visit.service = stream.service;
  visit.is_read = stream.reads > 0 && Unit(context_.random.Next()) < stream.reads;
  visit.waits_since = context_.agenda.Now();
  unserved_ += visit.weight;
  tallies_[stream.service.value].started += visit.weight;
  context_.agenda.After(length, [this, number, serial] {
    if (visits_[number].serial == serial) End(number);
  });
  return number;
}

size_t Crowd::Settle(ServiceId service, const net::IpAddress& client, uint64_t weight) {
  const size_t number = Make();
  Visit& visit = visits_[number];
  visit.is_live = visit.is_settled = true;
  visit.client = client;
  visit.service = service;
  visit.weight = weight;
  visit.waits_since = context_.agenda.Now();
  unserved_ += weight;
  tallies_[service.value].started += weight;
  Try(number);
  return number;
}

void Crowd::Resettle(size_t number) {
  Visit& visit = visits_[number];
  if (visit.endpoint.ok()) Leave(visit);
  Try(number);
}

SiteId Crowd::SiteOf(size_t number) const {
  const Visit& visit = visits_[number];
  return visit.endpoint.ok() ? context_.table.endpoint(visit.endpoint).site : SiteId{};
}

// The connector's walk: on to the next candidate until one answers.
void Crowd::Try(size_t number) {
  Visit& visit = visits_[number];
  const topology::SessionBy by = context_.table.service(visit.service).session.by;
  const std::string client = visit.client.ToString();
  const bool is_cookie = by == topology::SessionBy::kCookie;
  const routing::Query query{.service = visit.service,
                             .client = visit.client,
                             .session_key = is_cookie ? visit.key : client,
                             .headers = nullptr,
                             .wall = context_.agenda.WallNow(),
                             .now = context_.agenda.Now(),
                             .draw = context_.random.Next(),
                             .is_read = visit.is_read};
  routing::Walk walk;
  walk.Start(context_.table, query);
  for (routing::Choice choice; walk.Next(choice, context_.random.Next());) {
    const routing::Endpoint& endpoint = context_.table.endpoint(choice.endpoint);
    if (context_.nature.Answers(endpoint)) return Serve(number, walk, choice);
    tallies_[visit.service.value].retried += visit.weight;
    Failed(endpoint);
  }
  Refuse(number, walk.why());
}

void Crowd::TryIn(size_t number, Duration delay) {
  const uint32_t serial = visits_[number].serial;
  context_.agenda.After(delay, [this, number, serial] {
    const Visit& visit = visits_[number];
    if (visit.serial == serial && visit.is_live && !visit.endpoint.ok()) Try(number);
  });
}

// It hangs; when another connect has overtaken it, every worker knows.
void Crowd::Failed(const routing::Endpoint& endpoint) {
  context_.checks.NoteError(*endpoint.health);
  const topology::Service& policy = context_.table.service(endpoint.service);
  context_.agenda.After(policy.timeouts.race_after.value_or(kRaceAfter), [this, &endpoint] {
    const auto peers = context_.table.PoolHealth(endpoint.service, endpoint.site);
    context_.registry.Report(*endpoint.health, health::Outcome::kConnectFailed,
                             context_.table.service(endpoint.service).outliers, peers.data(),
                             peers.size(), context_.agenda.Now());
  });
}

void Crowd::Serve(size_t number, const routing::Walk& walk, const routing::Choice& choice) {
  Visit& visit = visits_[number];
  const routing::Endpoint& endpoint = context_.table.endpoint(choice.endpoint);
  const auto peers = context_.table.PoolHealth(endpoint.service, endpoint.site);
  context_.registry.Report(*endpoint.health, health::Outcome::kSuccess,
                           context_.table.service(endpoint.service).outliers, peers.data(),
                           peers.size(), context_.agenda.Now());
  walk.Settle(choice);
  if (walk.wants_cookie()) {
    visit.key.resize(routing::kCookieBytes);
    visit.key.resize(routing::MakeCookie(context_.table, visit.service, choice.endpoint,
                                         context_.agenda.WallNow(), visit.key.data()));
  }
  visit.endpoint = choice.endpoint;
  endpoint.health->Begin();
  const routing::Site& site = context_.table.site(choice.site);
  site.health->sessions.fetch_add(static_cast<uint32_t>(visit.weight), std::memory_order_relaxed);
  unserved_ -= visit.weight;

  ServiceReport& tally = tallies_[visit.service.value];
  Cell& cell = At(visit.service, choice.site);
  cell.sessions += visit.weight;
  cell.since.has_success = true;
  if (visit.last_site.ok() && visit.last_site != choice.site) {
    tally.moved += visit.weight;
    cell.since.moved += visit.weight;
  }
  visit.last_site = choice.site;
  visit.is_held = visit.is_refused = false;
  tally.longest_wait = std::max(tally.longest_wait, context_.agenda.Now() - visit.waits_since);
  NotePeak(choice.site);
}

void Crowd::Refuse(size_t number, routing::NoChoice why) {
  Visit& visit = visits_[number];
  if (why == routing::NoChoice::kHeld) return Hold(number);
  visit.is_refused = true;
  const std::string& name = context_.table.service(visit.service).name;
  auto& refused = tallies_[visit.service.value].refused;
  const std::string reason = ReasonText(why);
  const auto known = std::find_if(refused.begin(), refused.end(),
                                  [&](const auto& entry) { return entry.first == reason; });
  if (known != refused.end()) {
    known->second += visit.weight;
  } else {
    refused.emplace_back(reason, visit.weight);
  }
  for (const SiteId site : context_.table.SitesOf(visit.service)) {
    At(visit.service, site).since.refused += visit.weight;
  }
  context_.chronicle.TellRefused(name, why, visit.weight);
  if (!visit.is_settled) TryIn(number, kAgain * 9 / 10 + Share(kAgain / 5));
}

// It waits as a connection does that is neither accepted by a backend nor refused.
void Crowd::Hold(size_t number) {
  Visit& visit = visits_[number];
  if (!visit.is_held) tallies_[visit.service.value].held += visit.weight;
  visit.is_held = true;
  if (!visit.is_settled) TryIn(number, kHoldPeriod);
}

void Crowd::Leave(Visit& visit) {
  const routing::Endpoint& endpoint = context_.table.endpoint(visit.endpoint);
  endpoint.health->End();
  context_.table.site(endpoint.site)
      .health->sessions.fetch_sub(static_cast<uint32_t>(visit.weight), std::memory_order_relaxed);
  At(visit.service, endpoint.site).sessions -= visit.weight;
  visit.endpoint = EndpointId{};
  visit.waits_since = context_.agenda.Now();
  unserved_ += visit.weight;
  NotePeak(endpoint.site);
}

void Crowd::End(size_t number) {
  Visit& visit = visits_[number];
  if (visit.endpoint.ok()) {
    Leave(visit);
  } else if (visit.is_refused) {
    ServiceReport& tally = tallies_[visit.service.value];
    tally.lost += visit.weight;
    tally.longest_wait = std::max(tally.longest_wait, context_.agenda.Now() - visit.waits_since);
  }
  unserved_ -= visit.weight;
  visit.is_live = false;
  ++visit.serial;
  free_.push_back(number);
}

void Crowd::Break(const std::function<bool(const routing::Endpoint&, bool)>& lost) {
  for (size_t number = 0; number < visits_.size(); ++number) {
    Visit& visit = visits_[number];
    if (!visit.is_live || visit.is_settled || !visit.endpoint.ok()) continue;
    if (!lost(context_.table.endpoint(visit.endpoint), visit.is_read)) continue;
    tallies_[visit.service.value].broken += visit.weight;
    Leave(visit);
    TryIn(number, Share(kReturn));
  }
}

void Crowd::StartCounting() {
  for (ServiceReport& tally : tallies_) tally = {};
  for (const Visit& visit : visits_) {
    if (visit.is_live) tallies_[visit.service.value].started += visit.weight;
  }
  for (size_t i = 0; i < peaks_.size(); ++i) {
    peaks_[i] = {};
    NotePeak(SiteId{static_cast<uint32_t>(i)});
  }
}

uint64_t Crowd::SessionsAt(SiteId site) const {
  return context_.table.site(site).health->sessions.load(std::memory_order_relaxed);
}

uint64_t Crowd::SessionsOf(ServiceId service) const {
  uint64_t sum = 0;
  for (const SiteId site : context_.table.SitesOf(service)) sum += At(service, site).sessions;
  return sum;
}

Duration Crowd::LongestWait(ServiceId service) const {
  Duration longest = tallies_[service.value].longest_wait;
  for (const Visit& visit : visits_) {
    if (visit.is_live && visit.service == service && !visit.endpoint.ok()) {
      longest = std::max(longest, context_.agenda.Now() - visit.waits_since);
    }
  }
  return longest;
}

Crowd::Since Crowd::TakeSince(ServiceId service, SiteId site) {
  return std::exchange(At(service, site).since, Since{});
}

// Full is told once, until a twentieth of the capacity is free again.
void Crowd::NotePeak(SiteId id) {
  const routing::Site& site = context_.table.site(id);
  const uint64_t sessions = SessionsAt(id);
  Peak& peak = peaks_[id.value];
  if (sessions > peak.sessions) {
    peak.sessions = sessions;
    peak.at = context_.agenda.SinceStart();
  }
  if (site.capacity == UINT64_MAX) return;
  if (!peak.is_full && sessions >= site.capacity) {
    peak.is_full = true;
    context_.chronicle.Tell(Kind::kCapacity,
                            Format("{} is full ({} sessions): new ones go on to the next sites",
                                   site.name, GroupThousands(sessions)));
  } else if (peak.is_full && sessions + site.capacity / 20 <= site.capacity) {
    peak.is_full = false;
    context_.chronicle.Tell(
        Kind::kCapacity, Format("{} has room again ({} of {})", site.name, GroupThousands(sessions),
                                GroupThousands(site.capacity)));
  }
}

}  // namespace meridian::simulate
