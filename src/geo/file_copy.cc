// See file_copy.h: a memfd, sealed against change and mapped.
#include "geo/file_copy.h"

#include <meridian/base/descriptor.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace meridian::geo {

namespace {

// Until the end of `from`, which may have grown or shrunk meanwhile. Returns the bytes copied.
Result<size_t> CopyAll(int from, int to, size_t max_bytes) {
  size_t total = 0;
  for (;;) {
    const ssize_t n = sendfile(to, from, nullptr, size_t{1} << 20);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Fail(ErrorCode::kIo, "read geo database", errno);
    if (n == 0) return total;
    total += static_cast<size_t>(n);
    if (total > max_bytes) return Fail(ErrorCode::kTooLarge, "geo database: the file is too large");
  }
}

FileStamp StampOf(const struct stat& status) {
  return {status.st_dev, status.st_ino, static_cast<uint64_t>(status.st_size),
          int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

}  // namespace

FileStamp FileStamp::Of(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? StampOf(status) : FileStamp{};
}

Result<FileCopy> FileCopy::Read(const std::string& path, size_t max_bytes) {
  // Without O_NONBLOCK a named pipe would hang here.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return Fail(ErrorCode::kIo, "open geo database", errno);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return Fail(ErrorCode::kIo, "read geo database", errno);
  if (!S_ISREG(status.st_mode))
    return Fail(ErrorCode::kInvalid, "geo database: not a regular file");
  Descriptor copy(memfd_create("geo database", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (copy.get() < 0) return Fail(ErrorCode::kIo, "memory for geo database", errno);
  const auto size = CopyAll(file.get(), copy.get(), max_bytes);
  if (!size) return tl::unexpected(size.error());
  if (*size == 0) return Fail(ErrorCode::kMalformed, "geo database: the file is empty");
  if (fcntl(copy.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
    return Fail(ErrorCode::kIo, "memory for geo database", errno);
  }
  void* data = mmap(nullptr, *size, PROT_READ, MAP_PRIVATE, copy.get(), 0);
  if (data == MAP_FAILED) return Fail(ErrorCode::kIo, "memory for geo database", errno);
  return FileCopy(copy.Release(), static_cast<const uint8_t*>(data), *size, StampOf(status));
}

FileCopy::FileCopy(FileCopy&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      data_(std::exchange(other.data_, nullptr)),
      size_(other.size_),
      stamp_(other.stamp_) {}

FileCopy::~FileCopy() {
  if (data_ != nullptr) munmap(const_cast<uint8_t*>(data_), size_);
  if (fd_ >= 0) close(fd_);
}

std::string FileCopy::path() const {
  return "/proc/self/fd/" + std::to_string(fd_);
}

}  // namespace meridian::geo
