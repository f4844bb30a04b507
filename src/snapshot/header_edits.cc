// See header_edits.h.
#include <meridian/base/text.h>
#include <meridian/snapshot/header_edits.h>

#include <algorithm>

namespace meridian::snapshot {

HeaderEdits::HeaderEdits(const config::HeaderChanges& changes)
    : dropped_(changes.remove), added_(changes.set) {
  for (const auto& [name, value] : changes.set) dropped_.push_back(name);
  added_.insert(added_.end(), changes.add.begin(), changes.add.end());
}

bool HeaderEdits::Drops(std::string_view name) const {
  return std::any_of(dropped_.begin(), dropped_.end(), [name](const std::string& dropped) {
    return dropped.size() == name.size() && EqualIgnoringCase(dropped, name);
  });
}

}  // namespace meridian::snapshot
