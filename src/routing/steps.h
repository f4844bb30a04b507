// The steps of a decision, on the state that a Walk carries. One worker at a time per Walk;
// everything else that is read is constant or atomic. No allocation.
//
//   Begin: location, fence, mode, session, steering
//   Next: mode → pinned endpoint → its site → sites in order → endpoint
//
// Sites in order are gone through in passes, until one gives an endpoint:
//   kHealthy   up, within this client's share, below capacity
//   kAnyShare  the same, whatever the share: better a site that is short of endpoints than none
//   kAlive     panic: draining endpoints too
//   kDesperate panic: whatever is not out and has a weight
#pragma once

#include "routing/service.h"
#include "routing/trace.h"

#include <array>
#include <optional>

namespace meridian::routing {

class Steps {
 public:
  explicit Steps(Walk& walk) : walk_(walk) {}

  void Begin(const Table& table, const Query& query, Trace* trace);
  bool Next(Choice& choice, uint64_t draw);
  // After `choice`, the walk's first, for the trace alone: which sites the walk would go on to,
  // were each tried in vain, and how all others stand. The walk is spent by it.
  void ConsiderTheRest(const std::optional<Choice>& choice);
  const FenceRule* rule() const { return walk_.rule_; }  // that matched; null: none
  bool hashed() const { return walk_.hashed_; }          // the session's endpoint is found by hash
  bool stays() const { return walk_.stays_; }            // … unless it stays where it moved to
  bool IsCurrent(const Choice& choice) const;
  const health::ServiceDirection& direction() const { return walk_.direction_; }
  // Whether the mode leaves the site to this client.
  bool IsAllowed(SiteId site) const {
    return !walk_.internals_->recovery || Holds(walk_.allowed_, site);
  }

 private:
  enum Pass : uint8_t { kHealthy, kAnyShare, kAlive, kDesperate, kPasses };

  // A complete order, made when the head of one is used up. Lives on the stack of one step.
  struct Complete {
    std::array<uint16_t, SiteSet::kMaxSites> order;
    const SiteSet* of = nullptr;
  };

  // mode.cc
  bool GoesByReads() const;
  // Of the service's members, a bit each.
  uint16_t AllowedBy(const health::ServiceDirection& direction) const;
  bool Holds(uint16_t allowed, SiteId site) const;
  void ReadDirection();
  bool FollowDirection();

  // steps.cc
  void MatchRules(const net::IpAddress& client, const HeaderSource* headers);
  void ReadSession(const Query& query);
  void ReadCookiePin(const Query& query);
  bool ReadMovedPin();
  void PinTo(SiteId site, const Endpoint* endpoint);
  void PinHome();
  void Steer(const Query& query);
  bool Give(SiteId site, Take take, Reason reason, Choice& choice);
  bool NextPinned(Choice& choice);
  void LeavePin();
  void Moved();
  bool NextOfSites(Choice& choice);
  bool NextSite(Complete& complete, SiteId& site, Reason& reason);
  NoChoice WhyNothing() const;
  Take TakeOf(uint8_t pass) const;
  bool MayPanic() const;

  // ranking.cc
  SiteId NextRanked(Walk::Ranking& ranking, Complete& complete) const;
  const Stage* StageOf(const Walk::Ranking& ranking) const;
  bool Measured(const Walk::Ranking& ranking) const;
  size_t First(const Walk::Ranking& ranking, const SiteSet& set, std::span<uint16_t> out) const;
  void All(const Walk::Ranking& ranking, const SiteSet& set, std::span<uint16_t> out) const;
  bool ExtendHead(Walk::Ranking& ranking, const SiteSet& set) const;
  uint16_t IndexAt(Walk::Ranking& ranking, const Stage& stage, Complete& complete) const;
  void Restart(Walk::Ranking& ranking) const;
  Standing Judge(SiteId site, uint8_t pass) const;
  bool NextUsable(Complete& complete, SiteId& site, Reason& reason);
  SiteId SpillTarget(Complete& complete) const;

  Walk& walk_;
};

}  // namespace meridian::routing
