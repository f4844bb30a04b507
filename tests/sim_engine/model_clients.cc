// Sessions, and the judgement of each choice. See model_clients.h.
#include "model_clients.h"

#include <meridian/base/check.h>
#include <meridian/base/format.h>
#include <meridian/routing/explain.h>

#include <algorithm>

namespace meridian::failover::sim {
namespace {

using health::Intent;
using health::Probe;
using health::State;
using routing::Choice;
using routing::NoChoice;
using routing::Query;
using routing::Reason;
using routing::Walk;

constexpr int kClients = 24;
constexpr double kOpens = 0.1, kCloses = 0.05, kForgets = 0.02;  // each step, each client
constexpr double kExplained = 0.02;                              // of the walks

}  // namespace

Clients::Clients(const Places& places, Reach reaches, net::Random& random)
    : places_(places), reaches_(std::move(reaches)), random_(random) {
  std::vector<geo::Locator::Override> networks;
  for (uint32_t i = 0; i < kClients; ++i) {
    Client& client = clients_.emplace_back();
    client.address = net::IpAddress::V4(0xc6336400u + i * 256);
    client.is_strict = i % 4 == 0;
    if (i % 8 == 7) continue;  // in no network: its place is unknown
    const topology::Site& near = places_.topology().sites[i % places_.size()];
    geo::Location location;
    location.point = *geo::Point::At(near.latitude + Unit(random_.Next()) * 20 - 10,
                                     near.longitude + Unit(random_.Next()) * 20 - 10);
    location.has_coordinates = true;
    location.country = *geo::CountryCode::Parse(client.is_strict ? "GB" : "US");
    networks.push_back({net::Prefix(client.address, 24), location});
  }
  auto built = geo::Locator::Build({.databases = {}, .networks = networks, .fallback = {}});
  MERIDIAN_CHECK(built.has_value());
  locator_ = *built;
}

std::string Clients::Step(const Now& now) {
  for (Client& client : clients_) {
    if (client.session) {
      const ModelEndpoint& at = places_.At(now.table.endpoint(*client.session).address_text);
      if (!reaches_(at) || Chance(kCloses)) Close(now, client);
      continue;
    }
    if (Chance(kForgets)) client.cookie.clear();
    if (!Chance(kOpens)) continue;
    if (std::string broken = Open(now, client); !broken.empty()) return broken;
  }
  return {};
}

void Clients::Drop() {
  for (Client& client : clients_) client.session.reset();
}

void Clients::Close(const Now& now, Client& client) {
  const routing::Endpoint& endpoint = now.table.endpoint(*client.session);
  endpoint.health->End();
  now.table.site(endpoint.site).health->sessions.fetch_sub(1);
  client.session.reset();
}

std::string Clients::Open(const Now& now, Client& client) {
  const Query query{.service = now.table.FindService("web"),
                    .client = client.address,
                    .session_key = client.cookie,
                    .wall = now.wall,
                    .draw = random_.Next()};
  Walk walk;
  walk.Start(now.table, query);
  std::optional<Choice> first;
  for (Choice choice; walk.Next(choice, random_.Next());) {
    const routing::Endpoint& endpoint = now.table.endpoint(choice.endpoint);
    const ModelEndpoint& truth = places_.At(endpoint.address_text);
    ++coverage_.reasons[static_cast<size_t>(choice.reason)];
    std::string broken = Judge({now, client, query, choice, endpoint, truth, !first.has_value()});
    if (!broken.empty()) {
      return Format("{} is given {} ({}): {}", client.address.ToString(), truth.address,
                    Name(choice.reason), broken);
    }
    if (!first && Chance(kExplained)) broken = JudgeExplain(now, query, choice);
    if (!broken.empty()) return broken;
    if (!first) first = choice;
    if (reaches_(truth)) {
      Begin(now, client, walk, choice.endpoint);
      return {};
    }
    ++coverage_.attempts_in_vain;
    Report(now, endpoint, health::Outcome::kConnectFailed);
  }
  ++coverage_.pins[static_cast<size_t>(walk.pin())];
  ++coverage_.refusals[static_cast<size_t>(walk.why())];
  return first ? "" : JudgeRefusal(now, client, walk);
}

void Clients::Begin(const Now& now, Client& client, const Walk& walk, EndpointId id) {
  const routing::Endpoint& endpoint = now.table.endpoint(id);
  ++coverage_.sessions;
  ++coverage_.pins[static_cast<size_t>(walk.pin())];
  Report(now, endpoint, health::Outcome::kSuccess);
  endpoint.health->Begin();
  now.table.site(endpoint.site).health->sessions.fetch_add(1);
  client.session = id;
  if (!walk.wants_cookie()) return;
  std::array<char, routing::kCookieBytes> text;
  client.cookie.assign(text.data(),
                       routing::MakeCookie(now.table, endpoint.service, id, now.wall, text.data()));
  client.cookie_endpoint = endpoint.address_text;
}

void Clients::Report(const Now& now, const routing::Endpoint& endpoint, health::Outcome outcome) {
  const auto peers = now.table.PoolHealth(endpoint.service, endpoint.site);
  now.registry.Report(*endpoint.health, outcome, now.table.service(endpoint.service).outliers,
                      peers.data(), peers.size(), now.time);
}

bool Clients::Fenced(const Client& client, size_t site) const {
  if (!client.is_strict) return false;
  const auto& allowed = places_.topology().services[1].rules[0].sites;
  return std::find(allowed.begin(), allowed.end(), places_.names()[site]) == allowed.end();
}

std::string Clients::Judge(const Case& one) const {
  const size_t site = one.truth.site;
  if (one.truth.service != "web") return "an endpoint of another service";
  if (Fenced(one.client, site)) return "outside its fence";
  if (one.truth.weight == 0 || places_.weight(site) == 0) return "a weight of 0";
  const health::IntentRecord intent = places_.IntentOf(site, one.truth.address);
  const bool is_pinned = one.choice.reason == Reason::kSession;
  if (is_pinned && !one.client.cookie.empty() &&
      places_.At(one.client.cookie_endpoint).site != site) {
    return "pinned to a site that its cookie does not name";
  }
  if (is_pinned && one.client.cookie.empty()) return "pinned without a cookie";
  if (intent.intent == Intent::kOut) return "it is out";
  if (intent.intent == Intent::kDrain && one.choice.reason != Reason::kPanic) {
    if (!is_pinned) return "a new session to what drains";
    if (intent.deadline != WallTime{} && one.now.wall >= intent.deadline) {
      return "pinned to what drains after the deadline";
    }
  }
  const uint64_t sessions = one.now.table.site(one.endpoint.site).health->sessions.load();
  if (!is_pinned && sessions >= places_.capacity(site)) return "a full site";
  if (std::string broken = JudgeHealth(one); !broken.empty()) return broken;
  return one.is_first && one.choice.reason == Reason::kNearest ? JudgeNearest(one) : "";
}

// What is down by its checks is tried in panic alone, and panic is when nothing else is left.
std::string Clients::JudgeHealth(const Case& one) const {
  if (one.choice.reason != Reason::kPanic) {
    if (one.truth.verdict == Probe::kUnknown) return "it was never checked";
    if (one.truth.verdict == Probe::kDown) return "its checks say down";
    return one.endpoint.health->facts().traffic == health::Traffic::kClear ? ""
                                                                           : "traffic says down";
  }
  const topology::Service& web = one.now.table.service(one.endpoint.service);
  if (web.panic == topology::Panic::kReject) return "panic, which the policy forbids";
  if (one.client.is_strict) return "panic within a strict fence";
  if (!one.is_first) return {};
  for (const routing::Endpoint& other : one.now.table.endpoints()) {
    if (CouldTake(one.now, one.client, other)) return Format("{} is up", other.address_text);
  }
  return {};
}

std::string Clients::JudgeNearest(const Case& one) const {
  const geo::Location from = locator_->Locate(one.client.address);
  const auto distance = [&](SiteId site) {
    return geo::DistanceKm(from.point, one.now.table.site(site).point);
  };
  for (const routing::Site& other : one.now.table.sites()) {
    const std::span<const routing::Endpoint> pool =
        one.now.table.Pool(one.endpoint.service, other.id);
    const bool is_weightless =
        places_.weight(other.id.value) == 0 ||
        std::all_of(pool.begin(), pool.end(), [](const auto& e) { return e.weight == 0; });
    if (is_weightless || Fenced(one.client, other.id.value)) continue;
    if (distance(other.id) + 1 < distance(one.choice.site)) {
      return other.name + " is nearer, and nothing is said of it";
    }
  }
  return {};
}

bool Clients::CouldTake(const Now& now, const Client& client,
                        const routing::Endpoint& endpoint) const {
  const ModelEndpoint& truth = places_.At(endpoint.address_text);
  return truth.service == "web" && truth.weight != 0 && places_.weight(truth.site) != 0 &&
         !Fenced(client, truth.site) && endpoint.health->state() == State::kUp &&
         now.table.site(endpoint.site).health->sessions.load() < places_.capacity(truth.site);
}

// Nobody is sent away while an endpoint could take it, but a session that may not move.
std::string Clients::JudgeRefusal(const Now& now, const Client& client, const Walk& walk) const {
  if (walk.why() == NoChoice::kSessionRejected) {
    return client.cookie.empty() ? "a session is rejected that is none" : "";
  }
  for (const routing::Endpoint& endpoint : now.table.endpoints()) {
    if (!CouldTake(now, client, endpoint)) continue;
    return Format("{} is refused ({}), though {} could take it", client.address.ToString(),
                  Name(walk.why()), endpoint.address_text);
  }
  return {};
}

std::string Clients::JudgeExplain(const Now& now, const Query& query,
                                  const std::optional<Choice>& first) {
  ++coverage_.explained;
  const routing::Explanation explanation = routing::Explain(now.table, query, now.wall);
  // Round robin moves on with every walk but those of explain.
  const bool is_turning =
      now.table.service(query.service).balance == topology::Balance::kRoundRobin;
  const bool agrees = explanation.choice.has_value() == first.has_value() &&
                      (!first || (explanation.choice->site == first->site &&
                                  explanation.choice->reason == first->reason &&
                                  (is_turning || explanation.choice->endpoint == first->endpoint)));
  return agrees ? "" : "explain chooses otherwise: " + query.client.ToString();
}

}  // namespace meridian::failover::sim
