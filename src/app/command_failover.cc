// meridian failover, failback, acknowledge, release, automation: disaster recovery by hand.
#include <meridian/base/format.h>

#include <cstdio>

#include "commands.h"
#include "json_text.h"
#include "live_call.h"

namespace meridian::app {
namespace {

std::string PathOf(const std::string& service, const char* what) {
  return Format("/v1/services/{}/{}", PercentEncode(service), what);
}

// "db: dallas is active, epoch 2 (failed-over)"
std::string Tell(const std::string& service, const std::string& json) {
  const auto field = [&](const char* pointer) {
    return admin::FieldOf(json, pointer).value_or("");
  };
  const std::string state = field("/recovery/state");
  std::string text =
      Format("{}: {} is active, epoch {} ({})", service, field("/active"), field("/epoch"), state);
  return text + "\nnext: " + field("/next");
}

}  // namespace

int FailoverCommand(const Command& self, Arguments arguments) {
  Live live;
  std::string service, to;
  bool force = false;
  CommandLine line(
      self.name, self.summary,
      "While the active site lives, a planned switch: new sessions wait, nothing is lost. When it\n"
      "is dead, at once. --force passes a closed gate: what is at risk is printed first.\n"
      "Examples:\n"
      "  meridian failover billing\n"
      "  meridian failover billing --to dallas --force");
  line.Positional("SERVICE", service, "a service with mode disaster-recovery");
  line.Option("--to", to, "SITE", "instead of the freshest standby whose gate is open");
  line.Flag("--force", force, "past a closed gate: what was not replicated is lost");
  live.Declare(line);
  if (const auto status = line.Parse(arguments)) return *status;
  const std::string query = to.empty() ? "" : "?to=" + PercentEncode(to);
  const auto cost = Ask(live, "GET", PathOf(service, "failover") + query);
  if (!cost) return kFailed;
  if (!live.json) {
    std::fprintf(stderr, "%s\n", admin::FieldOf(*cost, "/text").value_or("").c_str());
  }
  std::string body = Format("{{\"author\":{},\"force\":{}", JsonQuote(Author()), force);
  if (!to.empty()) body += Format(",\"to\":{}", JsonQuote(to));
  const auto answer = Ask(live, "POST", PathOf(service, "failover"), body + "}");
  if (!answer) return kFailed;
  PrintText(live.json ? *answer : Tell(service, *answer));
  return kDone;
}

int FailbackCommand(const Command& self, Arguments arguments) {
  Live live;
  std::string service;
  CommandLine line(self.name, self.summary,
                   "Possible once the primary follows the active site (state ready). New sessions\n"
                   "wait until it has caught up.\n"
                   "Example: meridian failback billing");
  line.Positional("SERVICE", service, "a service with mode disaster-recovery");
  live.Declare(line);
  if (const auto status = line.Parse(arguments)) return *status;
  const auto answer = Ask(live, "POST", PathOf(service, "failback"),
                          Format("{{\"author\":{}}}", JsonQuote(Author())));
  if (!answer) return kFailed;
  PrintText(live.json ? *answer : Tell(service, *answer));
  return kDone;
}

namespace {

// An order that names a service and nothing else.
int Order(const Command& self, Arguments arguments, const char* help, const char* done) {
  Live live;
  std::string service;
  CommandLine line(self.name, self.summary, help);
  line.Positional("SERVICE", service, "a service with mode disaster-recovery");
  live.Declare(line);
  if (const auto status = line.Parse(arguments)) return *status;
  const auto answer = Ask(live, "POST", PathOf(service, self.name.c_str()),
                          Format("{{\"author\":{}}}", JsonQuote(Author())));
  if (!answer) return kFailed;
  PrintText(live.json ? *answer : Format("{}: {}\n{}", service, done, Tell(service, *answer)));
  return kDone;
}

}  // namespace

int AcknowledgeCommand(const Command& self, Arguments arguments) {
  return Order(self, arguments,
               "Says that somebody has looked at the last automatic move: the cooldown ends, and\n"
               "another automatic move is allowed.\n"
               "Example: meridian acknowledge billing",
               "the last move is acknowledged");
}

int ReleaseCommand(const Command& self, Arguments arguments) {
  return Order(self, arguments,
               "A site that an operator has chosen is not left by automation. This gives the\n"
               "service back to it: failover, and failback if its mode is automatic.\n"
               "Example: meridian release billing",
               "automation may move it again");
}

int AutomationCommand(const Command& self, Arguments arguments) {
  Live live;
  std::string word, service;
  CommandLine line(self.name, self.summary,
                   "off: nothing fails over or back by itself, until on. Kept over restarts.\n"
                   "Examples:\n"
                   "  meridian automation off\n"
                   "  meridian automation on billing");
  line.Positional("STATE", word, "on or off");
  line.Positional("SERVICE", service, "one service; without it, all", CommandLine::Need::kOptional);
  live.Declare(line);
  if (const auto status = line.Parse(arguments)) return *status;
  if (word != "on" && word != "off") {
    std::fprintf(stderr, "meridian automation: '%s' is neither on nor off\n", word.c_str());
    return kUsage;
  }
  const std::string path = service.empty() ? "/v1/automation" : PathOf(service, "automation");
  const auto answer = Ask(live, word == "on" ? "POST" : "DELETE", path,
                          Format("{{\"author\":{}}}", JsonQuote(Author())));
  if (!answer) return kFailed;
  PrintText(live.json ? *answer
                      : Format("automation is {} for {}", word,
                               service.empty() ? std::string("all services") : service));
  return kDone;
}

}  // namespace meridian::app
