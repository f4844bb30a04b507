// The API's answers as text for people, from their JSON alone; see client.h. What is not in the
// JSON is left out, so that a newer command can show an older instance's answer.
#include <meridian/admin/client.h>
#include <meridian/base/format.h>
#include <meridian/base/text.h>
#include <meridian/base/text_table.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "admin/json_read.h"

namespace meridian::admin {
namespace {

constexpr const char* kNothing = "–";

// "1,204/20,000", or "1,204" where there is no limit.
std::string Load(const Reader& thing) {
  std::string text = GroupThousands(thing["sessions"].count());
  if (!thing["capacity"].is_null()) text += "/" + GroupThousands(thing["capacity"].count());
  return text;
}

std::string Age(double seconds) {
  return FormatAge(Duration(std::llround(std::min(seconds, 1e9) * 1e9)));
}

Cell State(const std::string& state) {
  return {state, PaintOfState(state)};
}

// "1 worker", "1,204 clients"
std::string Counted(uint64_t number, const char* thing) {
  return Format("{} {}{}", GroupThousands(number), thing, number == 1 ? "" : "s");
}

// ": 88 sessions, 3.1/s leave, the last in about 28s"
std::string Leaving(const Reader& intent) {
  if (intent["sessions"].is_null()) return {};
  const uint64_t sessions = intent["sessions"].count();
  if (sessions == 0) return ": no session is left";
  std::string text = ": " + Counted(sessions, "session");
  const double rate = intent["leaving_per_second"].number();
  if (rate <= 0) return text;
  return text + Format(", {:.1f}/s leave, the last in about {}", rate,
                       Age(static_cast<double>(sessions) / rate));
}

// "drained by ops (kernel update), 4m12s left: 88 sessions"; empty if it serves.
std::string IntentText(const Reader& intent) {
  const std::string what = intent["intent"].text();
  if (what.empty() || what == "serve") return {};
  std::string text = what == "drain" ? "drained" : "out";
  if (const std::string author = intent["author"].text(); !author.empty()) text += " by " + author;
  if (const std::string reason = intent["reason"].text(); !reason.empty())
    text += " (" + reason + ")";
  if (!intent["seconds_left"].is_null()) {
    const double left = intent["seconds_left"].number();
    text += left > 0 ? Format(", {} left", Age(left)) : std::string(", past its deadline");
  }
  if (!intent["expires_in_seconds"].is_null()) {
    text += Format(", ends by itself in {}", Age(intent["expires_in_seconds"].number()));
  }
  return text + Leaving(intent);
}

std::string Unreadable(std::string_view json) {
  return std::string(json);
}

// "4 sites", or the one that is active.
std::string Active(const Reader& service) {
  if (const std::string active = service["active"].text(); !active.empty()) return active;
  return Counted(service["sites"].items().size(), "site");
}

std::string ServicesTable(const Reader& services, bool color) {
  TextTable table;
  table.AddColumn("SERVICE");
  table.AddColumn("MODE");
  table.AddColumn("ACTIVE");
  table.AddColumn("SINCE");
  table.AddColumn("SESSIONS", Align::kRight);
  table.AddColumn("STATE");
  for (const Reader& service : services.items()) {
    const Reader since = service["active_seconds"];
    const std::string state = service["state"].text(), text = service["state_text"].text();
    table.AddRow({{service["name"].text(), Paint::kStrong},
                  {service["mode"].text()},
                  {Active(service)},
                  {since.is_null() ? kNothing : Age(since.number()) + " ago"},
                  {GroupThousands(service["sessions"].count())},
                  {text.empty() ? state : text, PaintOfState(state)}});
    if (const std::string next = service["next"].text(); !next.empty()) {
      table.AddNote("next: " + next);
    }
  }
  return table.Text(color);
}

// "web 2/2, db 1/2 (10.1.0.20:5432 down: probe)"
std::string EndpointsText(const Reader& services) {
  std::string text;
  const std::vector<std::string> names = services.keys();
  const std::vector<Reader> values = services.items();
  for (size_t i = 0; i < names.size(); ++i) {
    std::string others;
    size_t up = 0, all = 0;
    for (const Reader& endpoint : values[i]["endpoints"].items()) {
      ++all;
      const std::string state = endpoint["state"].text(), cause = endpoint["cause"].text();
      if (state == "up") {
        ++up;
      } else if (others.size() < 120) {
        others += Format("{}{} {}", others.empty() ? "" : ", ", endpoint["address"].text(), state);
        if (!cause.empty()) others += " by " + cause;
        const std::string reason = endpoint["agent_reason"].text();
        if (cause == "agent" && !reason.empty()) others += ": " + reason;
      }
    }
    text += Format("{}{} {}/{}", text.empty() ? "" : ", ", names[i], up, all);
    if (!others.empty()) text += " (" + others + ")";
  }
  return text;
}

// "web: app.internal:8080 is 10.1.0.11:8080, 10.1.0.12:8080"
void NoteNames(const Reader& site, TextTable& table) {
  constexpr size_t kMaxListed = 8;
  const std::vector<std::string> services = site["names"].keys();
  const std::vector<Reader> names = site["names"].items();
  for (size_t i = 0; i < services.size(); ++i) {
    for (const Reader& name : names[i].items()) {
      std::string addresses;
      size_t count = 0;
      for (const Reader& endpoint : site["services"][services[i].c_str()]["endpoints"].items()) {
        if (endpoint["name"].text() != name.text()) continue;
        if (++count > kMaxListed) continue;
        addresses += (count == 1 ? "" : ", ") + endpoint["address"].text();
      }
      if (count > kMaxListed) addresses += Format(" and {} more", count - kMaxListed);
      table.AddNote(Format("{}: {} {}", services[i], name.text(),
                           count == 0 ? "has no address yet" : "is " + addresses));
    }
  }
}

std::string SitesTable(const Reader& sites, bool color) {
  TextTable table;
  table.AddColumn("SITE");
  table.AddColumn("REGION");
  table.AddColumn("STATE");
  table.AddColumn("LOAD", Align::kRight);
  table.AddColumn("ENDPOINTS UP");
  for (const Reader& site : sites.items()) {
    table.AddRow({{site["name"].text(), Paint::kStrong},
                  {site["region"].text()},
                  State(site["state"].text()),
                  {Load(site)},
                  {EndpointsText(site["services"])}});
    if (const std::string intent = IntentText(site["intent"]); !intent.empty())
      table.AddNote(intent);
    NoteNames(site, table);
  }
  return table.Text(color);
}

std::string DistanceText(const Reader& distance) {
  if (distance.is_null()) return kNothing;
  return GroupThousands(static_cast<uint64_t>(std::llround(std::max(distance.number(), 0.0)))) +
         " km";
}

std::string LatencyText(const Reader& latency_us) {
  if (latency_us.is_null()) return kNothing;
  return Format("{:.1f} ms", static_cast<double>(latency_us.count()) / 1000);
}

void Line(std::string& out, std::string_view name, std::string_view text) {
  if (!text.empty()) out += Format("{:<10} {}\n", name, text);
}

std::string Heading(const Reader& status, bool color) {
  const std::string state = status["state"].text();
  return Format("meridian {} is {}, up {}, generation {} (loaded {} ago)\n",
                status["version"].text(), Painted(state, PaintOfState(state), color),
                Age(status["uptime_seconds"].number()), status["generation"].count(),
                Age(status["loaded_seconds_ago"].number()));
}

std::string Reloads(const Reader& status) {
  const uint64_t refused = status["reloads_refused"].count();
  std::string text = GroupThousands(status["reloads"].count());
  if (refused > 0) text += Format(", and {} refused", GroupThousands(refused));
  return text;
}

}  // namespace

std::string RenderStatus(std::string_view json, bool color) {
  const Reader status = Reader::Parse(json);
  if (!status.ok()) return Unreadable(json);
  std::string out = Heading(status, color);
  Line(out, "config", status["config_file"].text());
  Line(out, "process",
       Format("pid {}, {}, {}", status["pid"].count(), Counted(status["workers"].count(), "worker"),
              Counted(status["clients"].count(), "client")));
  Line(out, "reloads", Reloads(status));
  const char* name = "listeners";
  for (const Reader& listener : status["listeners"].items()) {
    Line(out, std::exchange(name, ""), listener["name"].text() + " " + listener["address"].text());
  }
  name = "geo";
  for (const Reader& database : status["geo_databases"].items()) {
    Line(out, std::exchange(name, ""),
         Format("{} built {} ago, {}", database["type"].text(),
                Age(database["age_seconds"].number()),
                Counted(database["networks"].count(), "network")));
  }
  name = "drains";
  for (const Reader& drain : status["drains"].items()) {
    Line(out, std::exchange(name, ""), drain["target"].text() + ": " + IntentText(drain));
  }
  name = "warnings";
  for (const Reader& warning : status["warnings"].items()) {
    Line(out, std::exchange(name, ""), Painted(warning.text(), Paint::kDoubtful, color));
  }
  return out + "\n" + ServicesTable(status["services"], color);
}

std::string RenderSites(std::string_view json, bool color) {
  const Reader answer = Reader::Parse(json);
  return answer.ok() ? SitesTable(answer["sites"], color) : Unreadable(json);
}

std::string RenderServices(std::string_view json, bool color) {
  const Reader answer = Reader::Parse(json);
  return answer.ok() ? ServicesTable(answer["services"], color) : Unreadable(json);
}

std::string RenderExplanation(std::string_view json, bool color) {
  const Reader answer = Reader::Parse(json);
  if (!answer.ok()) return Unreadable(json);
  const std::string location = answer["location"].text();
  const std::string_view unknown = "unknown";
  std::string out = location.starts_with(unknown)
                        ? Format("{} is at an unknown place{}\n", answer["client"].text(),
                                 location.substr(unknown.size()))
                        : Format("{} is in {}\n", answer["client"].text(), location);
  out += Format("{} is {}, steering {}", answer["service"].text(), answer["mode"].text(),
                answer["steering"].text());
  if (!answer["generation"].is_null())
    out += Format(", generation {}", answer["generation"].count());
  out += "\n\n";
  const bool by_latency = answer["steering"].text() == "latency";
  TextTable table;
  table.AddColumn("SITE");
  table.AddColumn("DISTANCE", Align::kRight);
  if (by_latency) table.AddColumn("LATENCY", Align::kRight);
  table.AddColumn("STATE");
  table.AddColumn("LOAD");
  table.AddColumn("VERDICT");
  bool any_chosen = false;
  for (const Reader& site : answer["sites"].items()) {
    const bool chosen = site["chosen"].flag();
    any_chosen = any_chosen || chosen;
    std::vector<Cell> row = {{site["name"].text(), chosen ? Paint::kStrong : Paint::kPlain},
                             {DistanceText(site["distance_km"])}};
    if (by_latency) row.push_back({LatencyText(site["latency_us"])});
    row.push_back(State(site["state"].text()));
    row.push_back({Load(site)});
    row.push_back({site["verdict"].text()});
    table.AddRow(std::move(row), chosen ? "▶" : "");
  }
  out += table.Text(color);
  if (const std::string why = answer["why"].text(); !why.empty() && !any_chosen) {
    out += "\n" + Painted("no site takes this client: " + why, Paint::kBad, color) + "\n";
  }
  return out;
}

std::string RenderReload(std::string_view json, bool color) {
  const Reader answer = Reader::Parse(json);
  if (!answer.ok()) return Unreadable(json);
  std::string out;
  size_t errors = 0, warnings = 0;
  for (const Reader& diagnostic : answer["diagnostics"].items()) {
    const bool is_error = diagnostic["severity"].text() == "error";
    ++(is_error ? errors : warnings);
    out +=
        Painted(diagnostic["text"].text(), is_error ? Paint::kBad : Paint::kDoubtful, color) + "\n";
  }
  for (const Reader& error : answer["errors"].items()) {
    ++errors;
    out += Painted("error: " + error.text(), Paint::kBad, color) + "\n";
  }
  const uint64_t generation = answer["generation"].count();
  if (answer["accepted"].flag()) {
    out += Format("generation {} is running", generation);
    return out + (warnings > 0 ? ", " + Counted(warnings, "warning") : std::string()) + "\n";
  }
  return out + Format("refused: {}, {}; generation {} runs on\n", Counted(errors, "error"),
                      Counted(warnings, "warning"), generation);
}

std::string RenderEvents(std::string_view json, bool color) {
  const Reader answer = Reader::Parse(json);
  if (!answer.ok()) return Unreadable(json);
  std::string out;
  for (const Reader& event : answer["events"].items()) {
    const Paint paint = event["grave"].flag() ? Paint::kBad : Paint::kPlain;
    out += Format("{}  {:<8}  {}\n", event["time"].text(), event["kind"].text(),
                  Painted(event["text"].text(), paint, color));
  }
  return out;
}

std::string RenderError(std::string_view json) {
  const Reader answer = Reader::Parse(json);
  const std::string message = answer.ok() ? answer["error"]["message"].text() : std::string();
  if (!message.empty()) return message;
  std::string text(json);
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace meridian::admin
