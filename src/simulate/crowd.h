// The clients and their sessions. Each new session, and each that lost its endpoint, asks a Walk
// as the data path does, tries what it is given and goes on to the next candidate when that does
// not answer, which is also how traffic notices a failure. A session in use counts at its endpoint
// and its site, so that capacity and spill are the live ones.
//
// Clients are patient: one that is refused tries again about every second until its session would
// have ended; then that session is lost. One whose connection breaks comes back within a second.
#pragma once

#include <meridian/net/random.h>
#include <meridian/routing/decide.h>
#include <meridian/simulate/report.h>

#include <functional>
#include <string>
#include <vector>

#include "simulate/agenda.h"
#include "simulate/checks.h"
#include "simulate/chronicle.h"
#include "simulate/nature.h"

namespace meridian::simulate {

// Sessions that come from one block of addresses.
struct Stream {
  ServiceId service;
  net::Prefix clients;
  double rate = 0;  // a second
  Duration session{};
  double reads = 0;  // share
};

class Crowd {
 public:
  // What all parts of a world share; outlives the crowd.
  struct Context {
    Agenda& agenda;
    net::Random& random;
    health::Registry& registry;
    const routing::Table& table;
    const Nature& nature;
    Checks& checks;
    Chronicle& chronicle;
  };
  explicit Crowd(const Context& context);

  // Sessions as many as a stream has when it has flowed for long, then the stream.
  void Open(std::vector<Stream> streams);
  void SetRate(double factor);
  // A session without end, `weight` of them alike; decided at once. Its number.
  size_t Settle(ServiceId service, const net::IpAddress& client, uint64_t weight);
  // Decides again where those are that Settle placed and whose endpoint is not usable any more.
  void Resettle(size_t number);
  // Where it is; !ok(): nowhere.
  SiteId SiteOf(size_t number) const;
  // Precondition: it is somewhere.
  const routing::Endpoint& EndpointOf(size_t number) const {
    return context_.table.endpoint(visits_[number].endpoint);
  }
  void Dismiss(size_t number) { End(number); }

  // Ends the connections of sessions at endpoints that `lost` names; their clients come back.
  void Break(const std::function<bool(const routing::Endpoint&, bool is_read)>& lost);
  // From now on counts anew.
  void StartCounting();

  uint64_t Sessions(ServiceId service, SiteId site) const { return At(service, site).sessions; }
  uint64_t SessionsAt(SiteId site) const;
  uint64_t SessionsOf(ServiceId service) const;
  uint64_t unserved() const { return unserved_; }
  uint64_t peak(SiteId site) const { return peaks_[site.value].sessions; }
  Duration peak_at(SiteId site) const { return peaks_[site.value].at; }
  // A service's counts so far; names and recovery are the caller's to fill.
  const ServiceReport& tally(ServiceId service) const { return tallies_[service.value]; }
  // Waits that go on count too.
  Duration LongestWait(ServiceId service) const;

  // What a controller wants to be told, since the last call.
  struct Since {
    uint64_t moved = 0, refused = 0;
    bool has_success = false;
  };
  Since TakeSince(ServiceId service, SiteId site);

 private:
  struct Visit {
    net::IpAddress client;
    std::string key;  // of its session
    ServiceId service;
    EndpointId endpoint;  // !ok(): nothing serves it
    SiteId last_site;
    uint64_t weight = 1;
    uint32_t serial = 0;  // tells one use of this place from the next
    bool is_live = false, is_read = false, is_settled = false, is_held = false;
    bool is_refused = false;  // at its last try
    MonotonicTime waits_since{};
  };
  struct Cell {
    uint64_t sessions = 0;
    Since since;
  };
  struct Peak {
    uint64_t sessions = 0;
    Duration at{};
    bool is_full = false;
  };

  const Cell& At(ServiceId service, SiteId site) const {
    return cells_[service.value * context_.table.sites().size() + site.value];
  }
  Cell& At(ServiceId service, SiteId site) {
    return cells_[service.value * context_.table.sites().size() + site.value];
  }
  size_t Begin(const Stream& stream, Duration length);
  size_t Make();
  void Arrive(size_t stream, uint64_t turn);
  void ScheduleArrival(size_t stream);
  void Try(size_t number);
  void TryIn(size_t number, Duration delay);
  void Serve(size_t number, const routing::Walk& walk, const routing::Choice& choice);
  void Refuse(size_t number, routing::NoChoice why);
  void Hold(size_t number);
  void Failed(const routing::Endpoint& endpoint);
  void Leave(Visit& visit);  // its endpoint
  void End(size_t number);
  void NotePeak(SiteId site);
  net::IpAddress ClientOf(const net::Prefix& block);
  Duration Share(Duration of);  // a random part

  const Context context_;
  std::vector<Stream> streams_;
  struct Flow {
    MonotonicTime slot{};  // one session comes in each; slots are as long as the rate says
    uint64_t turn = 0;     // an arrival scheduled for an earlier rate is void
  };
  std::vector<Flow> flows_;  // by stream
  double factor_ = 1;
  std::vector<Visit> visits_;
  std::vector<size_t> free_;
  std::vector<Cell> cells_;             // by service and site
  std::vector<Peak> peaks_;             // by site
  std::vector<ServiceReport> tallies_;  // by service
  uint64_t unserved_ = 0;
};

}  // namespace meridian::simulate
