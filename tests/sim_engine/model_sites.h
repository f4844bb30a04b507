// The sites of the simulation: each holds a log of acknowledged writes, a role and the highest
// epoch it was told. A primary takes writes whose epoch is not below its own; a standby streams
// from its source until it reaches a primary with a higher epoch; a write with a higher epoch
// promotes.
// A log that has diverged is set aside, never thrown away, before it follows again.
#pragma once

#include <meridian/failover/observation.h>
#include <meridian/net/random.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace meridian::failover::sim {

struct Write {
  MonotonicTime acknowledged{};
  uint64_t epoch = 0;
  bool is_counted = false;  // acknowledged to a client of Meridian
};

struct ModelSite {
  bool is_alive = true;
  Role role = Role::kStandby;
  uint64_t epoch = 0;
  std::vector<uint32_t> log;  // indices into Sites::writes
  size_t source = 0;
  uint64_t source_epoch = 0;
  MonotonicTime caught_up{};  // when it last had all that its source had
  bool is_connected = false;
  bool is_applying = true;  // false: replication stands still
  size_t set_aside = 0;     // writes kept from a log that had diverged
};

class Sites {
 public:
  Sites(size_t count, double demotion, net::Random& random)
      : sites_(count), cut_(count, std::vector<bool>(count)), demotion_(demotion), random_(random) {
    sites_[0].role = Role::kPrimary;
  }

  ModelSite& operator[](size_t i) { return sites_[i]; }
  size_t size() const { return sites_.size(); }
  void Cut(size_t a, size_t b, bool is_cut) { cut_[a][b] = cut_[b][a] = is_cut; }
  const Write& write(uint32_t index) const { return writes_[index]; }

  // A client's write under an epoch. False: refused.
  bool Append(size_t i, uint64_t epoch, MonotonicTime now) {
    ModelSite& site = sites_[i];
    if (!site.is_alive || site.epoch > epoch) return false;
    if (site.role != Role::kPrimary && site.epoch == epoch) return false;
    site.role = Role::kPrimary;
    site.epoch = epoch;
    site.log.push_back(Add({now, epoch, true}));
    return true;
  }

  // A tenth of a second of replication, demotion, and writes that clients of a cut-off primary
  // make.
  void Step(size_t active, MonotonicTime now) {
    for (size_t i = 0; i < sites_.size(); ++i) {
      ModelSite& site = sites_[i];
      if (!site.is_alive) {
        site.is_connected = false;
        continue;
      }
      if (site.role == Role::kPrimary) {
        Reign(site, i, active, now);
      } else {
        Follow(site, i, now);
      }
    }
  }

  ReplicationStatus StatusOf(size_t i, MonotonicTime now) const {
    const ModelSite& site = sites_[i];
    ReplicationStatus status;
    status.at = now;
    status.role = site.role;
    if (site.epoch > 0) status.epoch = site.epoch;
    status.position_bytes = site.log.size();
    if (site.role == Role::kStandby) {
      status.source_connected = site.is_connected;
      if (site.caught_up != MonotonicTime{}) status.lag = now - site.caught_up;
    }
    return status;
  }

  // The acknowledged writes of one site that another does not have; set aside is not had.
  std::vector<uint32_t> Missing(size_t from, size_t to) const {
    const std::set<uint32_t> had(sites_[to].log.begin(), sites_[to].log.end());
    std::vector<uint32_t> missing;
    for (const uint32_t index : sites_[from].log) {
      if (writes_[index].is_counted && !had.contains(index)) missing.push_back(index);
    }
    return missing;
  }

 private:
  uint32_t Add(Write write) {
    writes_.push_back(write);
    return static_cast<uint32_t>(writes_.size() - 1);
  }
  bool Chance(double share) { return Unit(random_.Next()) < share; }

  // The primary with the highest epoch that it can reach.
  size_t BestFor(size_t i) const {
    size_t best = sites_.size();
    for (size_t j = 0; j < sites_.size(); ++j) {
      if (j == i || !sites_[j].is_alive || cut_[i][j] || sites_[j].role != Role::kPrimary) continue;
      if (best == sites_.size() || sites_[j].epoch > sites_[best].epoch) best = j;
    }
    return best;
  }

  // Nothing but a higher epoch makes it turn away from the source it has.
  size_t SourceOf(size_t i) {
    ModelSite& site = sites_[i];
    const size_t best = BestFor(i);
    if (best < sites_.size() && sites_[best].epoch > site.source_epoch) site.source = best;
    const size_t from = site.source;
    const bool is_there =
        from != i && sites_[from].is_alive && !cut_[i][from] && sites_[from].role == Role::kPrimary;
    if (is_there) site.source_epoch = sites_[from].epoch;
    return is_there ? from : sites_.size();
  }

  void Reign(ModelSite& site, size_t i, size_t active, MonotonicTime now) {
    const size_t other = BestFor(i);
    if (other < sites_.size() && sites_[other].epoch > site.epoch && Chance(demotion_)) {
      site.role = Role::kStandby;
      site.caught_up = {};
      return;
    }
    if (i != active && Chance(0.01)) site.log.push_back(Add({now, site.epoch, false}));
  }

  void Follow(ModelSite& site, size_t i, MonotonicTime now) {
    const size_t from = SourceOf(i);
    site.is_connected = from < sites_.size() && sites_[from].epoch >= site.epoch;
    if (!site.is_connected) return;
    const ModelSite& source = sites_[from];
    const bool is_prefix = site.log.size() <= source.log.size() &&
                           (site.log.empty() || site.log.back() == source.log[site.log.size() - 1]);
    if (!is_prefix) {
      site.is_connected = false;
      site.caught_up = {};
      if (Chance(0.05)) Rewind(site, source);
      return;
    }
    if (!site.is_applying || Chance(0.2)) return;
    const size_t end = std::min(source.log.size(), site.log.size() + 20);
    for (size_t k = site.log.size(); k < end; ++k) site.log.push_back(source.log[k]);
    if (site.log.size() < source.log.size()) return;
    site.caught_up = now;
    site.epoch = source.epoch;
  }

  static void Rewind(ModelSite& site, const ModelSite& source) {
    size_t common = 0;
    while (common < site.log.size() && common < source.log.size() &&
           site.log[common] == source.log[common]) {
      ++common;
    }
    site.set_aside += site.log.size() - common;
    site.log.resize(common);
  }

  std::vector<ModelSite> sites_;
  std::vector<std::vector<bool>> cut_;
  std::vector<Write> writes_;
  double demotion_;
  net::Random& random_;
};

}  // namespace meridian::failover::sim
