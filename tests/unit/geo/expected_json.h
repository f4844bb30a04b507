// Just enough JSON (RFC 8259) to read the expected records of MaxMind's test databases: a flat map
// from each value's path to its text. `{"a": [{"b": 1.5}]}` gives {"a.0.b": "1.5"}. Throws nothing;
// a malformed file gives an empty map.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace meridian::geo {

class ExpectedJson {
 public:
  using Values = std::map<std::string, std::string>;

  static Values Read(std::string_view text) {
    ExpectedJson reader(text);
    const bool ok = reader.Value("", 0) && (reader.Space(), reader.at_ == text.size());
    return ok ? std::move(reader.values_) : Values();
  }

 private:
  explicit ExpectedJson(std::string_view text) : text_(text) {}

  void Space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  bool Take(char c) {
    Space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool String(std::string& out) {
    if (!Take('"')) return false;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\') ++at_;
      if (at_ < text_.size()) out += text_[at_++];
    }
    return Take('"');
  }
  static std::string Join(const std::string& path, const std::string& key) {
    return path.empty() ? key : path + "." + key;
  }
  bool Members(const std::string& path, char close, bool named, int depth) {
    if (Take(close)) return true;
    for (int i = 0;; ++i) {
      std::string key = std::to_string(i);
      if (named && (key.clear(), !String(key) || !Take(':'))) return false;
      if (!Value(Join(path, key), depth + 1)) return false;
      if (Take(close)) return true;
      if (!Take(',')) return false;
    }
  }
  bool Value(const std::string& path, int depth) {
    if (depth > 32) return false;
    if (Take('{')) return Members(path, '}', true, depth);
    if (Take('[')) return Members(path, ']', false, depth);
    std::string& out = values_[path];
    if (at_ < text_.size() && text_[at_] == '"') return String(out);
    const size_t end = std::min(text_.find_first_of(",]} \t\r\n", at_), text_.size());
    out = text_.substr(at_, end - at_);
    at_ = end;
    return !out.empty();
  }

  std::string_view text_;
  size_t at_ = 0;
  Values values_;
};

}  // namespace meridian::geo
