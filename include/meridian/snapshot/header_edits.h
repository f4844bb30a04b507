// A route's changes to the fields of a request or a response, compiled. Constant; any thread;
// allocates nothing in use.
#pragma once

#include <meridian/config/route.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace meridian::snapshot {

class HeaderEdits {
 public:
  HeaderEdits() = default;
  explicit HeaderEdits(const config::HeaderChanges& changes);

  bool empty() const { return dropped_.empty() && added_.empty(); }
  // Whether a field of this name, as received, is not passed on: it is removed, or set anew.
  bool Drops(std::string_view name) const;
  // What is written besides, in order: what is set, then what is added.
  const std::vector<std::pair<std::string, std::string>>& added() const { return added_; }

 private:
  std::vector<std::string> dropped_;
  std::vector<std::pair<std::string, std::string>> added_;
};

}  // namespace meridian::snapshot
