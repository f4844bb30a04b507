// meridian events: what has happened, and with --follow what happens.
#include <meridian/base/format.h>
#include <meridian/base/text.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "commands.h"
#include "live_call.h"

namespace meridian::app {
namespace {

constexpr auto kPause = std::chrono::milliseconds(500);

// Prints them; the number of the last one. Empty: it could not be asked, and that was printed.
std::optional<std::string> ShowEvents(const Live& live, const std::string& since,
                                      const std::string& limit) {
  std::string target = "/v1/events?follow=false&limit=" + limit;
  if (!since.empty()) target += "&since=" + PercentEncode(since);
  const auto body = Ask(live, "GET", target);
  if (!body) return std::nullopt;
  const std::string text = live.json ? *body : admin::RenderEvents(*body, ColorOutput());
  if (!text.empty()) PrintText(text);
  return admin::FieldOf(*body, "/last").value_or(since);
}

}  // namespace

int EventsCommand(const Command& self, Arguments arguments) {
  Live live;
  bool follow = false;
  std::string limit = "50", since;
  CommandLine line(
      self.name, self.summary,
      "States of endpoints, moves and alarms of disaster recovery, operators' orders,\n"
      "reloads. The newest thousand are kept, until the instance ends.\n"
      "Example: meridian events --follow");
  line.Flag("-f,--follow", follow, "go on with what happens next");
  line.Option("--limit", limit, "NUMBER", "how many at most (50)");
  line.Option("--since", since, "ID", "only those after this event");
  live.Declare(line);
  if (const auto status = line.Parse(arguments)) return *status;
  if (!ParseUnsigned(limit)) {
    std::fprintf(stderr, "meridian events: --limit: '%s' is not a number\n", limit.c_str());
    return kUsage;
  }
  auto last = ShowEvents(live, since, limit);
  while (last && follow) {
    std::fflush(stdout);
    std::this_thread::sleep_for(kPause);
    last = ShowEvents(live, *last, "1000");
  }
  return last ? kDone : kFailed;
}

}  // namespace meridian::app
