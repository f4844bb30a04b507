// See header_rules.h.
#include "config/header_rules.h"

#include <meridian/base/format.h>
#include <meridian/base/text.h>

#include <array>

namespace meridian::config {
namespace {

constexpr size_t kMaxChanges = 64;  // of one direction of a route
constexpr size_t kMaxValue = 4096;

bool Among(std::string_view name, std::span<const std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [name](std::string_view other) { return EqualIgnoringCase(name, other); });
}

// RFC 9110 section 7.6.1, and what frames a message.
constexpr std::array<std::string_view, 10> kOfConnection{
    "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "TE", "Transfer-Encoding",
    "Trailer",    "Upgrade",    "Expect",           "Proxy-Authorization"};
constexpr std::array<std::string_view, 6> kOfForwarding{"X-Client-Cert-Subject", "Forwarded",
                                                        "X-Forwarded-For",       "X-Forwarded-Host",
                                                        "X-Forwarded-Proto",     "Via"};

class Reader {
 public:
  Reader(Build& build, Direction direction) : build_(build), direction_(direction) {}

  void Names(const View& list, std::vector<std::string>& out) {
    for (const View& entry : list.Entries()) {
      if (Takes(entry.place(), entry.path(), entry.text())) out.push_back(entry.text());
    }
  }
  void Fields(const View& map, std::vector<std::pair<std::string, std::string>>& out) {
    for (const auto& [name, value] : map.Named()) {
      if (!Takes(value.at(), value.path(), name)) continue;
      const std::string problem = ValueProblem(value.text());
      if (!problem.empty()) build_.Error(value.place(), value.path(), problem);
      out.emplace_back(name, value.text());
    }
  }
  // A name may be set or removed once; only `add` may repeat one.
  void Once(const View& at, std::string_view name) {
    if (Among(name, once_)) {
      build_.Error(at.at(), at.path(), Format("{} is set or removed more than once", Quote(name)));
    }
    once_.push_back(name);
  }

 private:
  bool Takes(Spot place, const std::string& path, std::string_view name) {
    const std::string problem = NameProblem(name, direction_);
    if (!problem.empty()) build_.Error(place, path, problem);
    return problem.empty();
  }

  Build& build_;
  Direction direction_;
  std::vector<std::string_view> once_;
};

}  // namespace

std::string NameProblem(std::string_view name, Direction direction) {
  if (Among(name, kOfConnection)) {
    return Format("{} belongs to one connection and is never set this way", Quote(name));
  }
  if (EqualIgnoringCase(name, "Content-Length")) {
    return Format("{} says where a body ends and is never set this way", Quote(name));
  }
  if (name.size() >= 9 && EqualIgnoringCase(name.substr(0, 9), "Meridian-")) {
    return Format("{} is Meridian's own", Quote(name));
  }
  if (direction == Direction::kResponse) return {};
  if (EqualIgnoringCase(name, "Host")) {
    return Format("{} is never set this way; expected {}", Quote(name),
                  direction == Direction::kCheck ? "host" : "rewrite.host");
  }
  if (direction == Direction::kRequest && Among(name, kOfForwarding)) {
    return Format("{} is written by Meridian itself", Quote(name));
  }
  return {};
}

std::string ValueProblem(std::string_view value) {
  if (value.size() > kMaxValue) {
    return Format("has {} bytes, more than {}", value.size(), kMaxValue);
  }
  const bool has_control = std::any_of(value.begin(), value.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
  if (has_control) {
    return Format("{} has a line break or another control character", Quote(value));
  }
  if (TrimSpace(value) != value) return Format("{} begins or ends with a space", Quote(value));
  return {};
}

std::vector<std::pair<std::string, std::string>> ReadCheckHeaders(Build& build, const View& map) {
  std::vector<std::pair<std::string, std::string>> fields;
  if (map) Reader(build, Direction::kCheck).Fields(map, fields);
  return fields;
}

HeaderChanges ReadHeaderChanges(Build& build, const View& view, Direction direction) {
  HeaderChanges changes;
  if (!view) return changes;
  Reader reader(build, direction);
  reader.Fields(view["set"], changes.set);
  reader.Fields(view["add"], changes.add);
  reader.Names(view["remove"], changes.remove);
  for (const auto& [name, value] : changes.set) reader.Once(view, name);
  for (const std::string& name : changes.remove) reader.Once(view, name);
  if (changes.set.size() + changes.add.size() + changes.remove.size() > kMaxChanges) {
    build.Error(view.at(), view.path(), Format("more than {} changes", kMaxChanges));
  }
  return changes;
}

}  // namespace meridian::config
