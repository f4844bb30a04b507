// The wording of explain: "no new sessions: drained by ops, 4m12s left", "fenced: rule 1 keeps GB
// in [paris]" …
#include "routing/verdict.h"

#include <meridian/base/format.h>
#include <meridian/base/text.h>

#include <algorithm>
#include <cmath>

namespace meridian::routing {
namespace {

using health::IntentRecord;

// What of the client the rule matched: the first of its conditions.
std::string Matched(const VerdictContext& context, const FenceRule& rule) {
  const geo::Location& location = context.location;
  const ClientSet& clients = rule.clients;
  if (!clients.countries.empty()) return std::string(location.country.view());
  if (!clients.continents.empty()) return std::string(location.continent.view());
  if (!clients.subdivisions.empty()) return std::string(location.subdivision.view());
  if (!clients.asns.empty()) return Format("AS{}", location.asn);
  if (clients.networks.size() != 0) return context.client;
  if (!rule.headers.empty()) return Format("{}: {}", rule.headers[0].first, rule.headers[0].second);
  return "everyone";
}

const IntentRecord* FindRecord(const VerdictContext& context, const std::string& target,
                               health::Intent intent) {
  for (const auto& [name, record] : context.intents) {
    if (name == target && record.intent == intent) return &record;
  }
  return nullptr;
}

// The operator's record that covers the site, or the first of its endpoints that has one.
const IntentRecord* FindRecord(const VerdictContext& context, SiteId id, health::Intent intent) {
  const Site& site = context.table.site(id);
  if (const IntentRecord* record = FindRecord(context, site.name, intent)) return record;
  if (const IntentRecord* record = FindRecord(context, site.region, intent)) return record;
  for (const Endpoint& endpoint : context.table.Pool(context.service, id)) {
    const std::string target = site.name + "/" + endpoint.address_text;
    if (const IntentRecord* record = FindRecord(context, target, intent)) return record;
  }
  return nullptr;
}

std::string DrainingVerdict(const VerdictContext& context, SiteId site) {
  const IntentRecord* record = FindRecord(context, site, health::Intent::kDrain);
  if (record == nullptr) return "no new sessions: drained by its agent";
  std::string text = "no new sessions: drained";
  if (!record->author.empty()) text += " by " + record->author;
  if (record->deadline == WallTime{}) return text;
  const Duration left = record->deadline - context.now;
  return text + (left > Duration{} ? ", " + FormatAge(left) + " left" : ", deadline passed");
}

std::string OutVerdict(const VerdictContext& context, SiteId site) {
  const IntentRecord* record = FindRecord(context, site, health::Intent::kOut);
  std::string text = "no sessions: out";
  if (record == nullptr) return text;
  if (!record->author.empty()) text += " by " + record->author;
  if (!record->reason.empty()) text += " (" + record->reason + ")";
  return text;
}

// Which facts keep its endpoints down, each named once.
std::string DownVerdict(const VerdictContext& context, SiteId site) {
  const std::span<const Endpoint> pool = context.table.Pool(context.service, site);
  std::vector<std::string> causes;
  size_t down = 0;
  for (const Endpoint& endpoint : pool) {
    const health::Facts facts = endpoint.health->facts();
    if (health::Effective(facts) == health::State::kUp) continue;
    ++down;
    std::string cause = health::Cause(facts);
    if (cause == "probe" && facts.probe == health::Probe::kUnknown) cause = "not checked yet";
    if (std::find(causes.begin(), causes.end(), cause) == causes.end()) causes.push_back(cause);
  }
  std::string text;
  for (const std::string& cause : causes) text += (text.empty() ? "" : ", ") + cause;
  return Format("down: {} of {} endpoints ({})", down, pool.size(), text);
}

std::string ShareVerdict(const VerdictContext& context, SiteId site) {
  const Service& service = context.table.internals(context.service);
  const EndpointPool& pool = *service.PoolAt(site);
  const uint32_t version = context.table.registry().version();
  const PoolStatus all = pool.Status(version), ramped = pool.Status(version, context.monotonic);
  const double kept = std::min(1.0, ramped.share * service.policy->overprovision);
  const std::string up =
      all.share < 1 ? Format("{:.0f} % of its endpoints up", std::floor(all.share * 100)) : "";
  const std::string slow = ramped.share < all.share ? "slow start" : "";
  return Format("{}: {}{}{}, keeps {:.0f} % of its clients, not this one", health::Name(all.state),
                up, up.empty() || slow.empty() ? "" : ", ", slow, std::floor(kept * 100));
}

const char* ForPeople(topology::Balance balance) {
  switch (balance) {
    case topology::Balance::kLeastConnections:
      return "least connections";
    case topology::Balance::kRoundRobin:
      return "round robin";
    case topology::Balance::kHash:
      return "hash";
    case topology::Balance::kRandom:
      return "random";
  }
  return "";
}

}  // namespace

std::string FencedVerdict(const VerdictContext& context, const FenceRule& rule) {
  std::string sites;
  for (const std::string& name :
       context.table.service(context.service).rules[rule.number - 1].sites) {
    sites += (sites.empty() ? "" : ", ") + name;
  }
  return Format("fenced: rule {} keeps {} in [{}]", rule.number, Matched(context, rule), sites);
}

std::string DroppedVerdict(const VerdictContext& context, SiteId id, Standing standing) {
  const Site& site = context.table.site(id);
  switch (standing) {
    case Standing::kUsable:
      return "";
    case Standing::kWeightless:
      return "no new sessions: weight 0";
    case Standing::kOut:
      return OutVerdict(context, id);
    case Standing::kDraining:
      return DrainingVerdict(context, id);
    case Standing::kDown:
      return DownVerdict(context, id);
    case Standing::kNotItsShare:
      return ShareVerdict(context, id);
    case Standing::kFull:
      return Format("at capacity: {} of {} sessions", GroupThousands(site.health->sessions.load()),
                    GroupThousands(site.capacity));
  }
  return "";
}

std::string ModeVerdict(const VerdictContext& context, SiteId id,
                        const health::ServiceDirection& direction) {
  const RecoverySites& recovery = *context.table.internals(context.service).recovery;
  const Site& site = context.table.site(id);
  std::string active;
  bool is_member = false;
  for (const RecoverySites::Member& member : recovery.members) {
    is_member = is_member || member.site == id;
    if (member.ordinal == direction.site) active = context.table.site(member.site).name;
  }
  if (!is_member) return "never active: neither primary nor standby";
  const bool is_primary =
      context.table.service(context.service).disaster_recovery->primary == site.name;
  const char* role = is_primary ? "primary" : "standby";
  if (direction.admission == health::Admission::kRoute && active != site.name) {
    const bool reads = recovery.reads_nearest && recovery.live->TakesReads(site.health->ordinal);
    return Format("{}: {} is active{}", role, active.empty() ? "another site" : active,
                  reads ? ", takes reads" : "");
  }
  const bool held = direction.admission == health::Admission::kHold;
  return Format("{}: {}", held ? "held" : "refused", recovery.live->reason());
}

std::string ChosenVerdict(const VerdictContext& context, const Choice& choice,
                          std::string_view session_how) {
  const topology::Service& policy = context.table.service(context.service);
  const bool by_cookie =
      choice.reason == Reason::kSession && policy.session.by == topology::SessionBy::kCookie;
  const std::string_view how = by_cookie              ? "by its cookie"
                               : !session_how.empty() ? session_how
                                                      : ForPeople(policy.balance);
  const Endpoint& endpoint = context.table.endpoint(choice.endpoint);
  const std::string of = endpoint.name.empty() ? std::string() : " of " + endpoint.name;
  return Format("chosen: {}{}, endpoint {}{} ({})", Name(choice.reason),
                choice.epoch != 0 ? Format(", epoch {}", choice.epoch) : std::string(),
                endpoint.address_text, of, how);
}

}  // namespace meridian::routing
