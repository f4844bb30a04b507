// See record_check.h.
#include "geo/record_check.h"

#include <algorithm>

namespace meridian::geo {

namespace {

constexpr int16_t kOpen = -1;

tl::unexpected<Error> Malformed(const char* context) {
  return Fail(ErrorCode::kMalformed, context);
}

}  // namespace

std::optional<RecordCheck::Head> RecordCheck::ReadHead(uint64_t offset) const {
  const auto byte = [&](uint64_t at) -> uint32_t { return section_[at]; };
  const uint64_t end = section_.size();
  if (offset >= end) return std::nullopt;
  const uint32_t control = byte(offset++);
  uint32_t type = control >> 5;
  if (type == static_cast<uint32_t>(Type::kPointer)) {
    static constexpr uint32_t kBase[] = {0, 2048, 526336, 0};
    const uint32_t form = control >> 3 & 3;
    if (end - offset < form + 1) return std::nullopt;
    uint32_t target = form == 3 ? 0 : control & 7;
    for (uint32_t i = 0; i <= form; ++i) target = target << 8 | byte(offset++);
    return Head{Type::kPointer, target + kBase[form], offset};
  }
  if (type == 0) {
    if (offset >= end) return std::nullopt;
    type = 7 + byte(offset++);
  }
  const bool known = (type >= 2 && type <= 11) || type == 14 || type == 15;
  if (!known) return std::nullopt;
  uint32_t size = control & 31;
  if (size >= 29) {
    static constexpr uint32_t kBase[] = {29, 285, 65821};
    const uint32_t extra = size - 28;
    if (end - offset < extra) return std::nullopt;
    size = 0;
    for (uint32_t i = 0; i < extra; ++i) size = size << 8 | byte(offset++);
    size += kBase[extra - 1];
  }
  return Head{static_cast<Type>(type), size, offset};
}

Result<> RecordCheck::Check(uint32_t offset) {
  const auto height = CheckTarget(offset, 0);
  if (!height) return tl::unexpected(height.error());
  return {};
}

bool RecordCheck::IsMap(uint32_t offset) const {
  auto head = ReadHead(offset);
  if (head && head->type == Type::kPointer) head = ReadHead(head->size);
  return head && head->type == Type::kMap;
}

Result<int> RecordCheck::CheckTarget(uint32_t offset, int depth) {
  const auto [known, is_new] = heights_.try_emplace(offset, kOpen);
  if (!is_new) {
    if (known->second == kOpen) return Malformed("geo database: a record contains itself");
    if (depth + known->second > kMaxDepth)
      return Fail(ErrorCode::kTooLarge, "geo database: a record nests too deep");
    return known->second;
  }
  const auto extent = CheckValue(offset, depth, depth > 0);
  if (!extent) return tl::unexpected(extent.error());
  heights_[offset] = static_cast<int16_t>(extent->height);
  return extent->height;
}

Result<RecordCheck::Extent> RecordCheck::CheckValue(uint64_t offset, int depth,
                                                    bool through_pointer) {
  if (depth > kMaxDepth) return Fail(ErrorCode::kTooLarge, "geo database: a record nests too deep");
  if (budget_-- == 0) return Fail(ErrorCode::kTooLarge, "geo database: records overlap too much");
  const auto head = ReadHead(offset);
  if (!head) return Malformed("geo database: a record ends early or has an unknown type");
  const auto sized = [&](uint32_t max, bool exact) -> Result<Extent> {
    if (exact ? head->size != max : head->size > max)
      return Malformed("geo database: a number has a wrong size");
    if (section_.size() - head->payload < head->size)
      return Malformed("geo database: a value ends past its section");
    return Extent{head->payload + head->size, 0};
  };
  switch (head->type) {
    case Type::kPointer: {
      if (through_pointer) return Malformed("geo database: a pointer to a pointer");
      const auto height = CheckTarget(head->size, depth + 1);
      if (!height) return tl::unexpected(height.error());
      return Extent{head->payload, *height + 1};
    }
    case Type::kString:
    case Type::kBytes:
      return sized(UINT32_MAX, false);
    case Type::kDouble:
      return sized(8, true);
    case Type::kFloat:
      return sized(4, true);
    case Type::kUint16:
      return sized(2, false);
    case Type::kUint32:
    case Type::kInt32:
      return sized(4, false);
    case Type::kUint64:
      return sized(8, false);
    case Type::kUint128:
      return sized(16, false);
    case Type::kBoolean:
      if (head->size > 1) return Malformed("geo database: a boolean that is neither");
      return Extent{head->payload, 0};
    case Type::kMap:
    case Type::kArray:
      return CheckMembers(*head, depth);
  }
  return Malformed("geo database: a record has an unknown type");
}

Result<RecordCheck::Extent> RecordCheck::CheckMembers(const Head& head, int depth) {
  const bool is_map = head.type == Type::kMap;
  Extent all{head.payload, 1};
  for (uint64_t i = 0; i < head.size; ++i) {
    if (is_map) {
      auto key = ReadHead(all.next);
      const auto extent = CheckValue(all.next, depth + 1, false);
      if (!extent) return extent;
      if (key->type == Type::kPointer) key = ReadHead(key->size);
      if (!key || key->type != Type::kString)
        return Malformed("geo database: a map key that is not text");
      all.next = extent->next;
    }
    const auto extent = CheckValue(all.next, depth + 1, false);
    if (!extent) return extent;
    all = {extent->next, std::max(all.height, extent->height + 1)};
  }
  return all;
}

}  // namespace meridian::geo
