// See agent_line.h.
#include "probe/agent_line.h"

#include <meridian/base/text.h>

#include <algorithm>

namespace meridian::probe {
namespace {

constexpr size_t kMaxReasonBytes = 120;
constexpr std::string_view kBetween = " \t,";

using Admin = AgentLine::Admin;

struct Word {
  std::string_view text;
  std::optional<Admin> admin;
  std::optional<bool> up;
  bool tells_why = false;  // it says more than that it is down
};
constexpr Word kWords[] = {
    {"ready", Admin::kReady, {}}, {"drain", Admin::kDrain, {}},
    {"maint", Admin::kMaint, {}}, {"up", {}, true},
    {"down", {}, false},          {"fail", {}, false, true},
    {"failed", {}, false, true},  {"stopped", {}, false, true},
};

std::string Printable(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t"), last = text.find_last_not_of(" \t");
  if (first == std::string_view::npos) return {};
  std::string out(text.substr(first, std::min(last - first + 1, kMaxReasonBytes)));
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  return out;
}

bool SameWord(std::string_view a, std::string_view lower) {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(), [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y;
  });
}

std::optional<uint8_t> Percent(std::string_view word) {
  if (!word.ends_with('%')) return std::nullopt;
  const std::optional<uint64_t> percent = ParseUnsigned(word.substr(0, word.size() - 1));
  if (!percent) return std::nullopt;
  return static_cast<uint8_t>(std::min<uint64_t>(*percent, 100));
}

// False: it means nothing.
bool Take(std::string_view word, AgentLine& line) {
  if (const std::optional<uint8_t> percent = Percent(word)) {
    line.percent = percent;
    return true;
  }
  for (const Word& known : kWords) {
    if (!SameWord(word, known.text)) continue;
    if (known.admin) line.admin = known.admin;
    if (known.up) line.up = known.up;
    if (known.tells_why) line.reason = known.text;
    return true;
  }
  return false;
}

}  // namespace

std::optional<AgentLine> ParseAgentLine(std::string_view line) {
  line = line.substr(0, line.find_first_of("\r\n"));
  const size_t hash = line.find('#');
  std::string_view words = line.substr(0, hash);
  AgentLine parsed;
  bool means_something = false;
  while (!words.empty()) {
    const size_t end = std::min(words.find_first_of(kBetween), words.size());
    means_something |= Take(words.substr(0, end), parsed);
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  if (!means_something) return std::nullopt;
  if (hash != std::string_view::npos) {
    const std::string reason = Printable(line.substr(hash + 1));
    if (!reason.empty()) parsed.reason = reason;
  }
  return parsed;
}

void AgentMemory::Hear(const AgentLine& line) {
  heard_ = true;
  admin_ = line.admin.value_or(admin_);
  up_ = line.up.value_or(up_);
  percent_ = line.percent.value_or(percent_);
  reason_ = line.reason;
}

health::Agent AgentMemory::word() const {
  if (!heard_) return health::Agent::kNone;
  if (admin_ == Admin::kMaint) return health::Agent::kMaint;
  if (!up_) return health::Agent::kDown;
  if (admin_ == Admin::kDrain || percent_ == 0) return health::Agent::kDrain;
  return health::Agent::kUp;
}

}  // namespace meridian::probe
