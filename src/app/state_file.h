// Operators' intents on disk, so that a drain survives a restart. One small text file, replaced as
// a whole: written to a temporary beside it, fsync, rename, fsync of the directory; after a crash
// at any point there is either the old file or the new one. Control thread; blocks on the disk.
//
//   meridian-intents 2
//   dallas <TAB> drain <TAB> since ns <TAB> deadline ns <TAB> expires ns <TAB> author <TAB> reason
//   end <TAB> number of records <TAB> hash of all lines before, in hex
//
// Times are of the wall clock since 1970, 0: none. In texts, backslash, tab and line end are
// written \\ \t \n. Files of version 1, without an expiry, are read too.
#pragma once

#include <meridian/base/result.h>
#include <meridian/health/health.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace meridian::app {

using Intents = std::vector<std::pair<std::string, health::IntentRecord>>;

inline constexpr size_t kMaxIntents = 100'000;

std::string WriteIntents(const Intents& intents);
// Error: kMalformed for anything that WriteIntents does not write or once wrote; the context says
// what.
Result<Intents> ReadIntents(std::string_view text);

class StateFile {
 public:
  // `directory` is made if it is missing (not its parents).
  explicit StateFile(std::string directory);

  // No file: no intents. A file that cannot be read as one is renamed to intents.corrupt, and the
  // error says why it could not be read.
  Result<Intents> Load();
  // Errors: kIo with errno.
  Result<> Save(const Intents& intents);

  const std::string& path() const { return path_; }

 private:
  std::string directory_, path_;
};

}  // namespace meridian::app
