// See session_key.h.
#include "proxy/session_key.h"

#include <meridian/base/text.h>
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
      break;
  }
  return {};
}

}  // namespace meridian::proxy
