// Reading a validated tree: only what Validate accepted is seen, everything else looks absent, and
// an absent key leaves its target at the default. Borrowed; valid as long as the tree.
#pragma once

#include "config/document.h"
#include "config/report.h"

#include <meridian/base/time.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace meridian::config {

class View {
 public:
  View() = default;
  View(const Node& node, std::string path, Spot at)
      : node_(&node), path_(std::move(path)), at_(at) {}

  explicit operator bool() const { return node_ != nullptr; }
  const std::string& path() const { return path_; }
  Spot at() const { return at_; }              // of the key, for what is missing or as a whole
  Spot place() const { return node_->place; }  // of the value
  const std::string& text() const { return node_->text; }  // of a scalar
  size_t size() const { return node_->items.size(); }      // of a map or list
  bool is_scalar() const { return node_ != nullptr && node_->is_scalar(); }

  // Empty if the key is absent or was not accepted.
  View operator[](std::string_view key) const;
  // The entries of kNames with their names, where both were accepted.
  std::vector<std::pair<std::string, View>> Named() const;
  // All accepted names; the View is empty where the value was not.
  std::vector<std::pair<std::string, View>> AllNames() const;
  // The accepted entries of a list, or of a lone scalar in its place.
  std::vector<View> Entries() const;
  // Whether the file has the key at all, accepted or not.
  bool Has(std::string_view key) const;
  // Whether every key of this map was accepted.
  bool IsSound() const;

 private:
  const Node* node_ = nullptr;
  std::string path_;
  Spot at_;
};

// Each sets `out` if the key is there and accepted. A word instead of a number or duration (auto,
// any, unlimited) gives 0, or empty for an optional.
void Read(const View& map, std::string_view key, bool& out);
void Read(const View& map, std::string_view key, int& out);
void Read(const View& map, std::string_view key, uint16_t& out);
void Read(const View& map, std::string_view key, uint32_t& out);
void Read(const View& map, std::string_view key, uint64_t& out);
void Read(const View& map, std::string_view key, double& out);  // a number or a share
void Read(const View& map, std::string_view key, Duration& out);
void Read(const View& map, std::string_view key, std::string& out);
void ReadBytes(const View& map, std::string_view key, uint64_t& out);

template <class T>
void Read(const View& map, std::string_view key, std::optional<T>& out) {
  const View value = map[key];
  if (!value) return;
  const bool is_word = value.text() == "auto" || value.text() == "unlimited";
  out = is_word ? std::optional<T>() : std::optional<T>(T{});
  if (out) Read(map, key, *out);
}

// By the words of the table, each with its meaning.
template <class E>
void ReadWord(const View& map, std::string_view key, E& out,
              std::initializer_list<std::pair<std::string_view, E>> meanings) {
  const View value = map[key];
  if (!value) return;
  for (const auto& [word, meaning] : meanings) {
    if (value.text() == word) out = meaning;
  }
}

}  // namespace meridian::config
