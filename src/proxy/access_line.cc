// See access_line.h.
#include "proxy/access_line.h"

#include <array>
#include <charconv>

namespace meridian::proxy {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

void AppendNumber(uint64_t value, std::string& out) {
  char digits[20];
  const char* end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, static_cast<size_t>(end - digits));
}

// Of at least `width` digits.
void AppendPadded(int64_t value, int width, std::string& out) {
  char digits[20];
  const char* end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  for (auto used = end - digits; used < width; ++used) out += '0';
  out.append(digits, static_cast<size_t>(end - digits));
}

struct Date {
  std::chrono::year_month_day day;
  std::chrono::hh_mm_ss<std::chrono::milliseconds> time;
};

Date DateOf(WallTime time) {
  const auto whole = std::chrono::floor<std::chrono::milliseconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(whole);
  return {std::chrono::year_month_day(day),
          std::chrono::hh_mm_ss<std::chrono::milliseconds>(whole - day)};
}

void AppendClock(const Date& date, std::string& out) {
  AppendPadded(date.time.hours().count(), 2, out);
  out += ':';
  AppendPadded(date.time.minutes().count(), 2, out);
  out += ':';
  AppendPadded(date.time.seconds().count(), 2, out);
}

// RFC 3339, UTC, as FormatTime has it.
void AppendTime(WallTime time, std::string& out) {
  const Date date = DateOf(time);
  AppendPadded(static_cast<int>(date.day.year()), 4, out);
  out += '-';
  AppendPadded(static_cast<unsigned>(date.day.month()), 2, out);
  out += '-';
  AppendPadded(static_cast<unsigned>(date.day.day()), 2, out);
  out += 'T';
  AppendClock(date, out);
  out += '.';
  AppendPadded(date.time.subseconds().count(), 3, out);
  out += 'Z';
}

// As Apache's %t, UTC.
void AppendCommonTime(WallTime time, std::string& out) {
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const Date date = DateOf(time);
  AppendPadded(static_cast<unsigned>(date.day.day()), 2, out);
  out.append("/").append(kMonths[static_cast<unsigned>(date.day.month()) - 1]).append("/");
  AppendPadded(static_cast<int>(date.day.year()), 4, out);
  out += ':';
  AppendClock(date, out);
  out.append(" +0000");
}

void AppendIp(const net::IpAddress& ip, std::string& out) {
  char text[48];
  out.append(text, ip.Write(text));
}

// How many bytes the well-formed UTF-8 character at the beginning of `text` has (RFC 3629); 0:
// there is none.
size_t CharacterBytes(std::string_view text) {
  const auto byte = [text](size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto follows = [&](size_t i, unsigned low, unsigned high) {
    return byte(i) >= low && byte(i) <= high;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1, 0x80, 0xbf) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned low = first == 0xe0 ? 0xa0 : 0x80, high = first == 0xed ? 0x9f : 0xbf;
    return follows(1, low, high) && follows(2, 0x80, 0xbf) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned low = first == 0xf0 ? 0x90 : 0x80, high = first == 0xf4 ? 0x8f : 0xbf;
    return follows(1, low, high) && follows(2, 0x80, 0xbf) && follows(3, 0x80, 0xbf) ? 4 : 0;
  }
  return 0;
}

bool IsPlain(char c) {
  return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

// The character at the beginning of `text`, which is not plain; returns its bytes.
size_t AppendEscaped(std::string_view text, std::string& out) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first == '"' || first == '\\') {
    out.append("\\").append(text.substr(0, 1));
    return 1;
  }
  const size_t bytes = CharacterBytes(text);
  if (bytes == 0) {
    out.append("\\ufffd");
    return 1;
  }
  // C0, DEL and C1: a terminal would act on them.
  const bool is_c1 = first == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0;
  if (bytes > 1 && !is_c1) {
    out.append(text.substr(0, bytes));
    return bytes;
  }
  const unsigned code = is_c1 ? static_cast<unsigned char>(text[1]) : first;
  out.append("\\u00");
  out += kHex[code >> 4];
  out += kHex[code & 15];
  return bytes;
}

void AppendString(std::string_view text, std::string& out) {
  out += '"';
  while (!text.empty()) {
    size_t plain = 0;
    while (plain < text.size() && IsPlain(text[plain])) ++plain;
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (!text.empty()) text.remove_prefix(AppendEscaped(text, out));
  }
  out += '"';
}

// `key` with what stands before and behind it: ,"key":
void AppendText(std::string_view key, std::string_view value, std::string& out) {
  out.append(key);
  value.empty() ? static_cast<void>(out.append("null")) : AppendString(value, out);
}

void AppendMicroseconds(std::string_view key, Duration value, std::string& out) {
  out.append(key);
  if (value < Duration(0)) {
    out.append("null");
  } else {
    AppendNumber(static_cast<uint64_t>(value.count() / 1000), out);
  }
}

void AppendLocation(const AccessLine& line, std::string& out) {
  out.append(",\"location\":");
  if (line.country.empty() && line.city.empty()) {
    out.append("null");
    return;
  }
  AppendText("{\"country\":", line.country, out);
  if (!line.city.empty()) AppendText(",\"city\":", line.city, out);
  out += '}';
}

// Inside of quotes, or "-": what is not printable ASCII as \xHH, as nginx writes it.
void AppendQuoted(std::string_view text, std::string& out) {
  for (const char c : text) {
    if (IsPlain(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append("\\x");
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  if (text.empty()) out += '-';
}

}  // namespace

void AppendJson(const AccessLine& line, std::string& out) {
  out.append("{\"time\":\"");
  AppendTime(line.time, out);
  out.append("\",\"client\":\"");
  AppendIp(line.client, out);
  out += '"';
  AppendLocation(line, out);
  AppendText(",\"listener\":", line.listener, out);
  AppendText(",\"service\":", line.service, out);
  AppendText(",\"site\":", line.site, out);
  AppendText(",\"endpoint\":", line.endpoint, out);
  AppendText(",\"reason\":", line.reason, out);
  AppendText(",\"session\":", line.session, out);
  out.append(",\"attempts\":");
  AppendNumber(line.attempts, out);
  AppendText(",\"protocol\":", line.protocol, out);
  AppendText(",\"method\":", line.method, out);
  AppendText(",\"host\":", line.host, out);
  AppendText(",\"path\":", line.path, out);
  out.append(",\"status\":");
  line.status == 0 ? static_cast<void>(out.append("null")) : AppendNumber(line.status, out);
  out.append(",\"bytes_in\":");
  AppendNumber(line.bytes_in, out);
  out.append(",\"bytes_out\":");
  AppendNumber(line.bytes_out, out);
  AppendMicroseconds(",\"queue_us\":", line.queue, out);
  AppendMicroseconds(",\"connect_us\":", line.connect, out);
  AppendMicroseconds(",\"first_byte_us\":", line.first_byte, out);
  AppendMicroseconds(",\"total_us\":", line.total, out);
  AppendText(",\"tls\":", line.tls, out);
  AppendText(",\"request_id\":", line.request_id, out);
  out.append("}\n");
}

void AppendCombined(const AccessLine& line, std::string& out) {
  AppendIp(line.client, out);
  out.append(" - - [");
  AppendCommonTime(line.time, out);
  out.append("] \"");
  AppendQuoted(line.method, out);
  if (!line.method.empty()) {
    out += ' ';
    AppendQuoted(line.path, out);
    out.append(" ").append(line.protocol);
  }
  out.append("\" ");
  line.status == 0 ? static_cast<void>(out += '-') : AppendNumber(line.status, out);
  out += ' ';
  AppendNumber(line.bytes_out, out);
  out.append(" \"");
  AppendQuoted(line.referer, out);
  out.append("\" \"");
  AppendQuoted(line.agent, out);
  out.append("\"\n");
}

}  // namespace meridian::proxy
