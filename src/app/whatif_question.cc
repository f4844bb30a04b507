// See whatif_question.h.
#include "whatif_question.h"

#include <meridian/base/format.h>
#include <meridian/base/text.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace meridian::app {
namespace {

std::string Unknown(const char* field, const std::string& name, const char* noun,
                    const std::vector<std::string_view>& known) {
  const auto nearest = NearestName(name, known);
  return Format("{}: '{}' is not a {}{}", field, name, noun,
                nearest ? Format("; did you mean '{}'?", *nearest) : std::string());
}

}  // namespace

tl::expected<simulate::Question, std::string> QuestionOf(const admin::WhatIfRequest& given,
                                                         const config::Config& config) {
  simulate::Question question;
  for (const std::string& target : given.down) {
    if (config::FindTargets(config, target).empty()) {
      return tl::unexpected("down: " + config::NoTarget(config, target));
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
    if (!lag) return tl::unexpected(Format("lag: '{}' is not SITE=DURATION", text));
    if (std::find(sites.begin(), sites.end(), site) == sites.end()) {
      return tl::unexpected(Unknown("lag", site, "site", sites));
    }
    question.lag.emplace_back(site, *lag);
  }
  if (!given.service.empty() &&
      std::find(services.begin(), services.end(), given.service) == services.end()) {
    return tl::unexpected(Unknown("service", given.service, "service", services));
  }
  question.service = given.service;
  if (!given.rate.empty()) {
    char* end = nullptr;
    question.rate = std::strtod(given.rate.c_str(), &end);
    if (*end != '\0' || !std::isfinite(question.rate) || question.rate < 0 || question.rate > 100) {
      return tl::unexpected(Format("rate: '{}' is not a number from 0 to 100", given.rate));
    }
  }
  if (!given.sessions.empty()) {
    question.sessions = ParseUnsigned(given.sessions);
    if (!question.sessions || *question.sessions == 0 || *question.sessions > 100'000'000) {
      return tl::unexpected(
          Format("sessions: '{}' is not a number from 1 to 100,000,000", given.sessions));
    }
  }
  return question;
}

}  // namespace meridian::app
