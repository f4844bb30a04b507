// The server name of TLS ClientHellos: cut anywhere, in any number of records, odd and wrong.
#include <gtest/gtest.h>
#include <meridian/codec/client_hello.h>

#include <memory>
#include <string>

#include "testing/allocations.h"

namespace meridian::codec {
namespace {

using namespace std::string_literals;

std::string Number(size_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}
std::string Vector(const std::string& data, int length_bytes) {
  return Number(data.size(), length_bytes) + data;
}
std::string Extension(uint16_t type, const std::string& data) {
  return Number(type, 2) + Vector(data, 2);
}
std::string Name(const std::string& name, uint8_t type = 0) {
  return Number(type, 1) + Vector(name, 2);
}
std::string ServerName(const std::string& names) {
  return Extension(0, Vector(names, 2));
}

struct Parts {
  std::string session_id = std::string(32, 's');
  std::string suites = "\x3a\x3a\x13\x01\x13\x02"s;  // the first is GREASE
  std::string methods = "\0"s;
  std::string extensions = Extension(0x5a5a, "") + ServerName(Name("App.Example.COM")) +
                           Extension(16, "\x00\x03\x02h2"s) + Extension(0x2a2a, "\0"s);
  bool with_extensions = true;
};

// Handshake message, without records.
std::string Hello(const Parts& parts = {}) {
  std::string body = "\x03\x03"s + std::string(32, 'r') + Vector(parts.session_id, 1) +
                     Vector(parts.suites, 2) + Vector(parts.methods, 1);
  if (parts.with_extensions) body += Vector(parts.extensions, 2);
  return "\x01" + Vector(body, 3);
}
std::string WithExtensions(const std::string& extensions) {
  Parts parts;
  parts.extensions = extensions;
  return Hello(parts);
}
// In records of at most `size` bytes.
std::string Records(const std::string& message, size_t size = 16384) {
  std::string out;
  for (size_t at = 0; at < message.size(); at += size) {
    out += "\x16\x03\x01" + Vector(message.substr(at, size), 2);
  }
  return out;
}

// The server name in brackets, "more", "not-tls", or the reason of the refusal. From its own copy
// of exactly these bytes.
std::string Outcome(std::string_view bytes) {
  const auto copy = std::make_unique<char[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), copy.get());
  const auto hello = ParseClientHello({copy.get(), bytes.size()});
  if (!hello) return hello.error().context;
  if (hello->progress == ClientHello::Progress::kNeedMore) return "more";
  if (hello->progress == ClientHello::Progress::kNotTls) return "not-tls";
  return "[" + std::string(hello->server_name()) + "]";
}

// No beginning tells anything but "more" or what the whole tells; nothing that follows matters.
void ExpectEverywhere(const std::string& bytes, const std::string& outcome) {
  bool told = false;
  for (size_t size = 0; size <= bytes.size(); ++size) {
    const std::string got = Outcome(std::string_view(bytes).substr(0, size));
    ASSERT_TRUE(got == outcome || (got == "more" && !told)) << size << ": " << got;
    told = got != "more";
  }
  EXPECT_TRUE(told) << outcome;
  EXPECT_EQ(Outcome(bytes + "\x17\x03\x03 and more"), outcome);
}

TEST(ClientHello, TellsTheServerNameInLowerCaseAtItsLastByte) {
  const std::string bytes = Records(Hello());
  ExpectEverywhere(bytes, "[app.example.com]");
  EXPECT_EQ(Outcome(bytes.substr(0, bytes.size() - 1)), "more");
}

// The protocols offered, each in brackets; or the reason of the refusal.
std::string Offered(const std::string& list) {
  const auto hello = ParseClientHello(Records(WithExtensions(Extension(16, list)), 7));
  if (!hello) return hello.error().context;
  std::string out;
  for (std::string_view rest = hello->alpn(); !rest.empty();) {
    const size_t bytes = static_cast<uint8_t>(rest[0]);
    const std::string_view name = rest.substr(1, bytes);
    EXPECT_EQ(name.size(), bytes);
    EXPECT_TRUE(OffersProtocol(hello->alpn(), name));
    out += "[" + std::string(name) + "]";
    rest.remove_prefix(1 + bytes);
  }
  return out;
}
std::string Protocols(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += Vector(name, 1);
  return Vector(list, 2);
}

TEST(ClientHello, TellsTheProtocolsOfferedInOrder) {
  EXPECT_EQ(Offered(Protocols({"h2", "http/1.1"})), "[h2][http/1.1]");
  EXPECT_EQ(Offered(Protocols({"\x0a\x0a"})), "[\x0a\x0a]") << "GREASE";
  EXPECT_EQ(Offered(Protocols({std::string(254, 'x')})), "[" + std::string(254, 'x') + "]");
  EXPECT_EQ(Offered(Protocols({"h2", std::string(255, 'x'), "h3"})), "[h2]") << "no room";
  const auto hello = ParseClientHello(Records(WithExtensions(Extension(16, Protocols({"h2"})))));
  ASSERT_TRUE(hello.has_value());
  for (const char* other : {"h", "h2c", "http/1.1", ""}) {
    EXPECT_FALSE(OffersProtocol(hello->alpn(), other)) << other;
  }
  EXPECT_FALSE(OffersProtocol({}, "h2"));
}

TEST(ClientHello, WithMalformedProtocolsIsRefused) {
  EXPECT_EQ(Offered(""), "bad-alpn");
  EXPECT_EQ(Offered("\0"s), "bad-alpn");
  EXPECT_EQ(Offered("\0\0"s), "bad-alpn") << "an empty list";
  EXPECT_EQ(Offered(Protocols({""})), "bad-alpn") << "an empty name";
  EXPECT_EQ(Offered("\0\x03\x05h2"s), "bad-alpn") << "a name beyond the list";
  EXPECT_EQ(Offered("\0\x09\x02h2"s), "bad-alpn") << "a list beyond the extension";
  const std::string once = Extension(16, Protocols({"h2"}));
  const auto twice = ParseClientHello(Records(WithExtensions(once + once)));
  ASSERT_FALSE(twice.has_value());
  EXPECT_STREQ(twice.error().context, "bad-alpn");
}

// RFC 9849 section 5.1: type outer, cipher suite, config id, encapsulated key, payload.
TEST(ClientHello, WhoseInnerOneIsEncryptedGoesByItsOuterName) {
  const std::string encrypted = "\0\0\1\0\1\7"s + Vector(std::string(32, 'e'), 2) +
                                Vector(std::string(239, '\0') + "inner.example", 2);
  const std::string name = ServerName(Name("public.example"));
  ExpectEverywhere(Records(WithExtensions(Extension(0xfe0d, encrypted) + name)),
                   "[public.example]");
  ExpectEverywhere(Records(WithExtensions(name + Extension(0xfe0d, encrypted)), 50),
                   "[public.example]");
}

TEST(ClientHello, MayLieInRecordsOfAnySize) {
  const std::string hello = Hello();
  for (size_t size = 1; size <= hello.size(); ++size) {
    EXPECT_EQ(Outcome(Records(hello, size)), "[app.example.com]") << size;
  }
  ExpectEverywhere(Records(hello, 1), "[app.example.com]");
  ExpectEverywhere(Records(hello, 7), "[app.example.com]");
  for (size_t cut = 1; cut < hello.size(); ++cut) {
    const std::string bytes = Records(hello.substr(0, cut)) + Records(hello.substr(cut));
    EXPECT_EQ(Outcome(bytes), "[app.example.com]") << cut;
  }
}

TEST(ClientHello, MayShareItsLastRecordWithWhatFollows) {
  EXPECT_EQ(Outcome(Records(Hello() + "another message")), "[app.example.com]");
}

TEST(ClientHello, WithoutANameHasNone) {
  ExpectEverywhere(Records(WithExtensions("")), "[]");
  ExpectEverywhere(Records(WithExtensions(Extension(43, "\x02\x03\x04"s))), "[]");
  Parts old;
  old.with_extensions = false;
  old.session_id.clear();
  ExpectEverywhere(Records(Hello(old)), "[]");
  ExpectEverywhere(Records(WithExtensions(ServerName(Name("what", 7)))), "[]");
}

TEST(ClientHello, TakesTheNameAsItIsSent) {
  const auto name = [](const std::string& text) {
    return Outcome(Records(WithExtensions(ServerName(Name(text)))));
  };
  EXPECT_EQ(name("a"), "[a]");
  EXPECT_EQ(name("example.com."), "[example.com]");
  EXPECT_EQ(name("192.0.2.1"), "[192.0.2.1]");
  EXPECT_EQ(name("_x-1.example"), "[_x-1.example]");
  EXPECT_EQ(name(std::string(255, 'n')), "[" + std::string(255, 'n') + "]");
  EXPECT_EQ(Outcome(Records(WithExtensions(ServerName(Name("x", 3) + Name("b.test"))))),
            "[b.test]");
}

TEST(ClientHello, RefusesNamesThatAreNone) {
  const auto expect_bad = [](const std::string& extensions) {
    ExpectEverywhere(Records(WithExtensions(extensions)), "bad-server-name");
  };
  for (const std::string& name : {""s, "."s, ".example.com"s, "a b"s, "a\0b"s, "\xc3\xa9.example"s,
                                  "a/b"s, std::string(256, 'n')}) {
    expect_bad(ServerName(Name(name)));
  }
  expect_bad(Extension(0, ""));
  expect_bad(Extension(0, "\0"s));
  expect_bad(ServerName(""));
  expect_bad(ServerName("\0\0"s));
  expect_bad(ServerName(Name("a") + Name("b")));
  expect_bad(ServerName(Name("a")) + ServerName(Name("a")));
  expect_bad(Extension(0, Vector(Name("a"), 2) + "x"));
  expect_bad(Extension(0, Number(5, 2) + Name("a")));
  expect_bad(ServerName(Number(0, 1) + Number(9, 2) + "short"));
}

TEST(ClientHello, RefusesFieldsThatDoNotFit) {
  const auto bad = [](const Parts& parts) {
    ExpectEverywhere(Records(Hello(parts)), "bad-client-hello");
  };
  Parts parts;
  parts.session_id = std::string(33, 's');
  bad(parts);
  parts = {};
  parts.suites = "";
  bad(parts);
  parts.suites = "abc";
  bad(parts);
  parts = {};
  parts.methods = "";
  bad(parts);
  const auto message = [](const std::string& body) { return Records("\x01" + Vector(body, 3)); };
  const std::string good = Hello().substr(4);
  ExpectEverywhere(message(good + "x"), "bad-client-hello");
  ExpectEverywhere(message(""), "bad-client-hello");
  ExpectEverywhere(message(WithExtensions("\x00\x10\x00\x05\x00"s).substr(4)), "bad-client-hello");
  ExpectEverywhere(message(WithExtensions("\x00\x10\x00"s).substr(4)), "bad-client-hello");
  for (size_t size = 0; size < good.size(); ++size) {
    const std::string got = Outcome(message(good.substr(0, size)));
    // Cut where there may be no extensions at all, it is good.
    const size_t bare = 2 + 32 + 1 + 32 + 2 + 6 + 1 + 1;
    EXPECT_EQ(got, size == bare ? "[]" : "bad-client-hello") << size;
  }
}

TEST(ClientHello, OfAnotherProtocolIsNotTls) {
  for (const std::string& bytes : {"GET / HTTP/1.1\r\n"s, "SSH-2.0-x\r\n"s, "\x00"s, "\x16\x02"s,
                                   "\x80\x2e\x01\x03\x01"s, "\x15\x03\x01\x00\x02"s}) {
    ExpectEverywhere(bytes, "not-tls");
  }
}

TEST(ClientHello, RefusesRecordsAndMessagesThatCannotBeginAHandshake) {
  ExpectEverywhere("\x16\x03\x01\x00\x00"s, "bad-tls-record");
  ExpectEverywhere("\x16\x03\x01\x40\x01"s, "bad-tls-record");
  ExpectEverywhere("\x16\x03\x01\x00\x04\x02\x00\x00\x00"s, "not-a-client-hello");
  const std::string hello = Hello();
  ExpectEverywhere(Records(hello.substr(0, 20)) + "\x17\x03\x01\x00\x04" + "abcd",
                   "bad-tls-record");
  ExpectEverywhere(Records(hello.substr(0, 20)) + "\x16\x04\x01\x00\x04" + "abcd",
                   "bad-tls-record");
  ExpectEverywhere(Records(hello.substr(0, 20)) + "\x16\x03\x01\x00\x00"s, "bad-tls-record");
}

TEST(ClientHello, IsBounded) {
  const auto padded = [](size_t bytes) {
    return WithExtensions(Extension(21, std::string(bytes, 0)));
  };
  const size_t without = Records(padded(0)).size();
  const std::string largest = Records(padded(kMaxClientHello - without));
  EXPECT_EQ(largest.size(), kMaxClientHello);
  EXPECT_EQ(Outcome(largest), "[]");
  EXPECT_EQ(Outcome(Records(padded(kMaxClientHello - without + 1))), "client-hello-too-large");
  EXPECT_EQ(Outcome("\x16\x03\x01\x00\x04\x01\x00\x40\x00"s), "client-hello-too-large");
  EXPECT_EQ(Outcome("\x16\x03\x01\x00\x04\x01\xff\xff\xff"s), "client-hello-too-large");
  EXPECT_EQ(Outcome(Records(padded(9000), 1)), "client-hello-too-large") << "by its records";
}

TEST(ClientHello, IsReadWithoutAllocating) {
  const std::string bytes = Records(Hello(), 11);
  const fakes::Allocations allocations;
  const auto hello = ParseClientHello(bytes);
  EXPECT_EQ(allocations.count(), 0u);
  EXPECT_EQ(hello->server_name(), "app.example.com");
}

}  // namespace
}  // namespace meridian::codec
