// A file's bytes as they were at one moment: copied into memory that only this process sees, so
// that whoever writes to the file afterwards cannot pull it from under a reader. Has a path of its
// own, for libraries that open by name.
#pragma once

#include <meridian/base/result.h>
#include <meridian/geo/database.h>

#include <cstdint>
#include <span>
#include <string>

namespace meridian::geo {

class FileCopy {
 public:
  // Errors: kIo with errno, kTooLarge past `max_bytes`, kInvalid for what is not a regular file.
  static Result<FileCopy> Read(const std::string& path, size_t max_bytes);

  FileCopy(FileCopy&& other) noexcept;
  FileCopy& operator=(FileCopy&&) = delete;
  ~FileCopy();

  std::span<const uint8_t> bytes() const { return {data_, size_}; }
  const FileStamp& stamp() const { return stamp_; }  // before the first byte was read
  std::string path() const;                          // valid while this lives

 private:
  FileCopy(int fd, const uint8_t* data, size_t size, const FileStamp& stamp)
      : fd_(fd), data_(data), size_(size), stamp_(stamp) {}

  int fd_;
  const uint8_t* data_;
  size_t size_;
  FileStamp stamp_;
};

}  // namespace meridian::geo
