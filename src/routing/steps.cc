// Steps 2 to 5 when a walk begins, and the way from pinned endpoint to sites to panic as it goes
// on.
#include "routing/steps.h"

#include "routing/cookie.h"

#include <algorithm>
#include <memory>

namespace meridian::routing {
namespace {

using topology::OnFailure;
using topology::OnRecovery;
using topology::Panic;
using topology::SessionBy;
using topology::SessionScope;
using topology::Steering;

const Endpoint* FindEndpoint(std::span<const Endpoint> pool, uint64_t key) {
  for (const Endpoint& endpoint : pool) {
    if (endpoint.key == key) return &endpoint;
  }
  return nullptr;
}

}  // namespace

void Steps::Begin(const Table& table, const Query& query, Trace* trace) {
  std::construct_at(&walk_);
  walk_.table_ = &table;
  walk_.internals_ = &table.internals(query.service);
  walk_.trace_ = trace;
  walk_.service_ = query.service;
  walk_.wall_ = query.wall;
  walk_.now_ = query.now;
  walk_.draw_ = query.draw;
  walk_.is_read_ = query.is_read;

  const topology::SessionPolicy& session = walk_.internals_->policy->session;
  net::IpAddress client = query.client;
  if (session.by == SessionBy::kSource) {
    const bool v4 = client.family() == net::Family::kIpv4;
    client = client.Masked(v4 ? session.source_prefix_v4 : session.source_prefix_v6);
  }
  walk_.found_ = table.locator().Find(client);
  walk_.client_key_ = walk_.session_hash_ = client.Hash(walk_.internals_->key);
  if (!walk_.internals_->rules.empty()) MatchRules(client, query.headers);
  if (walk_.internals_->recovery) ReadDirection();
  ReadSession(query);
  Steer(query);
  if (!walk_.keyed_ || ReadMovedPin()) return;
  if (session.on_failure == OnFailure::kReject) PinHome();
}

void Steps::MatchRules(const net::IpAddress& client, const HeaderSource* headers) {
  const geo::Location location = walk_.location();
  for (const FenceRule& rule : walk_.internals_->rules) {
    if (!rule.Matches(location, client, headers)) continue;
    walk_.rule_ = &rule;
    return;
  }
}

void Steps::ReadSession(const Query& query) {
  const topology::SessionPolicy& session = walk_.internals_->policy->session;
  switch (session.by) {
    case SessionBy::kSource:
      walk_.keyed_ = true;
      break;
    case SessionBy::kCookie:
      ReadCookiePin(query);
      break;
    case SessionBy::kHeader:
    case SessionBy::kQuery:
    case SessionBy::kSni:
    case SessionBy::kSipCallId:
    case SessionBy::kBytes:
      if (query.session_key.empty()) break;
      walk_.keyed_ = true;
      walk_.client_key_ = walk_.session_hash_ = Hash(query.session_key, walk_.internals_->key);
      break;
    case SessionBy::kNone:
      break;
  }
  if (walk_.keyed_) walk_.pin_ = Pin::kKept;  // until the walk leaves the session's home
  walk_.hashed_ = walk_.keyed_ && session.scope == SessionScope::kEndpoint;
}

void Steps::ReadCookiePin(const Query& query) {
  walk_.pin_ = Pin::kNew;
  walk_.wants_cookie_ = true;
  if (query.session_key.empty() || !walk_.internals_->cookie_keys) return;
  walk_.pin_ = Pin::kInvalid;
  const std::optional<KnownCookie> known =
      ReadKnownCookie(*walk_.internals_, query.session_key, query.wall);
  if (!known) return;
  const Cookie& cookie = known->cookie;
  const SiteId site = walk_.table_->SiteByKey(cookie.site_key);
  const EndpointPool* pool = site.ok() ? walk_.internals_->PoolAt(site) : nullptr;
  if (pool == nullptr) return;

  walk_.pin_ = Pin::kKept;
  walk_.wants_cookie_ = known->by_other_key;
  if (walk_.rule_ != nullptr && walk_.rule_->strict && !walk_.rule_->Holds(site)) return LeavePin();
  if (!IsAllowed(site)) return LeavePin();
  PinTo(site, FindEndpoint(pool->endpoints(), cookie.endpoint_key));
}

// A session without a cookie that has moved and stays. Whatever the table has of another
// configuration, or outside the fence, is as good as nothing.
bool Steps::ReadMovedPin() {
  const topology::SessionPolicy& session = walk_.internals_->policy->session;
  const MovedSessions* moved = walk_.table_->moved_sessions().get();
  if (moved == nullptr || session.on_recovery != OnRecovery::kStay) return false;
  const auto place = moved->Find(walk_.session_hash_, walk_.wall_, session.ttl);
  if (!place) return false;
  SiteId found;
  for (const auto& [key, site] : walk_.table_->SitesByKeyHead(place->site)) {
    const EndpointPool* pool = walk_.internals_->PoolAt(site);
    if (pool == nullptr) continue;
    if (walk_.rule_ != nullptr && walk_.rule_->strict && !walk_.rule_->Holds(site)) continue;
    if (!IsAllowed(site)) continue;
    const auto endpoints = pool->endpoints();
    const auto endpoint = std::find_if(endpoints.begin(), endpoints.end(), [&](const Endpoint& e) {
      return e.key >> 32 == place->endpoint;
    });
    found = site;
    if (endpoint == endpoints.end()) continue;
    PinTo(site, &*endpoint);
    return walk_.stays_ = true;
  }
  if (!found.ok()) return false;
  PinTo(found, nullptr);
  return walk_.stays_ = true;
}

// An endpoint that the configuration no longer has (null) will not come back: a session pinned to
// that moves in any case.
void Steps::PinTo(SiteId site, const Endpoint* endpoint) {
  const topology::SessionPolicy& session = walk_.internals_->policy->session;
  const bool whole_site = session.scope == SessionScope::kSite;
  walk_.pinned_site_ = site;
  walk_.phase_ = Walk::Phase::kPinnedSite;
  walk_.rejects_ = session.on_failure == OnFailure::kReject && (whole_site || endpoint != nullptr);
  if (whole_site || endpoint == nullptr) return;
  walk_.pinned_endpoint_ = endpoint->id;
  walk_.phase_ = Walk::Phase::kPinned;
}

// on_failure: reject, without a cookie: the session's home is where it would be if all were up, and
// only there.
void Steps::PinHome() {
  Complete complete;
  Walk::Ranking ranking = walk_.ranking_;
  for (SiteId site = NextRanked(ranking, complete); site.ok();
       site = NextRanked(ranking, complete)) {
    const EndpointPool& pool = *walk_.internals_->PoolAt(site);
    if (pool.closed()) continue;
    walk_.pinned_site_ = site;
    walk_.rejects_ = true;
    walk_.phase_ = walk_.hashed_ ? Walk::Phase::kPinned : Walk::Phase::kPinnedSite;
    if (walk_.hashed_) walk_.pinned_endpoint_ = pool.IdOf(pool.Home(walk_.session_hash_));
    return;
  }
}

// Which order, and the reason that names it. A key that must decide alone draws its sites; so does
// a client without coordinates, for which none is nearest.
void Steps::Steer(const Query& query) {
  using By = Walk::Ranking::By;
  Walk::Ranking& ranking = walk_.ranking_;
  Restart(ranking);
  ranking.key = walk_.client_key_;
  ranking.by = By::kDraws;
  if (walk_.keyed_ && KeyDecides(walk_.internals_->policy->session.by)) {
    walk_.steering_ = Reason::kSession;
  } else {
    switch (walk_.internals_->policy->steering) {
      case Steering::kLatency:
        ranking.by = By::kLatency;
        if (Measured(ranking)) {
          walk_.steering_ = Reason::kLatency;
          break;
        }
        [[fallthrough]];
      case Steering::kNearest:
        walk_.steering_ = walk_.has_coordinates() ? Reason::kNearest : Reason::kWeighted;
        if (walk_.has_coordinates() && ranking.by == By::kDraws) ranking.by = By::kDistance;
        break;
      case Steering::kWeighted:
        walk_.steering_ = Reason::kWeighted;
        break;
      case Steering::kRandom:
        walk_.steering_ = Reason::kRandom;
        if (!walk_.keyed_) ranking.key = Mix(query.draw);
        break;
      case Steering::kOrdered:
        walk_.steering_ = Reason::kOrdered;
        ranking.by = By::kList;
        break;
    }
  }
  if (walk_.internals_->recovery && !GoesByReads()) walk_.steering_ = Reason::kActive;
  if (walk_.pin_ != Pin::kMoved) walk_.moved_by_ = walk_.steering_;
}

bool Steps::Next(Choice& choice, uint64_t draw) {
  if (walk_.why_ != NoChoice::kNone) return false;
  if (walk_.internals_->recovery && !FollowDirection()) return false;
  if (walk_.tried_count_ != 0) walk_.draw_ = draw != 0 ? draw : Mix(walk_.draw_);
  if (walk_.tried_count_ == kMaxTried) {
    walk_.why_ = NoChoice::kExhausted;
    return false;
  }
  if (walk_.phase_ != Walk::Phase::kSites) {
    if (NextPinned(choice)) return true;
    if (walk_.rejects_) {
      walk_.why_ = NoChoice::kSessionRejected;
      walk_.pin_ = Pin::kRejected;
      return false;
    }
    LeavePin();
  }
  if (NextOfSites(choice)) return true;
  walk_.why_ = WhyNothing();
  return false;
}

// The pinned endpoint as long as it takes what is pinned, capacity and shares aside; then, when the
// session may move, the other endpoints of its site. A session pinned to a site may have any of
// that site's; those of weight 0 only where there are no others, for it is new to the endpoint.
bool Steps::NextPinned(Choice& choice) {
  if (walk_.phase_ == Walk::Phase::kPinned) {
    walk_.phase_ = Walk::Phase::kPinnedSite;
    const Endpoint& endpoint = walk_.table_->endpoint(walk_.pinned_endpoint_);
    if (walk_.tried_count_ == 0 && endpoint.health->takes_pinned(walk_.wall_)) {
      choice = {endpoint.id, endpoint.site, Reason::kSession, walk_.direction_.epoch};
      walk_.tried_[walk_.tried_count_++] = endpoint.id;
      return true;
    }
  }
  const bool whole_site = walk_.internals_->policy->session.scope == SessionScope::kSite;
  if (whole_site) {
    const bool has_weight = walk_.internals_->PoolAt(walk_.pinned_site_)->total_weight() != 0;
    return Give(walk_.pinned_site_, Take::kNew, Reason::kSession, choice) ||
           Give(walk_.pinned_site_, has_weight ? Take::kStaying : Take::kPinned, Reason::kSession,
                choice);
  }
  if (walk_.rejects_ || walk_.internals_->PoolAt(walk_.pinned_site_)->closed()) return false;
  if (!Give(walk_.pinned_site_, Take::kNew, Reason::kSession, choice)) return false;
  Moved();
  return true;
}

void Steps::LeavePin() {
  walk_.phase_ = Walk::Phase::kSites;
  walk_.moved_by_ = Reason::kFailover;
  Moved();
}

void Steps::Moved() {
  const topology::SessionPolicy& session = walk_.internals_->policy->session;
  walk_.pin_ = Pin::kMoved;
  walk_.wants_cookie_ =
      session.by == SessionBy::kCookie && session.on_recovery == OnRecovery::kStay;
}

// First the site that gave the last endpoint, then the order.
bool Steps::NextOfSites(Choice& choice) {
  if (walk_.current_.ok()) {
    if (Give(walk_.current_, TakeOf(walk_.pass_), walk_.current_reason_, choice)) return true;
    walk_.current_ = SiteId{};
    walk_.moved_by_ = Reason::kFailover;
  }
  Complete complete;
  SiteId site;
  Reason reason{};
  while (NextSite(complete, site, reason)) {
    if (!Give(site, TakeOf(walk_.pass_), reason, choice)) {
      walk_.moved_by_ = Reason::kFailover;
      continue;
    }
    walk_.current_ = site;
    walk_.current_reason_ = reason;
    return true;
  }
  return false;
}

// The next site of the order, pass by pass, and why it is its turn.
bool Steps::NextSite(Complete& complete, SiteId& site, Reason& reason) {
  for (; walk_.pass_ < kPasses; ++walk_.pass_, Restart(walk_.ranking_)) {
    const bool begins = walk_.ranking_.rank == 0;
    if (begins && walk_.pass_ == kAlive && !MayPanic()) return false;
    if (begins && walk_.pass_ != kHealthy && walk_.tried_count_ == 0) {
      walk_.moved_by_ = walk_.pin_ == Pin::kMoved ? Reason::kFailover : walk_.steering_;
    }
    if (!NextUsable(complete, site, reason)) continue;
    if (walk_.pass_ >= kAlive) reason = Reason::kPanic;
    return true;
  }
  return false;
}

// An endpoint of the site that was not given before.
bool Steps::Give(SiteId site, Take take, Reason reason, Choice& choice) {
  const EndpointPool& pool = *walk_.internals_->PoolAt(site);
  const std::optional<uint32_t> index =
      pool.Pick({.take = take,
                 .hashed = walk_.hashed_,
                 .peek = walk_.trace_ != nullptr,
                 .hash = walk_.session_hash_,
                 .draw = walk_.draw_,
                 .wall = walk_.wall_,
                 .now = walk_.now_,
                 .tried = std::span(walk_.tried_).first(walk_.tried_count_)});
  if (!index) return false;
  const EndpointId endpoint = pool.IdOf(*index);
  const bool away = walk_.moved_by_ != walk_.steering_ || walk_.tried_count_ != 0 ||
                    (walk_.hashed_ && *index != pool.Home(walk_.session_hash_));
  if (walk_.keyed_ && walk_.phase_ == Walk::Phase::kSites && away) walk_.pin_ = Pin::kMoved;
  walk_.tried_[walk_.tried_count_++] = endpoint;
  choice = {endpoint, site, reason, walk_.direction_.epoch};
  return true;
}

Take Steps::TakeOf(uint8_t pass) const {
  if (pass < kAlive) return Take::kNew;
  return pass == kAlive ? Take::kDraining : Take::kAny;
}

// A full site is not a dead one, a strict fence is kept whatever fails, and the writes of a
// disaster-recovery service are refused rather than tried.
bool Steps::MayPanic() const {
  const bool strict = walk_.rule_ != nullptr && walk_.rule_->strict;
  if (walk_.internals_->recovery && !walk_.is_read_) return false;
  return walk_.internals_->policy->panic == Panic::kRoute && !strict && !walk_.saw_full_;
}

NoChoice Steps::WhyNothing() const {
  if (walk_.tried_count_ != 0) return NoChoice::kExhausted;
  if (walk_.saw_full_) return NoChoice::kAtCapacity;
  return walk_.saw_site_ ? NoChoice::kAllDown : NoChoice::kNoSites;
}

// All steps of a decision become one function each.
[[gnu::flatten]] void Walk::Start(const Table& table, const Query& query, Trace* trace) {
  Steps(*this).Begin(table, query, trace);
}

[[gnu::flatten]] bool Walk::Next(Choice& choice, uint64_t draw) {
  const bool found = Steps(*this).Next(choice, draw);
  choice.moved = found && pin_ == Pin::kMoved;
  return found;
}

void Walk::Settle(const Choice& choice) const {
  MovedSessions* moved = table_->moved_sessions().get();
  const bool stays = internals_->policy->session.on_recovery == OnRecovery::kStay;
  if (moved == nullptr || !keyed_ || !choice.moved || !stays) return;
  moved->Put(session_hash_,
             {static_cast<uint32_t>(table_->site(choice.site).key >> 32),
              static_cast<uint32_t>(table_->endpoint(choice.endpoint).key >> 32)},
             wall_);
}

}  // namespace meridian::routing
