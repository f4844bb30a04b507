// meridian whatif: who would go where if something failed.
#include <meridian/config/scenario.h>
#include <meridian/simulate/simulate.h>

#include <cstdio>
#include <utility>

#include "commands.h"
#include "live_call.h"
#include "simulate_json.h"
#include "whatif_question.h"

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
    "a capacity). Without -c the running instance answers: with the sessions it has now, if any, "
    "and\n"
    "with what is down or drained already.\n"
    "Exit status 1 if a client would have no site, or a site would pass its capacity.\n"
    "Examples:\n"
    "  meridian whatif --down dallas\n"
    "  meridian whatif -c meridian.yaml --down eu-west\n"
    "  meridian whatif -c meridian.yaml --down dallas --lag atlanta=45s --rate 1.3";

int FromFile(const std::string& file, const admin::WhatIfRequest& request, bool json) {
  const std::optional<config::Config> config = LoadToPlay(file);
  if (!config) return kFailed;
  const auto question = QuestionOf(request, *config);
  if (!question) {
    std::fprintf(stderr, "meridian whatif: --%s\n", question.error().c_str());
    return kUsage;
  }
  const simulate::Answer answer = simulate::WhatIf(*config, *question);
  for (const std::string& error : answer.errors) {
    std::fprintf(stderr, "%s: error: %s\n", file.c_str(), error.c_str());
  }
  if (!answer.report) return kFailed;
  PrintText(json ? ToJson(*answer.report) : simulate::Describe(*answer.report, ColorOutput()));
  return answer.report->holds() ? kDone : kFailed;
}

int FromInstance(const Live& live, const admin::WhatIfRequest& request) {
  std::string target = "/v1/whatif", separator = "?";
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) target += std::exchange(separator, "&") + name + "=" + PercentEncode(value);
  };
  for (const std::string& down : request.down) add("down", down);
  for (const std::string& lag : request.lag) add("lag", lag);
  add("service", request.service);
  add("rate", request.rate);
  add("sessions", request.sessions);
  const auto answer = Ask(live, "GET", target);
  if (!answer) return kFailed;
  PrintText(live.json ? *answer : admin::FieldOf(*answer, "/text").value_or(*answer));
  return admin::FieldOf(*answer, "/holds") == "true" ? kDone : kFailed;
}

}  // namespace

int WhatIfCommand(const Command& self, Arguments arguments) {
  Live live;
  admin::WhatIfRequest request;
  std::string file;
  CommandLine line(self.name, self.summary, kHelp);
  line.Option("-c,--config", file, "FILE", "this configuration, instead of what runs");
  line.Option("--down", request.down, "NAME", "a region, site or site/endpoint; may be repeated");
  line.Option("--lag", request.lag, "SITE=TIME", "how far its replication lags; may be repeated");
  line.Option("--rate", request.rate, "FACTOR", "times the load, once it is down");
  line.Option("--service", request.service, "NAME", "only this service's clients");
  line.Option("--sessions", request.sessions, "N", "sessions at once, all together");
  live.Declare(line);
  if (const auto status = line.Parse(arguments)) return *status;
  return file.empty() ? FromInstance(live, request) : FromFile(file, request, live.json);
}

}  // namespace meridian::app
