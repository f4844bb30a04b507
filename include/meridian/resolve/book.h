// What is known of names: which are asked for when, what they last answered, and what they answered
// last that was good. Pure: time comes in, questions come out; whoever owns it asks them.
//
//   due ── Due ──► asked (A and AAAA together, or SRV) ── Take of all ──► judged ──► due again
//          good: after its TTL, within min_ttl and max_ttl; bad: after min_ttl, twice that, …
//
// An answer that is empty, or none at all, is bad: what the name answered before goes on. Of a name
// with one family found, the other's emptiness is believed, its failure is not. The targets of an
// SRV answer are names like the others for as long as it names them.
// Bounds: topology::kMaxNames followed, kMaxAddresses targets of an SRV, kMaxAsked questions at
// once.
#pragma once

#include <meridian/base/metrics.h>
#include <meridian/net/random.h>
#include <meridian/resolve/answer.h>
#include <meridian/topology/topology.h>

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace meridian::resolve {

class Book {
 public:
  static constexpr size_t kMaxAsked = 64;
  static constexpr Duration kMaxBackOff = std::chrono::seconds(30);

  explicit Book(uint64_t seed) : random_(seed) {}

  // From now on these are known, and no others.
  void Follow(const std::vector<topology::EndpointName>& names,
              const topology::ResolverPolicy& policy, MonotonicTime now);
  // What is to be asked now, and is under way until its Take. Due longest first, then by name.
  std::vector<Question> Due(MonotonicTime now);
  // When Due has something again; empty: nothing before another Take.
  std::optional<MonotonicTime> Next() const;
  // Ignored unless it was asked for.
  void Take(const Question& question, Answer answer, MonotonicTime now);
  // Nobody will answer what is under way: it is due again.
  void AskAgain(MonotonicTime now);

  // Whether each name, targets included, has been answered once, well or badly.
  bool AllJudged() const;

  // What a name stands for: sorted by priority, then address; at most topology::kMaxAddresses.
  // Of SRV the weights are those of its records, a target's shared by its addresses. A weight of 0
  // beside others is a hundredth of the least there can be, not nothing (RFC 2782: "a very small
  // proportion"); all 0 are all alike.
  struct Addresses {
    std::vector<topology::Endpoint> endpoints;
    size_t left_out = 0;
  };
  Addresses Of(const topology::EndpointName& name) const;

  // Names that turned from good to bad or back since the last call; the first good answer of all is
  // no turn.
  struct Turn {
    std::string name;
    bool good = false;
    Outcome outcome = Outcome::kEmpty;
    bool has_any = false;  // an answer of before goes on
  };
  std::vector<Turn> TakeTurns() { return std::exchange(turns_, {}); }

  // Whether what names stand for may have changed since the last call.
  bool TakeChanged() { return std::exchange(changed_, false); }

  void Collect(MetricSink& sink, MonotonicTime now) const;

 private:
  using Key = std::pair<std::string, bool>;  // name, whether SRV
  struct Entry {
    MonotonicTime next{};
    std::array<Answer, 2> answers;  // of the lookup under way: A and AAAA, or SRV alone
    uint8_t awaited = 0;
    uint32_t failures = 0;  // in a row
    bool judged = false, good = false;
    std::optional<MonotonicTime> good_at;
    std::vector<net::IpAddress> v4, v6;   // sorted, of the last good answers
    std::vector<ServiceRecord> services;  // likewise
    std::array<uint64_t, kOutcomes> counts{};
  };

  void KeepWanted(MonotonicTime now);
  void Judge(const Key& key, Entry& entry, MonotonicTime now);
  Outcome JudgeHost(Entry& entry) const;
  Outcome JudgeService(Entry& entry) const;
  Duration Delay(const Entry& entry, Duration ttl);
  std::vector<net::IpAddress> HostOf(const std::string& name) const;
  std::vector<topology::Endpoint> OfHost(const topology::EndpointName& name) const;
  std::vector<topology::Endpoint> OfService(const topology::EndpointName& name) const;

  net::Xoshiro random_;
  topology::ResolverPolicy policy_;
  std::vector<topology::EndpointName> followed_;
  std::map<Key, Entry> entries_;
  std::set<Question> asked_;
  std::vector<Turn> turns_;
  bool changed_ = false;
};

}  // namespace meridian::resolve
