// See build_route_actions.h.
#include "config/build_route_actions.h"

#include "config/header_rules.h"
#include "config/values.h"

#include <meridian/base/format.h>
#include <meridian/base/text.h>

namespace meridian::config {
namespace {

constexpr size_t kMaxBody = 64 * 1024;
constexpr size_t kMaxLocation = 2048;

// A host name or an address, maybe with a port.
bool IsAuthority(std::string_view text) {
  std::string_view host = text;
  const size_t colon = text.rfind(':');
  const bool has_port = colon != std::string_view::npos && !text.ends_with(']');
  if (has_port) {
    const auto port = ParseUnsigned(text.substr(colon + 1));
    if (!port || *port == 0 || *port > 65535) return false;
    host = text.substr(0, colon);
  }
  const Key key{.path = "", .type = Type::kHost, .description = {}};
  return host.find('*') == std::string_view::npos && !Problem(key, host);
}

void ReadRewrite(Build& build, const View& view, Route& route) {
  if (const View prefix = view["prefix"]) {
    route.rewrite.prefix = prefix.text();
    while (route.rewrite.prefix->ends_with('/')) route.rewrite.prefix->pop_back();
    if (route.path_match == PathMatch::kRegex) {
      build.Error(prefix.at(), prefix.path(),
                  "stands beside a path by regex, which has no prefix to replace; expected path, "
                  "or path.exact");
    }
  }
  if (const View host = view["host"]) {
    route.rewrite.host = LowerAscii(host.text());
    if (!IsAuthority(host.text())) {
      build.Error(
          host.place(), host.path(),
          Format("{} is not a host such as app.internal or app.internal:8080", Quote(host.text())));
    }
  }
}

// Empty: `to` is a target that can be sent as Location.
std::string LocationProblem(std::string_view to) {
  const bool is_visible =
      std::all_of(to.begin(), to.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (to.size() > kMaxLocation || !is_visible) {
    return Format("{} is not a URL: at most {} visible ASCII characters", Quote(to), kMaxLocation);
  }
  const size_t scheme = to.starts_with("https://") ? 8 : to.starts_with("http://") ? 7 : 0;
  const bool is_path = to.starts_with('/') && !to.starts_with("//");
  if (!is_path && (scheme == 0 || to.size() == scheme || to[scheme] == '/')) {
    return Format("{} is not a URL such as https://app.example.com or /new", Quote(to));
  }
  for (size_t at = to.find_first_of("{}"); at != std::string_view::npos;
       at = to.find_first_of("{}", at)) {
    const std::string_view rest = to.substr(at);
    const size_t bytes = rest.starts_with("{host}") || rest.starts_with("{path}") ? 6 : 0;
    if (bytes == 0) {
      return Format("{} has a brace that begins neither {{host}} nor {{path}}", Quote(to));
    }
    if (is_path) return Format("{} has {} behind no https://…", Quote(to), rest.substr(0, bytes));
    at += bytes;
  }
  return {};
}

void ReadRedirect(Build& build, const View& view, Route& route) {
  if (!view) return;
  Redirect& redirect = route.redirect.emplace();
  if (const View to = view["to"]) {
    redirect.to = to.text();
    const std::string problem = LocationProblem(redirect.to);
    if (!problem.empty()) build.Error(to.place(), to.path(), problem);
  }
  if (const View status = view["status"]) {
    Read(view, "status", redirect.status);
    const uint16_t code = redirect.status;
    if (code != 301 && code != 302 && code != 303 && code != 307 && code != 308) {
      build.Error(status.place(), status.path(),
                  Format("{} is not a redirect; expected 301, 302, 303, 307 or 308", code));
    }
  }
}

void ReadRespond(Build& build, const View& view, Route& route) {
  if (!view) return;
  Respond& respond = route.respond.emplace();
  Read(view, "status", respond.status);
  Read(view, "body", respond.body);
  Read(view, "content_type", respond.content_type);
  const bool has_no_body = respond.status == 204 || respond.status == 304;
  if (const View body = view["body"]; body && (has_no_body || respond.body.size() > kMaxBody)) {
    build.Error(body.at(), body.path(),
                has_no_body ? Format("stands beside status {}, which has no body", respond.status)
                            : Format("more than {} bytes", kMaxBody));
  }
  const std::string problem = ValueProblem(respond.content_type);
  if (const View type = view["content_type"]; type && !problem.empty()) {
    build.Error(type.place(), type.path(), problem);
  }
}

void ReadBounds(const View& view, Route& route) {
  const View timeouts = view["timeouts"], retries = view["retries"];
  const auto read = [&timeouts](const char* key, std::optional<Duration>& out) {
    if (timeouts[key]) Read(timeouts, key, out.emplace());
  };
  read("response", route.response_timeout);
  read("idle", route.idle_timeout);
  if (retries["attempts"]) Read(retries, "attempts", route.retry_attempts.emplace());
  if (const View on = retries["on"]) {
    ReadRetryReasons(on, route.retry_on.emplace());
  }
}

void ReadMirror(Build& build, const View& view, Route& route) {
  if (!view) return;
  MirrorTo& mirror = route.mirror.emplace();
  if (const View service = view["service"];
      service && build.Refers(service, build.services, "a service")) {
    mirror.service = service.text();
  }
  Read(view, "share", mirror.share);
}

// A request that Meridian answers goes nowhere, and nothing that is for going somewhere counts.
void CheckAnswer(Build& build, const View& view, const Route& route) {
  if (!route.redirect && !route.respond) return;
  const char* what = route.redirect ? "redirect" : "respond";
  for (const char* key :
       {"service", "services", "rewrite", "request_headers", "mirror", "timeouts", "retries"}) {
    if (!view.Has(key)) continue;
    const View given = view[key];
    build.Error(given ? given.at() : view.at(), view.path() + "." + key,
                Format("stands beside {}, which sends the request nowhere", what));
  }
  if (route.redirect && route.respond) {
    build.Error(view.at(), view.path() + ".respond",
                "stands beside redirect; expected one of the two");
  }
}

}  // namespace

void BuildRouteActions(Build& build, const View& view, Route& route) {
  ReadRewrite(build, view["rewrite"], route);
  route.request_headers = ReadHeaderChanges(build, view["request_headers"], Direction::kRequest);
  route.response_headers = ReadHeaderChanges(build, view["headers"], Direction::kResponse);
  ReadRedirect(build, view["redirect"], route);
  ReadRespond(build, view["respond"], route);
  ReadMirror(build, view["mirror"], route);
  ReadBounds(view, route);
  CheckAnswer(build, view, route);
}

}  // namespace meridian::config
