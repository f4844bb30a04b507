// See probe/replication_status.h. No exception of the JSON library is provoked: types are asked
// before they are used, and pointers are followed here.
#include <meridian/probe/replication_status.h>

#include <nlohmann/json.hpp>

#include <cmath>

namespace meridian::probe {
namespace {

using Json = nlohmann::json;
using failover::Role;

// About thirty years; beyond, it is no lag.
constexpr double kMaxLagSeconds = 1e9;

// A pointer's next part, with ~1 and ~0 undone; `pointer` begins with '/'.
std::string TakePart(std::string_view& pointer) {
  pointer.remove_prefix(1);
  const std::string_view raw = pointer.substr(0, pointer.find('/'));
  pointer.remove_prefix(raw.size());
  std::string part;
  for (size_t i = 0; i < raw.size(); ++i) {
    const bool escaped = raw[i] == '~' && i + 1 < raw.size();
    part += escaped ? (raw[++i] == '1' ? '/' : '~') : raw[i];
  }
  return part;
}

const Json* Element(const Json& array, const std::string& part) {
  if (part.empty() || part.size() > 6 || (part.size() > 1 && part[0] == '0')) return nullptr;
  size_t index = 0;
  for (const char digit : part) {
    if (digit < '0' || digit > '9') return nullptr;
    index = index * 10 + static_cast<size_t>(digit - '0');
  }
  return index < array.size() ? &array[index] : nullptr;
}

// Null: there is nothing at the pointer, or null.
const Json* Find(const Json& document, std::string_view pointer) {
  const Json* at = &document;
  while (at != nullptr && pointer.starts_with('/')) {
    const std::string part = TakePart(pointer);
    if (at->is_object()) {
      const auto found = at->find(part);
      at = found == at->end() ? nullptr : &*found;
    } else {
      at = at->is_array() ? Element(*at, part) : nullptr;
    }
  }
  return at == nullptr || at->is_null() ? nullptr : at;
}

class Reader {
 public:
  Reader(const Json& document, const topology::StatusPointers& pointers)
      : document_(document), pointers_(pointers) {}

  ParsedStatus Read() {
    failover::ReplicationStatus& status = parsed_.status;
    status.role = ReadRole();
    status.lag = ReadLag();
    status.backlog_bytes = ReadCount(pointers_.backlog_bytes);
    status.epoch = ReadCount(pointers_.epoch);
    status.source_connected = ReadBool(pointers_.source_connected);
    status.position_bytes = ReadCount(pointers_.position_bytes);
    status.reconciled = ReadBool(pointers_.reconciled).value_or(false);
    const bool lacks_lag = status.role == Role::kStandby && !status.lag;
    const bool complete = status.role != Role::kUnknown && !lacks_lag && !is_wrong_;
    parsed_.quality = complete ? StatusQuality::kComplete : StatusQuality::kIncomplete;
    return parsed_;
  }

 private:
  Role ReadRole() {
    const Json* value = Find(document_, pointers_.role);
    if (value == nullptr) return Role::kUnknown;
    if (value->is_string()) {
      const std::string_view role = value->get_ref<const std::string&>();
      if (role == "primary" || role == "master" || role == "leader") return Role::kPrimary;
      if (role == "standby" || role == "replica" || role == "secondary" || role == "follower") {
        return Role::kStandby;
      }
    }
    is_wrong_ = true;
    return Role::kUnknown;
  }

  std::optional<Duration> ReadLag() {
    const Json* value = Find(document_, pointers_.lag_seconds);
    if (value == nullptr) return std::nullopt;
    const double seconds = value->is_number() ? value->get<double>() : NAN;
    if (!(seconds >= 0 && seconds <= kMaxLagSeconds)) {
      is_wrong_ = true;
      return std::nullopt;
    }
    return std::chrono::ceil<Duration>(std::chrono::duration<double>(seconds));
  }

  std::optional<uint64_t> ReadCount(std::string_view pointer) {
    const Json* value = Find(document_, pointer);
    if (value == nullptr) return std::nullopt;
    if (value->is_number_unsigned()) return value->get<uint64_t>();
    is_wrong_ = true;
    return std::nullopt;
  }

  std::optional<bool> ReadBool(std::string_view pointer) {
    const Json* value = Find(document_, pointer);
    if (value == nullptr) return std::nullopt;
    if (value->is_boolean()) return value->get<bool>();
    is_wrong_ = true;
    return std::nullopt;
  }

  const Json& document_;
  const topology::StatusPointers& pointers_;
  ParsedStatus parsed_;
  bool is_wrong_ = false;
};

}  // namespace

const char* Name(StatusQuality quality) {
  switch (quality) {
    case StatusQuality::kComplete:
      return "complete";
    case StatusQuality::kIncomplete:
      return "incomplete";
    case StatusQuality::kMalformed:
      return "malformed";
  }
  return "";
}

ParsedStatus ParseReplicationStatus(std::string_view json,
                                    const topology::StatusPointers& pointers) {
  const Json document = Json::parse(json, nullptr, false);
  if (document.is_discarded()) return {};
  return Reader(document, pointers).Read();
}

PostgresStatus ParsePostgresStatus(std::string_view json) {
  const Json document = Json::parse(json, nullptr, false);
  if (document.is_discarded()) return {};
  const auto count = [&document](std::string_view pointer) -> std::optional<uint64_t> {
    const Json* value = Find(document, pointer);
    if (value == nullptr || !value->is_number_unsigned()) return std::nullopt;
    return value->get<uint64_t>();
  };
  return {Reader(document, {}).Read(), count("/position"), count("/applied")};
}

}  // namespace meridian::probe
