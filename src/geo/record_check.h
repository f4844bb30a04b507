// Checks the structure of MaxMind DB values before libmaxminddb reads them: types, lengths,
// pointers and nesting, within a budget that keeps the whole check linear in the file's size.
// libmaxminddb 1.7 recurses into nested values and multiplies sizes without such bounds; after this
// check it cannot run away. Used on the control thread while a database opens.
//
//   value     control byte [extended type] [size: 0–3 bytes] payload
//   control   tttsssss: type (0: extended, 7 + next byte), size (29, 30, 31: more bytes follow)
//   pointer   001ssvvv: s + 1 bytes follow (s = 3: vvv unused); an offset in this section
#pragma once

#include <meridian/base/result.h>

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>

namespace meridian::geo {

class RecordCheck {
 public:
  static constexpr int kMaxDepth = 32;

  // `section` must outlive this: the data section, or the metadata section, of a file.
  explicit RecordCheck(std::span<const uint8_t> section)
      : section_(section), budget_(4 * static_cast<uint64_t>(section.size()) + 4096) {}

  // Checks the value at `offset` and all it points to, once for each distinct offset. Errors:
  // kMalformed, kTooLarge.
  Result<> Check(uint32_t offset);

  // Whether the value at `offset`, itself checked, is a map (through a pointer or not).
  bool IsMap(uint32_t offset) const;

 private:
  enum class Type : uint8_t {
    kPointer = 1,
    kString = 2,
    kDouble = 3,
    kBytes = 4,
    kUint16 = 5,
    kUint32 = 6,
    kMap = 7,
    kInt32 = 8,
    kUint64 = 9,
    kUint128 = 10,
    kArray = 11,
    kBoolean = 14,
    kFloat = 15
  };
  struct Head {
    Type type;
    uint32_t size;     // bytes of payload, or members of a map or array; a pointer's target
    uint64_t payload;  // offset
  };
  // What a checked value takes: where the next one starts, how deep it nests.
  struct Extent {
    uint64_t next = 0;
    int height = 0;
  };

  std::optional<Head> ReadHead(uint64_t offset) const;
  Result<Extent> CheckValue(uint64_t offset, int depth, bool through_pointer);
  Result<Extent> CheckMembers(const Head& head, int depth);
  Result<int> CheckTarget(uint32_t offset, int depth);

  std::span<const uint8_t> section_;
  uint64_t budget_;  // values still to be visited
  std::unordered_map<uint32_t, int16_t>
      heights_;  // of values pointed to; kOpen while being checked
};

}  // namespace meridian::geo
