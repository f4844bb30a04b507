// See session_key.h.
#include "proxy/session_key.h"

#include <meridian/base/text.h>
#include <meridian/codec/sip.h>
#include <meridian/codec/target.h>

namespace meridian::proxy {

std::string_view CookieValue(const codec::Head& head, std::string_view name) {
  for (const codec::Field& field : head) {
    if (field.id != codec::FieldId::kCookie) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const size_t end = rest.find(';');
      const std::string_view pair = TrimSpace(rest.substr(0, end));
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
      if (pair.size() > name.size() && pair[name.size()] == '=' && pair.starts_with(name)) {
        return pair.substr(name.size() + 1);
      }
    }
  }
  return {};
}

std::string_view SessionKey(const topology::SessionPolicy& session, const codec::Head& head,
                            std::string& scratch) {
  switch (session.by) {
    case topology::SessionBy::kCookie:
      return CookieValue(head, session.name);
    case topology::SessionBy::kHeader: {
      const codec::Field* field = head.Find(session.name);
      return field == nullptr ? std::string_view() : field->value;
    }
    case topology::SessionBy::kQuery:
      return codec::QueryParameter(head.path, session.name, scratch).value_or("");
    case topology::SessionBy::kNone:
    case topology::SessionBy::kSource:
    case topology::SessionBy::kSni:
    case topology::SessionBy::kSipCallId:
    case topology::SessionBy::kBytes:
      break;
  }
  return {};
}

std::string_view DatagramKey(const topology::SessionPolicy& session, std::string_view bytes) {
  return StreamKey(session, bytes).value_or(std::string_view());
}

std::optional<std::string_view> StreamKey(const topology::SessionPolicy& session,
                                          std::string_view bytes) {
  constexpr size_t kMostBytes = 16 * 1024;
  if (session.by == topology::SessionBy::kBytes) {
    const size_t end = size_t{session.last_byte} + 1;
    if (bytes.size() < end) return std::nullopt;
    return bytes.substr(session.first_byte, end - session.first_byte);
  }
  if (session.by != topology::SessionBy::kSipCallId) return std::string_view();
  const codec::CallId id = codec::FindCallId(bytes);
  if (id.progress == codec::CallId::Progress::kDone) return id.value;
  if (bytes.size() >= kMostBytes) return std::string_view();
  return std::nullopt;
}

}  // namespace meridian::proxy
