// The steps of storage.h on a POSIX file system. The temporary stays open from its writing to its
// sync; a crash leaves it behind, and the next save truncates it.
#include <errno.h>
#include <fcntl.h>
#include <meridian/base/descriptor.h>
#include <meridian/base/format.h>
#include <meridian/failover/storage.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

namespace meridian::failover {
namespace {

std::string FileName(std::string_view service) {
  std::string name;
  for (const char c : service) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '_';
    name += is_plain ? std::string(1, c) : Format("%{:02X}", static_cast<uint8_t>(c));
  }
  return name;
}

}  // namespace

FileStorage::FileStorage(std::string directory, std::string_view service)
    : directory_(std::move(directory)),
      path_(directory_ + "/" + FileName(service)),
      temporary_path_(path_ + ".new") {}

FileStorage::~FileStorage() {
  CloseTemporary();
}

void FileStorage::CloseTemporary() {
  if (temporary_ >= 0) ::close(temporary_);
  temporary_ = -1;
}

Result<std::optional<std::string>> FileStorage::Load() {
  const Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok() && errno == ENOENT) return std::nullopt;
  if (!file.ok()) return Fail(ErrorCode::kIo, "open the failover record", errno);
  std::string text(kMaxRecordBytes + 1, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Fail(ErrorCode::kIo, "read the failover record", errno);
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size > kMaxRecordBytes) return Fail(ErrorCode::kTooLarge, "the failover record is too large");
  text.resize(size);
  return text;
}

Result<> FileStorage::WriteTemporary(std::string_view bytes) {
  CloseTemporary();
  if (::mkdir(directory_.c_str(), 0750) != 0 && errno != EEXIST) {
    return Fail(ErrorCode::kIo, "make the failover directory", errno);
  }
  temporary_ = ::open(temporary_path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  if (temporary_ < 0) return Fail(ErrorCode::kIo, "open the new failover record", errno);
  while (!bytes.empty()) {
    const ssize_t put = ::write(temporary_, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return Fail(ErrorCode::kIo, "write the new failover record", errno);
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return {};
}

Result<> FileStorage::SyncTemporary() {
  if (temporary_ < 0) return Fail(ErrorCode::kInvalid, "no new failover record was written");
  const bool is_synced = ::fsync(temporary_) == 0;
  const int error = errno;
  CloseTemporary();
  if (!is_synced) return Fail(ErrorCode::kIo, "sync the new failover record", error);
  return {};
}

Result<> FileStorage::Publish() {
  if (std::rename(temporary_path_.c_str(), path_.c_str()) != 0) {
    return Fail(ErrorCode::kIo, "rename the new failover record", errno);
  }
  return {};
}

Result<> FileStorage::SyncDirectory() {
  const Descriptor directory(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.ok() || ::fsync(directory.get()) != 0) {
    return Fail(ErrorCode::kIo, "sync the failover directory", errno);
  }
  return {};
}

}  // namespace meridian::failover
