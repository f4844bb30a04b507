// meridian explain: where a client would go and why, from a running instance or from a file.
#include <meridian/admin/client.h>
#include <meridian/admin/json.h>
#include <meridian/base/format.h>
#include <meridian/resolve/members.h>

#include <chrono>
#include <cstdio>

#include "check_report.h"
#include "commands.h"
#include "explain_offline.h"
#include "live_call.h"

namespace meridian::app {
namespace {

int ExplainFromFile(const std::string& file, const ExplainRequest& request, bool json) {
  config::Loaded loaded = config::LoadFile(file);
  if (loaded.config) NoteNames(resolve::StandIn(loaded.config->topology));
  health::Registry registry;
  snapshot::Keys keys;
  snapshot::Compiled compiled;
  if (loaded.config) compiled = snapshot::Compile(*loaded.config, 1, registry, keys);
  if (!compiled.snapshot) {
    const CheckOutcome outcome{loaded, std::move(compiled)};
    std::fputs(DescribeDiagnostics(outcome).c_str(), stderr);
    return kFailed;
  }
  const auto now = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  const auto explanation = ExplainOffline(*compiled.snapshot, registry, request, now);
  if (!explanation) {
    std::fprintf(stderr, "meridian explain: %s\n", explanation.error().c_str());
    return kFailed;
  }
  const std::string text = admin::ToJson(*explanation);
  if (json) {
    PrintText(text);
  } else {
    PrintText(admin::RenderExplanation(text, ColorOutput()));
    PrintText("\nFrom the configuration alone: every endpoint is taken as up and idle.");
  }
  return kDone;
}

std::string Target(const ExplainRequest& request) {
  std::string target = "/v1/explain?service=" + PercentEncode(request.service) +
                       "&client=" + PercentEncode(request.client);
  for (const auto& [name, value] : request.headers) {
    target += "&header=" + PercentEncode(name + ":" + value);
  }
  if (!request.session.empty()) target += "&session=" + PercentEncode(request.session);
  return target;
}

}  // namespace

int ExplainCommand(const Command& self, Arguments arguments) {
  Live live;
  ExplainRequest request;
  std::string file;
  std::vector<std::string> headers;
  CommandLine line(
      self.name, self.summary,
      "Shows every site with its distance, state, and the step that passed it over, by "
      "the very code\nthat routes. With -c it needs no running instance and takes every "
      "endpoint as up.\n"
      "Examples:\n"
      "  meridian explain --service web --client 81.2.69.142\n"
      "  meridian explain -c meridian.yaml --service web --client 10.20.0.7 --header "
      "'X-Tenant: blue'");
  line.Option("--service", request.service, "NAME", "the service", CommandLine::Need::kRequired);
  line.Option("--client", request.client, "ADDRESS", "the client's IP address",
              CommandLine::Need::kRequired);
  line.Option("--header", headers, "N:V", "a request header; may be repeated");
  line.Option("--session", request.session, "KEY", "the session key: a cookie's or header's value");
  line.Option("-c,--config", file, "FILE", "explain this configuration instead");
  live.Declare(line);
  if (const auto status = line.Parse(arguments)) return *status;
  for (const std::string& text : headers) {
    const auto header = ParseHeader(text);
    if (!header) {
      std::fprintf(stderr, "meridian explain: --header: '%s' is not NAME:VALUE\n", text.c_str());
      return kUsage;
    }
    request.headers.push_back(*header);
  }
  if (!file.empty()) return ExplainFromFile(file, request, live.json);
  return Show(live, "GET", Target(request), {}, admin::RenderExplanation);
}

}  // namespace meridian::app
