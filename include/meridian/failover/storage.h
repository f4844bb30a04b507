// How a decision is made to outlive a crash: the steps, one by one, behind an interface, so that a
// test can stop between any two of them. Control thread; a step may block on the disk.
//
//   write temporary → sync it → rename it over the record → sync the directory
//
// Until the rename the old record stands; from then on a crash may leave either, never a mixture.
#pragma once

#include <meridian/base/result.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace meridian::failover {

inline constexpr size_t kMaxRecordBytes = 64 << 10;

class Storage {
 public:
  virtual ~Storage() = default;

  // The record as it stands; empty: there is none. Errors: kIo, kTooLarge.
  virtual Result<std::optional<std::string>> Load() = 0;

  // The four steps, only in this order. Errors: kIo with errno.
  virtual Result<> WriteTemporary(std::string_view bytes) = 0;
  virtual Result<> SyncTemporary() = 0;
  virtual Result<> Publish() = 0;
  virtual Result<> SyncDirectory() = 0;
};

// What a save has achieved.
enum class Saved : uint8_t {
  kDurable,
  kNot,      // the old record stands
  kInDoubt,  // it failed at or after the rename: a restart may find either
};

struct SaveOutcome {
  Saved saved = Saved::kDurable;
  Error error;  // why not kDurable
};

// All four steps. Stops at the first that fails.
SaveOutcome SaveDurably(Storage& storage, std::string_view bytes);

// One file in a directory of the state directory, named after the service (any byte that is not a
// letter, digit, '-' or '_' as %XX), with ".new" for the temporary. The directory is made if it is
// missing (not its parents).
class FileStorage final : public Storage {
 public:
  FileStorage(std::string directory, std::string_view service);
  ~FileStorage() override;
  FileStorage(const FileStorage&) = delete;

  Result<std::optional<std::string>> Load() override;
  Result<> WriteTemporary(std::string_view bytes) override;
  Result<> SyncTemporary() override;
  Result<> Publish() override;
  Result<> SyncDirectory() override;

  const std::string& path() const { return path_; }

 private:
  void CloseTemporary();

  std::string directory_, path_, temporary_path_;
  int temporary_ = -1;
};

}  // namespace meridian::failover
