// Which addresses stand for the names of a topology, and what becomes of those that no longer do.
// Pure; one per process, on the control thread.
//
//   an answer has it ──► serving ◄────── an answer has it again ──────────┐
//                          │ no answer of the site has it                 │
//                          ▼                                              │
//                       leaving ─ another is up, or kMaxWait ─► draining ─┤
//                                                               │ weight 0; no session is left,
//                                                               ▼ or past its end
//                                                             gone ───────┘
//
// What leaves goes on serving until another endpoint of the service there is up, so that an answer
// that replaces all of them leaves no gap.
#pragma once

#include <meridian/resolve/book.h>
#include <meridian/topology/topology.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace meridian::resolve {

// What Members asks of the outside.
class Standing {
 public:
  virtual bool IsUp(const std::string& site, const std::string& address) const = 0;
  virtual uint64_t Sessions(const std::string& site, const std::string& address) const = 0;

 protected:
  ~Standing() = default;
};

class Members {
 public:
  static constexpr Duration kMaxWait = std::chrono::seconds(10);
  static constexpr Duration kIdle = std::chrono::seconds(1);  // without a session, before it goes
  static constexpr Duration kCutting = std::chrono::seconds(5);  // past the end of its drain

  using Place = std::pair<std::string, std::string>;  // site, address
  struct Departure {
    std::map<std::string, topology::Endpoint> endpoints;  // by service
    bool draining = false;
    MonotonicTime since{};  // the present phase
    MonotonicTime ends{};   // of its drain
    std::optional<MonotonicTime> idle_since;
  };

  // Takes what `book` says of the names in `topology`; what it said before and no longer does
  // leaves. Names that `topology` no longer has go at once.
  void Update(const topology::Topology& topology, const Book& book, MonotonicTime now);
  // Moves departures on. Call it about once a second while there are any.
  void Step(const Standing& standing, Duration drain_timeout, MonotonicTime now);
  // Puts into `topology`'s services what its names stand for, in place of what they stood for.
  // Addresses that are written there themselves come first, and once.
  void Fill(topology::Topology& topology) const;

  const std::map<Place, Departure>& departures() const { return departures_; }

 private:
  using Pool = std::pair<std::string, std::string>;  // site, service
  bool HasSuccessor(const Place& place, const Departure& departure, const Standing& standing) const;

  std::map<Pool, std::vector<topology::Endpoint>> current_;
  std::map<Place, Departure> departures_;
};

// One address for each name of `topology`, for what only plays with a configuration and looks up
// nothing: of the block that is kept for tests (RFC 2544), no two alike. The number of names.
size_t StandIn(topology::Topology& topology);

}  // namespace meridian::resolve
