// From a scenario's tree to its value: references into the configuration, ranges, and what needs
// more than one key to be judged. Bounded like a configuration, plus the bounds below.
#include <meridian/config/scenario.h>

#include "config/document.h"
#include "config/scenario_keys.h"
#include "config/sources.h"
#include "config/validate.h"
#include "config/values.h"
#include "config/view.h"

#include <meridian/base/format.h>
#include <meridian/base/text.h>

#include <algorithm>

namespace meridian::config {
namespace {

constexpr size_t kMaxLoads = 1000;
constexpr size_t kMaxSteps = 1000;
// Sessions that a scenario may begin: what one run can play in a minute or two.
constexpr double kMaxSessions = 5e6;
constexpr std::string_view kServiceStates[] = {"normal",      "activating",  "blocked",
                                               "failed-over", "reconciling", "ready",
                                               "switching",   "split-brain"};
constexpr std::string_view kSiteStates[] = {"up", "degraded", "draining", "down", "out"};

using NameList = std::vector<std::string_view>;

NameList SitesOf(const Config& config) {
  NameList names;
  for (const topology::Site& site : config.topology.sites) names.push_back(site.name);
  return names;
}

NameList ServicesOf(const Config& config) {
  NameList names;
  for (const topology::Service& service : config.topology.services) names.push_back(service.name);
  return names;
}

NameList TargetsOf(const Config& config) {
  NameList names = SitesOf(config);
  for (const topology::Site& site : config.topology.sites) {
    if (std::find(names.begin(), names.end(), site.region) == names.end())
      names.push_back(site.region);
  }
  return names;
}

std::string Hint(std::string_view text, const NameList& known) {
  const std::string near = DidYouMean(text, known);
  return near.empty() ? "; expected " + Alternatives(known) : near;
}

class ScenarioBuilder {
 public:
  ScenarioBuilder(const Config& config, Report& report)
      : config_(config),
        report_(report),
        sites_(SitesOf(config)),
        services_(ServicesOf(config)),
        ends_(sites_) {
    ends_.push_back(kMeridian);
  }

  Scenario Build(const View& root) {
    Read(root, "duration", scenario_.duration);
    const std::vector<View> loads = root["load"].Entries();
    if (loads.size() > kMaxLoads) Error(root["load"], Format("more than {} entries", kMaxLoads));
    for (const View& view : loads) BuildLoad(view);
    CheckVolume(root);
    const std::vector<View> steps = root["steps"].Entries();
    if (steps.size() > kMaxSteps) Error(root["steps"], Format("more than {} entries", kMaxSteps));
    for (const View& view : steps) BuildStep(view);
    std::stable_sort(scenario_.steps.begin(), scenario_.steps.end(),
                     [](const Step& a, const Step& b) { return a.at < b.at; });
    return std::move(scenario_);
  }

 private:
  void Error(const View& view, const std::string& what) {
    report_.Error(view.is_scalar() ? view.place() : view.at(), view.path() + ": " + what);
  }

  // The text of a key that must be one of `known`; empty if it is absent or not.
  std::string Reference(const View& map, std::string_view key, const NameList& known,
                        const char* noun) {
    const View value = map[key];
    return value ? Reference(value, known, noun) : std::string();
  }
  std::string Reference(const View& value, const NameList& known, const char* noun) {
    if (std::find(known.begin(), known.end(), value.text()) != known.end()) return value.text();
    Error(value, Format("{} is not {}{}", Quote(value.text()), noun, Hint(value.text(), known)));
    return {};
  }

  void BuildLoad(const View& view) {
    Load load;
    load.service = Reference(view, "service", services_, "a service");
    Read(view, "rate", load.rate);
    Read(view, "session", load.session);
    Read(view, "reads", load.reads);
    Read(view, "name", load.name);
    Place place;
    if (const View latitude = view["latitude"]) place.latitude = ParseNumber(latitude.text());
    if (const View longitude = view["longitude"]) place.longitude = ParseNumber(longitude.text());
    Read(view, "country", place.country);
    Read(view, "continent", place.continent);
    const bool is_placed = view.Has("latitude") || view.Has("longitude") || view.Has("country") ||
                           view.Has("continent");
    if (is_placed && view.Has("clients")) {
      Error(view["clients"], "a place is given too; expected one of both");
    } else if (const View clients = view["clients"]) {
      load.clients = net::Prefix::Parse(clients.text());
    } else if (view.Has("latitude") != view.Has("longitude")) {
      Error(view, "latitude and longitude belong together");
    } else if (!is_placed && !view.Has("clients")) {
      Error(view, "says not who comes; expected clients, or latitude and longitude");
    } else {
      load.place = place;
    }
    if (load.name.empty()) load.name = NameOf(load);
    scenario_.load.push_back(std::move(load));
  }

  static std::string NameOf(const Load& load) {
    if (load.clients) return load.clients->ToString();
    if (!load.place) return {};
    std::string name = load.place->country.empty() ? load.place->continent : load.place->country;
    if (!load.place->latitude) return name;
    return Format("{:.2f}, {:.2f}{}{}", *load.place->latitude, *load.place->longitude,
                  name.empty() ? "" : " ", name);
  }

  void CheckVolume(const View& root) {
    double sessions = 0;
    for (const Load& load : scenario_.load) {
      const double seconds =
          std::chrono::duration<double>(scenario_.duration + load.session).count();
      sessions += load.rate * seconds;
    }
    if (sessions <= kMaxSessions) return;
    Error(root["load"], Format("{} sessions in all; at most {} can be played",
                               GroupThousands(static_cast<uint64_t>(sessions)),
                               GroupThousands(static_cast<uint64_t>(kMaxSessions))));
  }

  void BuildStep(const View& view) {
    Step step;
    Read(view, "at", step.at);
    if (view["at"] && step.at > scenario_.duration && scenario_.duration > Duration(0)) {
      Error(view["at"], Format("{} is after the end, {}", FormatDuration(step.at),
                               FormatDuration(scenario_.duration)));
    }
    step.down = ReadTargets(view, "down");
    step.up = ReadTargets(view, "up");
    step.drain = ReadTargets(view, "drain");
    step.undrain = ReadTargets(view, "undrain");
    step.partition = ReadEnds(view, "partition");
    step.heal = ReadEnds(view, "heal");
    if (const View deadline = view["deadline"]) {
      step.deadline = ParseDuration(deadline.text());
      if (step.drain.empty() && !view.Has("drain")) Error(deadline, "belongs to a drain");
    }
    for (const auto& [site, value] : view["lag"].Named()) {
      if (CheckSite(value, site)) step.lag.emplace_back(site, *ParseDuration(value.text()));
    }
    for (const auto& [site, value] : view["lag_growth"].Named()) {
      if (CheckSite(value, site)) step.lag_growth.emplace_back(site, *ParseNumber(value.text()));
    }
    if (const View rate = view["rate"]) step.rate = ParseNumber(rate.text());
    ReadOrders(view, step);
    for (const View& expected : view["expect"].Entries()) {
      step.expect.push_back(BuildExpectation(expected));
    }
    if (view.IsSound() && view.size() < 2) Error(view, "nothing happens at this time");
    scenario_.steps.push_back(std::move(step));
  }

  bool CheckSite(const View& value, const std::string& site) {
    if (std::find(sites_.begin(), sites_.end(), site) != sites_.end()) return true;
    report_.Error(value.at(),
                  Format("{}: {} is not a site{}", value.path(), Quote(site), Hint(site, sites_)));
    return false;
  }

  std::vector<std::string> ReadTargets(const View& map, std::string_view key) {
    std::vector<std::string> targets;
    for (const View& entry : map[key].Entries()) {
      if (FindTargets(config_, entry.text()).empty()) {
        Error(entry, NoTarget(config_, entry.text()));
      } else {
        targets.push_back(entry.text());
      }
    }
    return targets;
  }

  std::optional<std::pair<std::string, std::string>> ReadEnds(const View& map,
                                                              std::string_view key) {
    const View list = map[key];
    if (!list) return std::nullopt;
    std::vector<std::string> ends;
    for (const View& entry : list.Entries()) {
      ends.push_back(Reference(entry, ends_, "a site, nor meridian"));
    }
    if (ends.size() != 2 || (ends[0] == ends[1] && !ends[0].empty())) {
      Error(list, Format("expected two ends, such as [meridian, {}]",
                         sites_.empty() ? std::string_view("a site") : sites_[0]));
      return std::nullopt;
    }
    if (ends[0].empty() || ends[1].empty()) return std::nullopt;
    if (ends[1] == kMeridian) std::swap(ends[0], ends[1]);
    return std::pair(ends[0], ends[1]);
  }

  void ReadOrders(const View& view, Step& step) {
    if (const View order = view["failover"]) {
      FailoverStep failover;
      failover.service = RecoveryService(order, "service");
      failover.to = Reference(order, "to", sites_, "a site");
      Read(order, "force", failover.force);
      step.failover = std::move(failover);
    }
    step.failback = RecoveryService(view, "failback");
    step.acknowledge = RecoveryService(view, "acknowledge");
    const View automation = view["automation"];
    if (!automation) return;
    std::vector<std::string_view> words = SplitWords(automation.text());
    if (words.empty() || words.size() > 2 || (words[0] != "on" && words[0] != "off")) {
      return Error(automation, Format("{} is not such an order; expected on or off, and maybe a "
                                      "service",
                                      Quote(automation.text())));
    }
    step.automation = AutomationStep{words[0] == "on", {}};
    if (words.size() == 1) return;
    step.automation->service = words[1];
    if (std::find(services_.begin(), services_.end(), words[1]) == services_.end()) {
      Error(automation,
            Format("{} is not a service{}", Quote(words[1]), Hint(words[1], services_)));
    }
  }

  // A service whose mode is disaster-recovery.
  std::string RecoveryService(const View& map, std::string_view key) {
    const std::string name = Reference(map, key, services_, "a service");
    for (const topology::Service& service : config_.topology.services) {
      if (service.name == name && service.mode != topology::Mode::kDisasterRecovery) {
        Error(map[key], Format("{} is {}; this is for disaster-recovery", Quote(name),
                               topology::Name(service.mode)));
      }
    }
    return name;
  }

  Expectation BuildExpectation(const View& view) {
    Expectation expected;
    const Spot at = view.place();
    expected.where = report_.ToString({at.file, at.line, at.column});
    expected.where.resize(expected.where.rfind(':'));
    expected.service = Reference(view, "service", services_, "a service");
    expected.site = Reference(view, "site", sites_, "a site");
    expected.active = Reference(view, "active", sites_, "a site");
    ReadState(view, expected);
    expected.epoch = ReadRange(view, "epoch");
    expected.sessions = ReadRange(view, "sessions");
    expected.share = ReadRange(view, "share");
    expected.peak = ReadRange(view, "peak");
    expected.refused = ReadRange(view, "refused");
    expected.lost = ReadRange(view, "lost");
    expected.at_risk = ReadRange(view, "at_risk");
    const bool is_recovery = !expected.active.empty() || expected.epoch || expected.at_risk ||
                             (!expected.state.empty() && expected.site.empty());
    if (is_recovery) RecoveryService(view, "service");
    if (is_recovery && !view.Has("service")) Error(view, "needs a service");
    if ((expected.peak || (expected.share && !view.Has("service"))) && !view.Has("site")) {
      Error(view, "needs a site");
    }
    expected.text = TextOf(view);
    return expected;
  }

  void ReadState(const View& view, Expectation& expected) {
    const View state = view["state"];
    if (!state) return;
    const std::span<const std::string_view> known =
        view.Has("site") ? std::span<const std::string_view>(kSiteStates) : kServiceStates;
    if (std::find(known.begin(), known.end(), state.text()) == known.end()) {
      const std::string near = DidYouMean(state.text(), known);
      return Error(state, Format("{} is not a state of a {}{}", Quote(state.text()),
                                 view.Has("site") ? "site" : "disaster-recovery service",
                                 near.empty() ? "; expected " + Alternatives(known) : near));
    }
    expected.state = state.text();
  }

  // "3", "3-5", "40%-60%", "0s-5s": both ends of one kind.
  std::optional<Range> ReadRange(const View& map, std::string_view key) {
    const View value = map[key];
    if (!value) return std::nullopt;
    const std::string_view text = value.text();
    const size_t dash = text.find('-');
    const auto least = ReadEnd(text.substr(0, dash));
    const auto most = dash == std::string_view::npos ? least : ReadEnd(text.substr(dash + 1));
    if (least && most && *least <= *most) return Range{*least, *most};
    Error(value,
          Format("{} is not a range; expected such as 5, 100-200, 45%-55% or 0s-5s", Quote(text)));
    return std::nullopt;
  }
  static std::optional<double> ReadEnd(std::string_view text) {
    if (const auto share = ParseShare(text)) return share;
    if (const auto number = ParseNumber(text)) return number;
    const auto duration = ParseDuration(text);
    if (!duration) return std::nullopt;
    return std::chrono::duration<double>(*duration).count();
  }

  // "billing: active dallas, state failed-over"
  static std::string TextOf(const View& view) {
    std::string head, text;
    for (const std::string_view key : {"service", "site"}) {
      if (const View value = view[key]) head += (head.empty() ? "" : " at ") + value.text();
    }
    for (const std::string_view key :
         {"active", "state", "epoch", "sessions", "share", "peak", "refused", "lost", "at_risk"}) {
      const View value = view[key];
      if (!value) continue;
      text += Format("{}{} {}", text.empty() ? "" : ", ", key == "at_risk" ? "at risk" : key,
                     value.text());
    }
    return head.empty() ? text : head + ": " + text;
  }

  const Config& config_;
  Report& report_;
  NameList sites_, services_, ends_;
  Scenario scenario_;
};

LoadedScenario Finish(std::optional<Node> tree, const Config& config, Report& report) {
  LoadedScenario loaded;
  if (tree) {
    const Spot start{0, 1, 1};
    Validate(*tree, ScenarioSpec(), "", start, report);
    Scenario scenario;
    if (tree->valid) scenario = ScenarioBuilder(config, report).Build(View(*tree, "", start));
    if (!report.has_errors()) loaded.scenario = std::move(scenario);
  }
  loaded.diagnostics = report.Take();
  return loaded;
}

}  // namespace

LoadedScenario LoadScenario(const std::string& path, const Config& config) {
  Report report;
  const uint32_t file = report.AddFile(path);
  FileText text = ReadFile(path);
  std::optional<Node> tree;
  uint64_t nodes = 0;
  if (!text.problem.empty()) {
    report.Error({file, 0, 0}, text.problem);
  } else {
    tree = ParseYaml(text.text, file, nodes, report);
  }
  return Finish(std::move(tree), config, report);
}

LoadedScenario LoadScenarioText(std::string_view yaml, const std::string& name,
                                const Config& config) {
  Report report;
  const uint32_t file = report.AddFile(name);
  uint64_t nodes = 0;
  return Finish(ParseYaml(yaml, file, nodes, report), config, report);
}

std::vector<Target> FindTargets(const Config& config, std::string_view name) {
  std::vector<Target> targets;
  for (const topology::Site& site : config.topology.sites) {
    if (site.name == name || site.region == name) targets.push_back({site.name, {}});
  }
  if (!targets.empty()) return targets;
  const size_t slash = name.find('/');
  if (slash == std::string_view::npos) return targets;
  const std::string_view address = name.substr(slash + 1);
  for (const topology::Site& site : config.topology.sites) {
    if (site.name != name.substr(0, slash)) continue;
    for (const auto& [service, endpoints] : site.services) {
      for (const topology::Endpoint& endpoint : endpoints) {
        if (endpoint.address == address) return {{site.name, endpoint.address}};
      }
    }
  }
  return targets;
}

std::string NoTarget(const Config& config, std::string_view name) {
  NameList known = TargetsOf(config);
  std::vector<std::string> endpoints;
  const size_t slash = name.find('/');
  if (slash != std::string_view::npos) {
    for (const topology::Site& site : config.topology.sites) {
      if (site.name != name.substr(0, slash)) continue;
      for (const auto& [service, list] : site.services) {
        for (const auto& endpoint : list) endpoints.push_back(site.name + "/" + endpoint.address);
      }
    }
    if (!endpoints.empty()) known.assign(endpoints.begin(), endpoints.end());
  }
  return Format("{} is not a region, site or site/endpoint{}", Quote(name), Hint(name, known));
}

}  // namespace meridian::config
