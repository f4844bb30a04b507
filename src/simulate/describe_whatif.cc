// What-if's report as text: the answer first, then the sites, who goes where, and what
// disaster-recovery services would do.
#include <meridian/base/format.h>
#include <meridian/base/text.h>
#include <meridian/simulate/simulate.h>

#include <algorithm>

#include "simulate/text.h"

namespace meridian::simulate {
namespace {

constexpr size_t kMaxFlows = 40;

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

class WhatIfText {
 public:
  WhatIfText(const WhatIfReport& report, bool color) : report_(report), color_(color) {}

  std::string Text() {
    AddAnswer();
    AddSites();
    AddFlows();
    for (const RecoveryOutlook& outlook : report_.recoveries) AddRecovery(outlook);
    AddAssumptions();
    return std::move(text_);
  }

 private:
  void AddAnswer() {
    const std::string subject = report_.down.empty() ? std::string("As asked")
                                                     : Format("With {} down", Joined(report_.down));
    if (report_.holds()) {
      text_ +=
          Painted(Format("{}: every client has a site, and no site passes its capacity.", subject),
                  Paint::kGood, color_) +
          "\n";
    }
    for (const auto& [reason, sessions] : report_.unserved) {
      text_ +=
          Painted(Format("{}: {} of {} sessions have NO SITE: {}.", subject,
                         GroupThousands(sessions), GroupThousands(report_.sessions_after), reason),
                  Paint::kBad, color_) +
          "\n";
    }
    for (const std::string& site : report_.over_capacity) {
      text_ +=
          Painted(Format("{}: {} PASSES ITS CAPACITY.", subject, site), Paint::kBad, color_) + "\n";
    }
    if (!report_.down.empty()) {
      text_ +=
          Format("The checks alone find it out after {}; traffic does with its first attempts.\n",
                 Seconds(report_.detected_after));
    }
  }

  void AddSites() {
    TextTable table;
    table.AddColumn("  SITE");
    table.AddColumn("REGION");
    table.AddColumn("STATE");
    for (const char* title : {"CAPACITY", "BEFORE", "LOAD", "AFTER", "LOAD"}) {
      table.AddColumn(title, Align::kRight);
    }
    table.AddColumn("CHANGE", Align::kRight);
    for (const SiteLoad& site : report_.sites) {
      const auto change = static_cast<int64_t>(site.after) - static_cast<int64_t>(site.before);
      const std::string size = GroupThousands(static_cast<uint64_t>(std::abs(change)));
      table.AddRow({{"  " + site.name},
                    {site.region},
                    {site.state, PaintOfState(site.state)},
                    {CapacityText(site.capacity)},
                    {GroupThousands(site.before)},
                    {LoadText(site.before, site.capacity)},
                    {GroupThousands(site.after)},
                    {LoadText(site.after, site.capacity), PaintOfLoad(site.after, site.capacity)},
                    {change == 0 ? "–" : (change > 0 ? "+" : "−") + size}});
    }
    text_ += Heading("SESSIONS AT EACH SITE", color_) + table.Text(color_);
  }

  void AddFlows() {
    TextTable table;
    table.AddColumn("  CLIENTS");
    table.AddColumn("SERVICE");
    table.AddColumn("SESSIONS", Align::kRight);
    table.AddColumn("BEFORE");
    table.AddColumn("AFTER");
    uint64_t stay = 0, left_out = 0;
    size_t rows = 0;
    for (const Flow& flow : report_.flows) {
      if (flow.before == flow.after && !flow.after.empty()) {
        stay += flow.sessions;
      } else if (++rows > kMaxFlows) {
        left_out += flow.sessions;
      } else {
        table.AddRow({{"  " + flow.clients},
                      {flow.service},
                      {GroupThousands(flow.sessions)},
                      {flow.before.empty() ? "(new)" : flow.before},
                      {flow.after.empty() ? "NO SITE" : flow.after,
                       flow.after.empty() ? Paint::kBad : Paint::kPlain}});
      }
    }
    text_ += Heading("WHO GOES WHERE", color_);
    if (rows > 0) text_ += table.Text(color_);
    if (left_out > 0) {
      text_ += Format("  and {} sessions in {} smaller groups\n", GroupThousands(left_out),
                      rows - kMaxFlows);
    }
    text_ += Format("  {} of {} sessions stay where they are\n", GroupThousands(stay),
                    GroupThousands(report_.sessions_after));
  }

  void AddRecovery(const RecoveryOutlook& outlook) {
    text_ += Heading(Format("DISASTER RECOVERY OF {}", outlook.service), color_);
    std::string what;
    Paint paint = Paint::kPlain;
    if (outlook.moved_after) {
      what = Format("{} takes over from {} after {}{}", outlook.active_after, outlook.active_before,
                    Seconds(*outlook.moved_after),
                    outlook.why.empty() ? "" : " (" + outlook.why + ")");
      const Duration risk = outlook.lag_at_risk.value_or(Duration(0));
      what += risk > Duration(0) ? Format("; at risk: writes of the last {}", Seconds(risk))
                                 : std::string("; nothing at risk");
      paint = Paint::kGood;
    } else if (outlook.state == "blocked") {
      what = Format("BLOCKED: {} is dead and nothing takes over by itself", outlook.active_before);
      paint = Paint::kBad;
    } else {
      what = Format("{} stays active ({})", outlook.active_after, outlook.state);
    }
    text_ += "  " + Painted(what, paint, color_) + "\n";
    for (const std::string& gate : outlook.gates) {
      text_ += "  gate: " + Wrapped(gate, 8) + "\n";
    }
    text_ += "  next: " + Wrapped(outlook.next, 8) + "\n";
  }

  void AddAssumptions() {
    text_ += Heading("ASSUMED", color_);
    text_ += "  clients   " + Wrapped(report_.population, 12) + "\n";
    std::string load = Format("{} sessions at once", GroupThousands(report_.sessions_before));
    if (report_.sessions_after != report_.sessions_before) {
      load += Format(", then {}", GroupThousands(report_.sessions_after));
    }
    text_ += "  load      " + Wrapped(load + ": " + report_.load, 12) + "\n";
    text_ += Format("  services  {}\n", Wrapped(Joined(report_.services), 12));
  }

  const WhatIfReport& report_;
  const bool color_;
  std::string text_;
};

}  // namespace

std::string Describe(const WhatIfReport& report, bool color) {
  return WhatIfText(report, color).Text();
}

}  // namespace meridian::simulate
