// Looking up what Validate accepted. The texts parse: that is what accepted means.
#include "config/view.h"

#include "config/validate.h"
#include "config/values.h"

#include <meridian/base/format.h>
#include <meridian/base/text.h>

namespace meridian::config {

View View::operator[](std::string_view key) const {
  if (node_ == nullptr) return {};
  for (size_t i = 0; i < node_->keys.size(); ++i) {
    if (node_->keys[i].text != key) continue;
    if (!node_->items[i].valid) return {};
    return {node_->items[i], JoinPath(path_, key), node_->keys[i].place};
  }
  return {};
}

std::vector<std::pair<std::string, View>> View::AllNames() const {
  std::vector<std::pair<std::string, View>> out;
  if (node_ == nullptr) return out;
  for (size_t i = 0; i < node_->keys.size(); ++i) {
    const Node& key = node_->keys[i];
    const Node& item = node_->items[i];
    if (!key.valid) continue;
    out.emplace_back(key.text,
                     item.valid ? View(item, JoinPath(path_, key.text), key.place) : View());
  }
  return out;
}

std::vector<std::pair<std::string, View>> View::Named() const {
  std::vector<std::pair<std::string, View>> out = AllNames();
  std::erase_if(out, [](const auto& entry) { return !entry.second; });
  return out;
}

bool View::IsSound() const {
  return std::all_of(node_->items.begin(), node_->items.end(),
                     [](const Node& item) { return item.valid; });
}

std::vector<View> View::Entries() const {
  std::vector<View> out;
  if (node_ == nullptr) return out;
  if (node_->is_scalar()) return {*this};
  for (size_t i = 0; i < node_->items.size(); ++i) {
    const Node& item = node_->items[i];
    if (item.valid) out.emplace_back(item, Format("{}[{}]", path_, i), item.place);
  }
  return out;
}

bool View::Has(std::string_view key) const {
  return node_ != nullptr && node_->Find(key) != nullptr;
}

namespace {

template <class T>
void ReadInteger(const View& map, std::string_view key, T& out) {
  const View value = map[key];
  if (value) out = static_cast<T>(ParseInteger(value.text()).value_or(0));
}

}  // namespace

void Read(const View& map, std::string_view key, bool& out) {
  const View value = map[key];
  if (value) out = value.text() == "true";
}

void Read(const View& map, std::string_view key, int& out) {
  ReadInteger(map, key, out);
}
void Read(const View& map, std::string_view key, uint16_t& out) {
  ReadInteger(map, key, out);
}
void Read(const View& map, std::string_view key, uint32_t& out) {
  ReadInteger(map, key, out);
}
void Read(const View& map, std::string_view key, uint64_t& out) {
  ReadInteger(map, key, out);
}

void Read(const View& map, std::string_view key, double& out) {
  const View value = map[key];
  if (!value) return;
  const auto share = ParseShare(value.text());
  out = share ? *share : ParseNumber(value.text()).value_or(0);
}

void Read(const View& map, std::string_view key, Duration& out) {
  const View value = map[key];
  if (value) out = ParseDuration(value.text()).value_or(Duration(0));
}

void Read(const View& map, std::string_view key, std::string& out) {
  const View value = map[key];
  if (value) out = value.text();
}

void ReadBytes(const View& map, std::string_view key, uint64_t& out) {
  const View value = map[key];
  if (value) out = ParseBytes(value.text()).value_or(0);
}

}  // namespace meridian::config
