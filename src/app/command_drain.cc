// meridian drain, undrain: an operator's intent for a region, a site or one endpoint of a site.
#include <meridian/base/format.h>
#include <meridian/base/time.h>

#include <cstdio>
#include <utility>

#include "commands.h"
#include "json_text.h"
#include "live_call.h"

namespace meridian::app {
int DrainCommand(const Command& self, Arguments arguments) {
  Live live;
  std::string target, deadline, expires, reason;
  CommandLine line(
      self.name, self.summary,
      "New sessions go elsewhere; established and pinned ones finish. At the deadline, "
      "if there\nis one, what is left is cut. A drain survives restarts, and lasts until it is "
      "ended or "
      "expires.\n"
      "Examples:\n"
      "  meridian drain dallas --deadline 5m --reason 'kernel update'\n"
      "  meridian drain us-south\n"
      "  meridian drain dallas/10.2.0.11:8080");
  line.Positional("NAME", target, "a region, a site, or SITE/ENDPOINT");
  line.Option("--deadline", deadline, "TIME", "when sessions are cut: 30s, 5m, 1h");
  line.Option("--expires", expires, "TIME", "when it ends by itself: 30m, 12h");
  line.Option("--reason", reason, "TEXT", "why, for whoever looks later");
  live.Declare(line);
  if (const auto status = line.Parse(arguments)) return *status;
  for (const auto& [option, text] : {std::pair("--deadline", deadline), {"--expires", expires}}) {
    const auto parsed = ParseDuration(text);
    if (text.empty() || (parsed && parsed->count() > 0)) continue;
    std::fprintf(stderr, "meridian drain: %s: '%s' is not a time such as 30s, 5m or 1h\n", option,
                 text.c_str());
    return kUsage;
  }
  std::string body =
      Format("{{\"target\":{},\"author\":{}", JsonQuote(target), JsonQuote(Author()));
  if (!deadline.empty()) body += Format(",\"deadline\":{}", JsonQuote(deadline));
  if (!expires.empty()) body += Format(",\"expires\":{}", JsonQuote(expires));
  if (!reason.empty()) body += Format(",\"reason\":{}", JsonQuote(reason));
  const auto answer = Ask(live, "POST", "/v1/drain", body + "}");
  if (!answer) return kFailed;
  if (live.json) {
    PrintText(*answer);
    return kDone;
  }
  std::string text = target + " is draining: no new sessions";
  if (!deadline.empty()) text += ", what is left is cut in " + deadline;
  if (expires.empty()) {
    text += Format(", until 'meridian undrain {}'", target);
  } else {
    text += Format(", for {} or until 'meridian undrain {}'", expires, target);
  }
  PrintText(Format("{}\n{} sessions are left; 'meridian status' shows how fast they leave", text,
                   admin::FieldOf(*answer, "/sessions").value_or("?")));
  return kDone;
}

int UndrainCommand(const Command& self, Arguments arguments) {
  Live live;
  std::string target;
  CommandLine line(self.name, self.summary,
                   "Ends a drain, also one whose deadline has passed.\n"
                   "Example: meridian undrain dallas");
  line.Positional("NAME", target, "a region, a site, or SITE/ENDPOINT, as it was drained");
  live.Declare(line);
  if (const auto status = line.Parse(arguments)) return *status;
  const auto answer =
      Ask(live, "DELETE", "/v1/drain", Format("{{\"target\":{}}}", JsonQuote(target)));
  if (!answer) return kFailed;
  PrintText(live.json ? *answer : Format("{} serves again", target));
  return kDone;
}

}  // namespace meridian::app
