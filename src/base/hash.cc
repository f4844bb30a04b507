// Eight bytes at a time through Mix, the length last. Speed matters less than agreement between
// builds.
#include <meridian/base/hash.h>

namespace meridian {
namespace {

uint64_t LoadLittleEndian(const char* bytes, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i)
    value |= static_cast<uint64_t>(static_cast<uint8_t>(bytes[i])) << (8 * i);
  return value;
}

}  // namespace

uint64_t Hash(std::string_view bytes, uint64_t seed) {
  uint64_t state = Mix(seed);
  size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8)
    state = Combine(state, LoadLittleEndian(bytes.data() + at, 8));
  state = Combine(state, LoadLittleEndian(bytes.data() + at, bytes.size() - at));
  return Combine(state, bytes.size());
}

}  // namespace meridian
