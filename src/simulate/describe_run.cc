// A run's report as text: the timeline, where the sessions were, how full the sites got, what the
// services lost, each move, and whether all was as expected.
#include <meridian/base/format.h>
#include <meridian/base/text.h>
#include <meridian/simulate/simulate.h>

#include <algorithm>

#include "simulate/text.h"

namespace meridian::simulate {
namespace {

constexpr size_t kMaxRows = 30;  // of the table of sessions

class RunText {
 public:
  RunText(const Report& report, bool color) : report_(report), color_(color) {}

  std::string Text() {
    text_ = Format("Simulated {} in virtual time, seed {}\n", FormatDuration(report_.duration),
                   report_.seed);
    AddTimeline();
    AddSessions();
    AddSites();
    AddServices();
    for (const MoveReport& move : report_.moves) AddMove(move);
    AddVerdict();
    return std::move(text_);
  }

 private:
  static Paint PaintOf(const Moment& moment) {
    if (moment.is_bad) return Paint::kBad;
    if (moment.kind == Kind::kStep) return Paint::kStrong;
    return moment.kind == Kind::kExpect ? Paint::kGood : Paint::kPlain;
  }

  void AddTimeline() {
    text_ += Heading("WHAT HAPPENED", color_);
    constexpr size_t kIndent = 21;
    for (const Moment& moment : report_.moments) {
      text_ += Format("  {:>7}  {:<8}  {}\n", Clock(moment.at), Name(moment.kind),
                      Painted(Wrapped(moment.text, kIndent), PaintOf(moment), color_));
    }
    if (report_.moments.empty()) text_ += "  nothing\n";
    if (report_.dropped_moments > 0) {
      text_ += Format("  and {} more, not kept\n", GroupThousands(report_.dropped_moments));
    }
  }

  // Which sites fit beside one another: those with the most to show, in their order.
  std::vector<size_t> ShownSites() const {
    struct Swing {
      size_t site;
      uint64_t change;
    };
    std::vector<Swing> swings;
    for (size_t i = 0; i < report_.sites.size(); ++i) {
      uint64_t least = UINT64_MAX, most = 0;
      for (const Sample& sample : report_.samples) {
        least = std::min(least, sample.sessions[i]);
        most = std::max(most, sample.sessions[i]);
      }
      swings.push_back({i, most - std::min(least, most)});
    }
    std::stable_sort(swings.begin(), swings.end(),
                     [](const Swing& a, const Swing& b) { return a.change > b.change; });
    std::vector<size_t> shown;
    size_t used = 9 + 10 + 10;  // the time, the unserved, the others
    for (const Swing& swing : swings) {
      const size_t width = std::max<size_t>(DisplayWidth(report_.sites[swing.site].name),
                                            GroupThousands(report_.sites[swing.site].peak).size());
      if (used + width + 2 > kColumns) break;
      used += width + 2;
      shown.push_back(swing.site);
    }
    std::sort(shown.begin(), shown.end());
    return shown;
  }

  // Samples that differ from the last one shown by more than `share` of a site's peak.
  std::vector<const Sample*> Rows(double share) const {
    std::vector<const Sample*> rows;
    for (const Sample& sample : report_.samples) {
      bool is_shown = rows.empty() || sample.is_marked || &sample == &report_.samples.back();
      for (size_t i = 0; i < report_.sites.size() && !is_shown; ++i) {
        const auto now = static_cast<double>(sample.sessions[i]);
        const auto before = static_cast<double>(rows.back()->sessions[i]);
        const double peak = std::max(10.0, static_cast<double>(report_.sites[i].peak));
        is_shown = std::abs(now - before) > share * peak;
      }
      const bool is_again = !rows.empty() && rows.back()->at == sample.at;
      if (is_shown && !is_again) rows.push_back(&sample);
    }
    return rows;
  }

  void AddSessions() {
    if (report_.samples.empty()) return;
    double share = 0.1;
    std::vector<const Sample*> rows = Rows(share);
    while (rows.size() > kMaxRows && share < 1) rows = Rows(share *= 1.5);
    const std::vector<size_t> shown = ShownSites();
    const bool has_others = shown.size() < report_.sites.size();
    TextTable table;
    table.AddColumn("   TIME", Align::kRight);
    for (const size_t site : shown) table.AddColumn(report_.sites[site].name, Align::kRight);
    if (has_others) table.AddColumn("others", Align::kRight);
    table.AddColumn("unserved", Align::kRight);
    for (const Sample* sample : rows) {
      std::vector<Cell> cells{{"  " + Clock(sample->at)}};
      uint64_t others = 0;
      for (const uint64_t sessions : sample->sessions) others += sessions;
      for (const size_t site : shown) {
        const uint64_t sessions = sample->sessions[site];
        others -= sessions;
        cells.push_back(
            {GroupThousands(sessions), PaintOfLoad(sessions, report_.sites[site].capacity)});
      }
      if (has_others) cells.push_back({GroupThousands(others)});
      cells.push_back(
          {GroupThousands(sample->unserved), sample->unserved > 0 ? Paint::kBad : Paint::kPlain});
      table.AddRow(std::move(cells));
    }
    text_ += Heading("SESSIONS AT EACH SITE", color_) + table.Text(color_);
  }

  void AddSites() {
    TextTable table;
    table.AddColumn("  SITE");
    table.AddColumn("REGION");
    for (const char* title : {"CAPACITY", "START", "PEAK", "AT", "LOAD", "END"}) {
      table.AddColumn(title, Align::kRight);
    }
    table.AddColumn("");
    for (const SiteReport& site : report_.sites) {
      const char* verdict = !site.capacity                ? ""
                            : !site.is_within_capacity()  ? "OVER CAPACITY"
                            : site.peak == *site.capacity ? "full, not over"
                                                          : "within capacity";
      table.AddRow({{"  " + site.name},
                    {site.region},
                    {CapacityText(site.capacity)},
                    {GroupThousands(site.at_start)},
                    {GroupThousands(site.peak)},
                    {Clock(site.peak_at)},
                    {LoadText(site.peak, site.capacity)},
                    {GroupThousands(site.at_end)},
                    {verdict, site.is_within_capacity() ? Paint::kPlain : Paint::kBad}});
    }
    text_ += Heading("LOAD OF THE SITES", color_) + table.Text(color_);
  }

  void AddServices() {
    TextTable table;
    table.AddColumn("  SERVICE");
    for (const char* title :
         {"SESSIONS", "BROKEN", "MOVED", "RETRIED", "HELD", "REFUSED", "LOST", "LONGEST WAIT"}) {
      table.AddColumn(title, Align::kRight);
    }
    std::string notes;
    for (const ServiceReport& service : report_.services) {
      const auto bad = [](uint64_t count) { return count > 0 ? Paint::kBad : Paint::kPlain; };
      table.AddRow({{"  " + service.name},
                    {GroupThousands(service.started)},
                    {GroupThousands(service.broken)},
                    {GroupThousands(service.moved)},
                    {GroupThousands(service.retried)},
                    {GroupThousands(service.held)},
                    {GroupThousands(service.refusals()), bad(service.refusals())},
                    {GroupThousands(service.lost), bad(service.lost)},
                    {Seconds(service.longest_wait)}});
      for (const auto& [reason, tries] : service.refused) {
        notes += Format("  {}: {} refused: {}\n", service.name, GroupThousands(tries), reason);
      }
      if (!service.active.empty()) {
        notes += Format("  {}: {} on {}, epoch {}\n", service.name, service.state, service.active,
                        service.epoch);
      }
    }
    text_ += Heading("SERVICES", color_) + table.Text(color_) + notes;
    text_ +=
        "  broken: lost their server. retried: the next candidate took them at once. refused:\n"
        "  tries, each client's again every second. lost: refused until they would have ended.\n";
  }

  void AddMove(const MoveReport& move) {
    const failover::Timeline& line = move.timeline;
    text_ += Heading(Format("MOVE OF {}: {} → {}, epoch {}, {}{}{}", move.service, line.from,
                            line.to, line.epoch, failover::Name(line.cause),
                            line.author.empty() ? "" : ", by ", line.author),
                     color_);
    std::vector<std::pair<MonotonicTime, const char*>> points;
    const auto add = [&](const char* name, const std::optional<failover::Instant>& instant) {
      if (instant) points.emplace_back(instant->monotonic, name);
    };
    add("first error", line.first_error);
    add("detected", line.detected);
    add("decided", line.decided);
    add("persisted", line.persisted);
    add("first success", line.first_success);
    add("drained", line.drained);
    std::stable_sort(points.begin(), points.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [at, name] : points) {
      text_ += Format("  {:>7}  {:<14} +{}\n", Clock(at - report_.start), name,
                      Seconds(at - points.front().first));
    }
    if (!line.why.empty()) text_ += Format("  {}: {}\n", line.to, line.why);
    text_ += Format("  {} sessions moved, {} tries refused meanwhile\n",
                    GroupThousands(line.sessions_moved), GroupThousands(line.requests_lost));
    if (move.lag_at_risk > Duration(0)) {
      text_ += "  " +
               Painted(Format("at risk: writes of the last {}, which {} had not received",
                              Seconds(move.lag_at_risk), line.to),
                       Paint::kBad, color_) +
               "\n";
    } else {
      text_ += Format("  nothing at risk: {} had all that was written\n", line.to);
    }
  }

  void AddVerdict() {
    text_ += "\n";
    if (report_.expectations == 0) {
      text_ += "The scenario expects nothing.\n";
    } else if (report_.passed()) {
      text_ += Painted(Format("As expected: all {} expectations hold.", report_.expectations),
                       Paint::kGood, color_) +
               "\n";
    } else {
      text_ += Painted(Format("NOT as expected: {} of {} expectations do not hold.",
                              report_.failures.size(), report_.expectations),
                       Paint::kBad, color_) +
               "\n";
      for (const std::string& failure : report_.failures) {
        text_ += "  " + Wrapped(failure, 2) + "\n";
      }
    }
  }

  const Report& report_;
  const bool color_;
  std::string text_;
};

}  // namespace

std::string Describe(const Report& report, bool color) {
  return RunText(report, color).Text();
}

}  // namespace meridian::simulate
