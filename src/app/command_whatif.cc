// meridian whatif: who would go where if something failed.
#include <meridian/base/format.h>
#include <meridian/base/text.h>
#include <meridian/config/scenario.h>
#include <meridian/simulate/simulate.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "commands.h"
#include "live_call.h"
#include "simulate_json.h"

namespace meridian::app {
namespace {

constexpr const char* kHelp =
    "Takes regions, sites or endpoints down in a model of the configuration and lets the very "
    "code\n"
    "that routes and fails over answer: who goes where, the load on each site before and after,\n"
    "whether a disaster-recovery service would move, when, and what that would put at risk.\n"
    "The clients are the networks that geo.networks and the databases know, each as many as any\n"
    "other; 60 % of the capacity is used unless --sessions says otherwise (1,000 where no site "
    "has\n"
    "a capacity).\n"
    "Exit status 1 if a client would have no site, or a site would pass its capacity.\n"
    "Examples:\n"
    "  meridian whatif -c meridian.yaml --down eu-west\n"
    "  meridian whatif -c meridian.yaml --down dallas --lag atlanta=45s --rate 1.3";

struct Given {
  std::string file, service, rate, sessions;
  std::vector<std::string> down, lag;
};

int Fault(const std::string& what) {
  std::fprintf(stderr, "meridian whatif: %s\n", what.c_str());
  return kUsage;
}

std::string Unknown(const char* option, const std::string& name, const char* noun,
                    const std::vector<std::string_view>& known) {
  const auto nearest = NearestName(name, known);
  return Format("{}: '{}' is not a {}{}", option, name, noun,
                nearest ? Format("; did you mean '{}'?", *nearest) : std::string());
}

// What the options say, checked against the configuration. An error is a sentence.
tl::expected<simulate::Question, std::string> QuestionOf(const Given& given,
                                                         const config::Config& config) {
  simulate::Question question;
  for (const std::string& target : given.down) {
    if (config::FindTargets(config, target).empty()) {
      return tl::unexpected("--down: " + config::NoTarget(config, target));
    }
  }
  question.down = given.down;
  std::vector<std::string_view> sites, services;
  for (const topology::Site& site : config.topology.sites) sites.push_back(site.name);
  for (const topology::Service& service : config.topology.services) {
    services.push_back(service.name);
  }
  for (const std::string& text : given.lag) {
    const size_t equals = text.find('=');
    const std::string site = text.substr(0, equals);
    const auto lag =
        equals == std::string::npos ? std::nullopt : ParseDuration(text.substr(equals + 1));
    if (!lag) return tl::unexpected(Format("--lag: '{}' is not SITE=DURATION", text));
    if (std::find(sites.begin(), sites.end(), site) == sites.end()) {
      return tl::unexpected(Unknown("--lag", site, "site", sites));
    }
    question.lag.emplace_back(site, *lag);
  }
  if (!given.service.empty() &&
      std::find(services.begin(), services.end(), given.service) == services.end()) {
    return tl::unexpected(Unknown("--service", given.service, "service", services));
  }
  question.service = given.service;
  if (!given.rate.empty()) {
    char* end = nullptr;
    question.rate = std::strtod(given.rate.c_str(), &end);
    if (*end != '\0' || !std::isfinite(question.rate) || question.rate < 0 || question.rate > 100) {
      return tl::unexpected(Format("--rate: '{}' is not a number from 0 to 100", given.rate));
    }
  }
  if (!given.sessions.empty()) {
    question.sessions = ParseUnsigned(given.sessions);
    if (!question.sessions || *question.sessions == 0 || *question.sessions > 100'000'000) {
      return tl::unexpected(
          Format("--sessions: '{}' is not a number from 1 to 100,000,000", given.sessions));
    }
  }
  return question;
}

}  // namespace

int WhatIfCommand(const Command& self, Arguments arguments) {
  Given given;
  bool json = false;
  CommandLine line(self.name, self.summary, kHelp);
  line.Option("-c,--config", given.file, "FILE", "the configuration", CommandLine::Need::kRequired);
  line.Option("--down", given.down, "NAME", "a region, site or site/endpoint; may be repeated");
  line.Option("--lag", given.lag, "SITE=TIME", "how far its replication lags; may be repeated");
  line.Option("--rate", given.rate, "FACTOR", "times the load, once it is down");
  line.Option("--service", given.service, "NAME", "only this service's clients");
  line.Option("--sessions", given.sessions, "N", "sessions at once, all together");
  line.Flag("--json", json, "the answer as one JSON object");
  if (const auto status = line.Parse(arguments)) return *status;
  const std::optional<config::Config> config = LoadToPlay(given.file);
  if (!config) return kFailed;
  const auto question = QuestionOf(given, *config);
  if (!question) return Fault(question.error());
  const simulate::Answer answer = simulate::WhatIf(*config, *question);
  for (const std::string& error : answer.errors) {
    std::fprintf(stderr, "%s: error: %s\n", given.file.c_str(), error.c_str());
  }
  if (!answer.report) return kFailed;
  PrintText(json ? ToJson(*answer.report) : simulate::Describe(*answer.report, ColorOutput()));
  return answer.report->holds() ? kDone : kFailed;
}

}  // namespace meridian::app
