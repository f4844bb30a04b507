// The two forms of an access log line, whatever bytes a client sent.
#include "proxy/access_line.h"

#include <gtest/gtest.h>
#include <meridian/base/time.h>

namespace meridian::proxy {
namespace {

AccessLine Whole() {
  AccessLine line;
  line.time = WallTime(std::chrono::milliseconds(1'795'701'942'123));
  line.client = *net::IpAddress::Parse("192.0.2.1");
  line.country = "US";
  line.city = "Dallas";
  line.listener = "front";
  line.service = "web";
  line.site = "dallas";
  line.endpoint = "10.2.0.11:8080";
  line.reason = "nearest";
  line.session = "new";
  line.attempts = 2;
  line.protocol = "HTTP/1.1";
  line.method = "GET";
  line.host = "app.example.com";
  line.path = "/a?b";
  line.referer = "http://x.test/";
  line.agent = "curl/8";
  line.status = 200;
  line.bytes_in = 3;
  line.bytes_out = 4;
  line.queue = std::chrono::microseconds(0);
  line.connect = std::chrono::microseconds(310);
  line.first_byte = std::chrono::microseconds(1240);
  line.total = std::chrono::nanoseconds(1'301'900);
  line.tls = "1.3";
  line.request_id = "abc";
  return line;
}

std::string Json(const AccessLine& line) {
  std::string out;
  AppendJson(line, out);
  return out;
}
std::string Combined(const AccessLine& line) {
  std::string out;
  AppendCombined(line, out);
  return out;
}
// The path's place in a line.
std::string JsonPath(std::string_view path) {
  AccessLine line = Whole();
  line.path = path;
  const std::string text = Json(line);
  const size_t at = text.find("\"path\":") + 7;
  return text.substr(at, text.find(",\"status\"") - at);
}
std::string CombinedAgent(std::string_view agent) {
  AccessLine line = Whole();
  line.agent = agent;
  const std::string text = Combined(line);
  const size_t at = text.find("http://x.test/\" ") + 16;
  return text.substr(at);
}

TEST(AccessLine, SaysAllInJson) {
  EXPECT_EQ(Json(Whole()),
            "{\"time\":\"2026-11-26T14:05:42.123Z\",\"client\":\"192.0.2.1\",\"location\":"
            "{\"country\":\"US\",\"city\":\"Dallas\"},\"listener\":\"front\",\"service\":\"web\","
            "\"site\":\"dallas\",\"endpoint\":\"10.2.0.11:8080\",\"reason\":\"nearest\","
            "\"session\":\"new\",\"attempts\":2,\"protocol\":\"HTTP/1.1\",\"method\":\"GET\","
            "\"host\":\"app.example.com\",\"path\":\"/a?b\",\"status\":200,\"bytes_in\":3,"
            "\"bytes_out\":4,\"queue_us\":0,\"connect_us\":310,\"first_byte_us\":1240,"
            "\"total_us\":1301,\"tls\":\"1.3\",\"request_id\":\"abc\"}\n");
}

TEST(AccessLine, WhatIsNotKnownIsNull) {
  AccessLine line;
  line.client = *net::IpAddress::Parse("2001:db8::1");
  EXPECT_EQ(Json(line),
            "{\"time\":\"1970-01-01T00:00:00.000Z\",\"client\":\"2001:db8::1\",\"location\":null,"
            "\"listener\":null,\"service\":null,\"site\":null,\"endpoint\":null,\"reason\":null,"
            "\"session\":null,\"attempts\":0,\"protocol\":null,\"method\":null,\"host\":null,"
            "\"path\":null,\"status\":null,\"bytes_in\":0,\"bytes_out\":0,\"queue_us\":null,"
            "\"connect_us\":null,\"first_byte_us\":null,\"total_us\":0,\"tls\":null,"
            "\"request_id\":null}\n");
  EXPECT_EQ(Combined(line), "2001:db8::1 - - [01/Jan/1970:00:00:00 +0000] \"-\" - 0 \"-\" \"-\"\n");
}

TEST(AccessLine, TimesAreThoseOfTheRestOfTheLog) {
  AccessLine line;
  for (const int64_t seconds : {0ll, 951'782'400ll, 1'709'164'799ll, 4'102'444'800ll}) {
    line.time = WallTime(std::chrono::seconds(seconds) + std::chrono::microseconds(7999));
    EXPECT_EQ(Json(line).substr(9, 24), FormatTime(line.time));
  }
}

TEST(AccessLine, JsonKeepsWellFormedTextAndEscapesTheRest) {
  EXPECT_EQ(JsonPath("/a\"b\\c"), R"("/a\"b\\c")");
  EXPECT_EQ(JsonPath(std::string_view("/\0\n\x1f\x7f", 5)), R"("/\u0000\u000a\u001f\u007f")");
  EXPECT_EQ(JsonPath("/\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
            "\"/\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
  EXPECT_EQ(JsonPath("/\xc2\x85\xc2\xa0"), "\"/\\u0085\xc2\xa0\"");  // C1; not a control
}

TEST(AccessLine, JsonReplacesEachByteThatIsNotUtf8) {
  EXPECT_EQ(JsonPath("/\xff\xfe"), R"("/\ufffd\ufffd")");
  EXPECT_EQ(JsonPath("/\xc0\xaf"), R"("/\ufffd\ufffd")");                      // overlong
  EXPECT_EQ(JsonPath("/\xe0\x80\xaf"), R"("/\ufffd\ufffd\ufffd")");            // overlong
  EXPECT_EQ(JsonPath("/\xed\xa0\x80"), R"("/\ufffd\ufffd\ufffd")");            // a surrogate
  EXPECT_EQ(JsonPath("/\xf4\x90\x80\x80"), R"("/\ufffd\ufffd\ufffd\ufffd")");  // past the last
  EXPECT_EQ(JsonPath("/\xe2\x82"), R"("/\ufffd\ufffd")");                      // cut off
  EXPECT_EQ(JsonPath("/\xe2\x82z"), R"("/\ufffd\ufffdz")");
}

TEST(AccessLine, IsApachesCombinedFormat) {
  EXPECT_EQ(Combined(Whole()),
            "192.0.2.1 - - [26/Nov/2026:14:05:42 +0000] \"GET /a?b HTTP/1.1\" 200 4 "
            "\"http://x.test/\" \"curl/8\"\n");
}

TEST(AccessLine, NothingInCombinedEndsItsQuotesOrItsLine) {
  EXPECT_EQ(CombinedAgent("a\" 200 0 \"\n127.0.0.1"), "\"a\\x22 200 0 \\x22\\x0a127.0.0.1\"\n");
  EXPECT_EQ(CombinedAgent("\\\xff\x1b[2J"), "\"\\x5c\\xff\\x1b[2J\"\n");
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const std::string text = CombinedAgent(std::string_view(&c, 1));
    ASSERT_TRUE(text.starts_with('"') && text.ends_with("\"\n"));
    const std::string inside = text.substr(1, text.size() - 3);
    EXPECT_EQ(inside.find_first_of("\"\n\r"), std::string::npos) << byte;
  }
}

TEST(AccessLine, EveryByteMakesOneLineOfJson) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const std::string text = JsonPath(std::string_view(&c, 1));
    for (const char each : text) {
      EXPECT_TRUE(each >= ' ' && each < 0x7f) << byte;
    }
  }
}

}  // namespace
}  // namespace meridian::proxy
