// See service_message.h.
//
//   header: id 2 · flags 2 · questions 2 · answers 2 · authorities 2 · additional 2
//   question: name · type 2 · class 2
//   record:   name · type 2 · class 2 · ttl 4 · length 2 · data
//   SRV data: priority 2 · weight 2 · port 2 · target
#include "resolve/service_message.h"

#include <ares.h>

#include <algorithm>
#include <optional>

namespace meridian::resolve {
namespace {

constexpr size_t kHeaderBytes = 12, kRecordBytes = 10, kServiceBytes = 6;
constexpr uint16_t kInternet = 1, kServiceType = 33;
constexpr size_t kMaxMessage = 65535, kMaxName = 253;

class Reader {
 public:
  explicit Reader(std::span<const uint8_t> message) : message_(message) {}

  bool Has(size_t bytes) const { return message_.size() - at_ >= bytes; }
  void Skip(size_t bytes) { at_ += bytes; }
  uint16_t Two() {
    const uint16_t value = static_cast<uint16_t>(message_[at_] << 8 | message_[at_ + 1]);
    at_ += 2;
    return value;
  }
  uint32_t Four() {
    const uint32_t high = Two();
    return high << 16 | Two();
  }
  // A name, perhaps with pointers back; empty: none is here.
  std::optional<std::string> Name() {
    if (!Has(1)) return std::nullopt;
    char* text = nullptr;
    long length = 0;
    const int status = ares_expand_name(message_.data() + at_, message_.data(),
                                        static_cast<int>(message_.size()), &text, &length);
    if (status != ARES_SUCCESS) return std::nullopt;
    std::string name(text);
    ares_free_string(text);
    if (length < 1 || !Has(static_cast<size_t>(length))) return std::nullopt;
    at_ += static_cast<size_t>(length);
    return name;
  }

 private:
  std::span<const uint8_t> message_;
  size_t at_ = 0;
};

// In lower case; empty: no host has such a name.
std::string HostName(std::string name) {
  if (name.ends_with('.')) name.pop_back();
  if (name.size() > kMaxName) return {};
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool good =
        (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (!good) return {};
  }
  return name;
}

Answer Malformed() {
  return {.outcome = Outcome::kFailed, .ttl = {}, .addresses = {}, .services = {}};
}

}  // namespace

Answer ReadServices(std::span<const uint8_t> message) {
  Reader reader(message);
  if (message.size() > kMaxMessage || !reader.Has(kHeaderBytes)) return Malformed();
  reader.Skip(4);
  const uint16_t questions = reader.Two(), answers = reader.Two();
  reader.Skip(4);
  for (uint16_t i = 0; i < questions; ++i) {
    if (!reader.Name() || !reader.Has(4)) return Malformed();
    reader.Skip(4);
  }
  Answer answer;
  uint32_t ttl = INT32_MAX;
  for (uint16_t i = 0; i < answers; ++i) {
    if (!reader.Name() || !reader.Has(kRecordBytes)) return Malformed();
    const uint16_t type = reader.Two(), internet = reader.Two();
    const uint32_t record_ttl = reader.Four();
    const uint16_t length = reader.Two();
    if (!reader.Has(length)) return Malformed();
    Reader data = reader;
    reader.Skip(length);
    if (type != kServiceType || internet != kInternet) continue;
    if (length <= kServiceBytes) return Malformed();
    ServiceRecord record{data.Two(), data.Two(), data.Two(), {}};
    auto target = data.Name();
    if (!target) return Malformed();
    // RFC 2181 section 8: a time with its highest bit set is none.
    ttl = std::min(ttl, record_ttl > INT32_MAX ? 0 : record_ttl);
    record.target = HostName(std::move(*target));
    if (!record.target.empty() && record.port != 0) answer.services.push_back(std::move(record));
  }
  answer.outcome = answer.services.empty() ? Outcome::kEmpty : Outcome::kFound;
  answer.ttl = std::chrono::seconds(ttl);
  return answer;
}

}  // namespace meridian::resolve
