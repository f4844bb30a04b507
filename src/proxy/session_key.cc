// See session_key.h.
#include "proxy/session_key.h"

#include <meridian/base/text.h>

namespace meridian::proxy {
namespace {

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = LowerAscii(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// `text` decoded: itself if there is nothing to decode, else in `scratch`.
std::string_view Decode(std::string_view text, std::string& scratch) {
  if (text.find_first_of("%+") == std::string_view::npos) return text;
  scratch.clear();
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i] == '+' ? ' ' : text[i];
    if (c == '%' && i + 2 < text.size()) {
      const int high = DigitOf(text[i + 1]), low = DigitOf(text[i + 2]);
      if (high >= 0 && low >= 0) c = static_cast<char>(high << 4 | low), i += 2;
    }
    scratch.push_back(c);
  }
  return scratch;
}

}  // namespace

std::string_view QueryValue(std::string_view path, std::string_view name, std::string& scratch) {
  const size_t mark = path.find('?');
  std::string_view rest = mark == std::string_view::npos ? "" : path.substr(mark + 1);
  while (!rest.empty()) {
    const size_t end = rest.find('&');
    const std::string_view part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    const size_t equals = part.find('=');
    if (Decode(part.substr(0, equals), scratch) != name) continue;
    return equals == std::string_view::npos ? "" : Decode(part.substr(equals + 1), scratch);
  }
  return {};
}

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
      return QueryValue(head.path, session.name, scratch);
    case topology::SessionBy::kNone:
    case topology::SessionBy::kSource:
    case topology::SessionBy::kSni:
      break;
  }
  return {};
}

}  // namespace meridian::proxy
