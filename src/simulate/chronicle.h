// What there is to tell, in order. What belongs together is one moment: tries refused in a row,
// a site that goes from up over degraded to down within a second. Before the scenario's start
// nothing is told. Bounded.
#pragma once

#include <meridian/routing/decide.h>
#include <meridian/simulate/report.h>

#include <map>
#include <string>
#include <vector>

#include "simulate/agenda.h"

namespace meridian::simulate {

inline constexpr size_t kMaxMoments = 5000;

class Chronicle {
 public:
  explicit Chronicle(const Agenda& agenda) : agenda_(agenda) {}

  void Tell(Kind kind, std::string text, bool is_bad = false);
  // A site's state for these services, joined by commas.
  struct Health {
    std::string site, services;
    health::State state = health::State::kUp;
    std::string why;
  };
  void TellHealth(const Health& health);
  // Tries of this service that nothing could take.
  void TellRefused(const std::string& service, routing::NoChoice why, uint64_t tries);

  std::vector<Moment> Take() { return std::move(moments_); }
  uint64_t dropped() const { return dropped_; }

 private:
  struct Outage {
    size_t moment = 0;
    Duration first{}, last{};
    std::map<std::string, uint64_t> tries;  // by reason
  };
  struct Known {
    size_t moment = 0;
    Duration at{};
  };

  const Agenda& agenda_;
  std::vector<Moment> moments_;
  std::map<std::string, Outage> outages_;                       // by service
  std::map<std::pair<std::string, std::string>, Known> known_;  // by site and services
  uint64_t dropped_ = 0;
};

// "no candidate is up", as people read a NoChoice.
std::string ReasonText(routing::NoChoice why);

}  // namespace meridian::simulate
