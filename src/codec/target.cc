// See target.h.
#include <meridian/base/text.h>
#include <meridian/codec/target.h>

namespace meridian::codec {
namespace {

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = LowerAscii(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The byte that text[at…] spells as %XX; −1: none.
int ByteAt(std::string_view text, size_t at) {
  if (text[at] != '%' || at + 2 >= text.size()) return -1;
  const int high = DigitOf(text[at + 1]), low = DigitOf(text[at + 2]);
  return high < 0 || low < 0 ? -1 : high << 4 | low;
}

// `text` decoded as a form is: itself if there is nothing to decode, else in `scratch`.
std::string_view DecodeForm(std::string_view text, std::string& scratch) {
  if (text.find_first_of("%+") == std::string_view::npos) return text;
  scratch.clear();
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i] == '+' ? ' ' : text[i];
    if (const int byte = ByteAt(text, i); byte >= 0) c = static_cast<char>(byte), i += 2;
    scratch.push_back(c);
  }
  return scratch;
}

bool IsUnreserved(int c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

char UpperHex(char c) {
  return c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c;
}

void AppendNormal(std::string_view segment, std::string& out) {
  for (size_t i = 0; i < segment.size(); ++i) {
    const int byte = ByteAt(segment, i);
    if (byte < 0) {
      out.push_back(segment[i]);
      continue;
    }
    if (IsUnreserved(byte)) {
      out.push_back(static_cast<char>(byte));
    } else {
      out.append({'%', UpperHex(segment[i + 1]), UpperHex(segment[i + 2])});
    }
    i += 2;
  }
}

}  // namespace

std::string_view PathOf(std::string_view target) {
  return target.substr(0, target.find('?'));
}

std::string_view QueryOf(std::string_view target) {
  const size_t mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view() : target.substr(mark);
}

// RFC 3986 section 5.2.4, a segment at a time: each is written behind its '/', and taken back again
// if it turns out to be one of dots.
std::string_view NormalPath(std::string_view path, std::string& scratch) {
  const bool is_normal =
      path.find('%') == std::string_view::npos && path.find("/.") == std::string_view::npos;
  if (is_normal || !path.starts_with('/')) return path;
  scratch.clear();
  while (!path.empty()) {
    const size_t start = scratch.size();
    const size_t end = std::min(path.find('/', 1), path.size());
    AppendNormal(path.substr(0, end), scratch);
    path.remove_prefix(end);
    const std::string_view segment = std::string_view(scratch).substr(start);
    if (segment != "/." && segment != "/..") continue;
    const bool is_up = segment == "/..";
    scratch.resize(start);
    if (is_up) scratch.resize(std::min(scratch.rfind('/'), scratch.size()));
    if (path.empty()) scratch.push_back('/');
  }
  return scratch;
}

std::optional<std::string_view> QueryParameter(std::string_view target, std::string_view name,
                                               std::string& scratch) {
  std::string_view rest = QueryOf(target);
  if (!rest.empty()) rest.remove_prefix(1);
  while (!rest.empty()) {
    const size_t end = rest.find('&');
    const std::string_view part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    const size_t equals = part.find('=');
    if (part.empty() || DecodeForm(part.substr(0, equals), scratch) != name) continue;
    return equals == std::string_view::npos ? "" : DecodeForm(part.substr(equals + 1), scratch);
  }
  return std::nullopt;
}

}  // namespace meridian::codec
