// See record.h. Every key once, in one order: the text of a record is canonical, so that reading is
// accepted only if writing gives the same text back.
#include <meridian/base/format.h>
#include <meridian/base/hash.h>
#include <meridian/base/text.h>
#include <meridian/failover/record.h>
#include <meridian/failover/storage.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace meridian::failover {
namespace {

constexpr std::string_view kMagic = "meridian-failover 1\n";

constexpr const char* kCorrupt =
    "the failover record cannot be read, and no active site is guessed: restore the file from a "
    "backup; or, once it is certain that the primary holds all data, remove it to start there";

std::string Escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    ++i;
    out += text[i] == 't' ? '\t' : text[i] == 'n' ? '\n' : text[i];
  }
  return out;
}

std::string Line(std::string_view key, std::string_view value) {
  return Format("{}\t{}\n", key, Escape(value));
}

std::string Flag(std::string_view key, bool value) {
  return Line(key, value ? "yes" : "no");
}

std::string Time(std::string_view key, WallTime value) {
  return Format("{}\t{}\n", key, value.time_since_epoch().count());
}

std::string Body(const Record& record) {
  std::string text(kMagic);
  text += Line("service", record.service);
  text += Format("epoch\t{}\n", record.epoch);
  text += Line("active", record.active);
  text += Line("state", Name(record.state));
  text += Line("cause", Name(record.cause));
  text += Line("author", record.author);
  text += Flag("operator-choice", record.is_operator_choice);
  text += Flag("acknowledged", record.is_acknowledged);
  text += Flag("automation", record.is_automation_on);
  text += Flag("all-automation", record.is_all_automation_on);
  text += Time("since", record.since);
  text += Time("cooldown-from", record.cooldown_from);
  for (const std::string& site : record.claims) text += Line("claim", site);
  for (const std::string& site : record.refused_claims) text += Line("refused-claim", site);
  if (record.given_epoch != 0) text += Format("given-epoch\t{}\n", record.given_epoch);
  if (record.begun) {
    text += Line("begun-to", record.begun->to);
    text += Format("begun-epoch\t{}\n", record.begun->epoch);
    text += Line("begun-cause", Name(record.begun->cause));
    text += Line("begun-author", record.begun->author);
  }
  return text;
}

// Takes line after line; one that is missing or strange makes it bad, and it stays so.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  std::string_view Value(std::string_view key) {
    const size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    if (end == std::string_view::npos || !Starts(key)) {
      is_bad_ = true;
      return {};
    }
    rest_.remove_prefix(end + 1);
    return line.substr(key.size() + 1);
  }
  bool Starts(std::string_view key) const {
    return rest_.starts_with(key) && rest_.substr(key.size()).starts_with('\t');
  }
  std::string Text(std::string_view key) { return Unescape(Value(key)); }
  bool Flag(std::string_view key) { return Value(key) == "yes"; }
  uint64_t Number(std::string_view key) {
    const auto value = ParseUnsigned(Value(key));
    if (!value || *value > INT64_MAX) is_bad_ = true;
    return value.value_or(0);
  }
  WallTime Time(std::string_view key) {
    return WallTime(Duration(static_cast<int64_t>(Number(key) & INT64_MAX)));
  }
  template <class Enum>
  Enum Named(std::string_view key, size_t count) {
    const std::string_view value = Value(key);
    for (size_t i = 0; i < count; ++i) {
      if (value == Name(static_cast<Enum>(i))) return static_cast<Enum>(i);
    }
    is_bad_ = true;
    return Enum{};
  }
  std::vector<std::string> List(std::string_view key) {
    std::vector<std::string> list;
    while (Starts(key) && list.size() < kMaxRecordSites) list.push_back(Text(key));
    return list;
  }
  bool is_bad() const { return is_bad_; }

 private:
  std::string_view rest_;
  bool is_bad_ = false;
};

bool IsSound(const Record& record) {
  const bool is_rest = record.state == State::kNormal || record.state == State::kFailedOver ||
                       record.state == State::kSplitBrain;
  if (record.given_epoch > kMaxEpoch) return false;
  if (record.begun && (record.begun->to.empty() || record.begun->epoch <= record.epoch ||
                       record.begun->epoch > record.given_epoch)) {
    return false;
  }
  return is_rest && record.epoch >= 1 && record.epoch <= kMaxEpoch && !record.active.empty();
}

}  // namespace

std::string WriteRecord(const Record& record) {
  const std::string body = Body(record);
  return body + Format("end\t{:016x}\n", Hash(body));
}

Result<Record> ReadRecord(std::string_view text) {
  if (text.size() > kMaxRecordBytes) return Fail(ErrorCode::kTooLarge, kCorrupt);
  if (!text.starts_with(kMagic)) return Fail(ErrorCode::kMalformed, kCorrupt);
  Reader reader(text.substr(kMagic.size()));
  Record record;
  record.service = reader.Text("service");
  record.epoch = reader.Number("epoch");
  record.active = reader.Text("active");
  record.state = reader.Named<State>("state", kStateCount);
  record.cause = reader.Named<Cause>("cause", kCauseCount);
  record.author = reader.Text("author");
  record.is_operator_choice = reader.Flag("operator-choice");
  record.is_acknowledged = reader.Flag("acknowledged");
  record.is_automation_on = reader.Flag("automation");
  record.is_all_automation_on = reader.Flag("all-automation");
  record.since = reader.Time("since");
  record.cooldown_from = reader.Time("cooldown-from");
  record.claims = reader.List("claim");
  record.refused_claims = reader.List("refused-claim");
  if (reader.Starts("given-epoch")) record.given_epoch = reader.Number("given-epoch");
  if (reader.Starts("begun-to")) {
    BegunMove& begun = record.begun.emplace();
    begun.to = reader.Text("begun-to");
    begun.epoch = reader.Number("begun-epoch");
    begun.cause = reader.Named<Cause>("begun-cause", kCauseCount);
    begun.author = reader.Text("begun-author");
  }
  if (reader.is_bad() || !IsSound(record) || WriteRecord(record) != text) {
    return Fail(ErrorCode::kMalformed, kCorrupt);
  }
  return record;
}

}  // namespace meridian::failover
