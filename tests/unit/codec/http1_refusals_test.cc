// Framing and smuggling: raw bytes and what must come of them. Sources: RFC 9112 and 9110 where a
// section is named, and the families of request smuggling known by the pair of readers they set
// apart (CL.TE, TE.CL, TE.TE, …).
#include <gtest/gtest.h>

#include "http1_events.h"

namespace meridian::codec {
namespace {

using namespace std::string_view_literals;

struct Case {
  std::string_view name;
  std::string_view bytes;
  std::string_view outcome;  // the reason of the refusal, or "ok"
};

std::string Outcome(Http1Parser::Kind kind, std::string_view bytes) {
  const std::string told = Conversation{.kind = kind}.Tell(bytes);
  const size_t refused = told.rfind("refused ");
  if (refused == std::string::npos) return told.ends_with("in-head false\n") ? "ok" : "incomplete";
  const size_t reason = told.find(": ", refused) + 2;
  return told.substr(reason, told.size() - 1 - reason);
}

void ExpectOutcomes(Http1Parser::Kind kind, std::span<const Case> cases) {
  for (const Case& each : cases) EXPECT_EQ(Outcome(kind, each.bytes), each.outcome) << each.name;
}

constexpr Case kLengths[] = {
    {"CL.TE",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: "
     "chunked\r\n\r\n0\r\n\r\nG",
     "both-lengths"},
    {"TE.CL",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: "
     "3\r\n\r\n8\r\nSMUGGLED\r\n0\r\n\r\n",
     "both-lengths"},
    {"both, no length value",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length:\r\n\r\n",
     "both-lengths"},
    {"two different lengths",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
     "repeated-length"},
    {"two equal lengths",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
     "repeated-length"},
    {"two lengths, other case",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\na",
     "repeated-length"},
    {"list of equal lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nabcde",
     "bad-length"},
    {"length with plus", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nabcde",
     "bad-length"},
    {"negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nabcde",
     "bad-length"},
    {"hexadecimal length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nabcde",
     "bad-length"},
    {"length with inner space", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 2\r\n\r\nab",
     "bad-length"},
    {"length with letters behind", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5a\r\n\r\nabcde",
     "bad-length"},
    {"length with fraction", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5.0\r\n\r\nabcde",
     "bad-length"},
    {"length with exponent", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1e1\r\n\r\nabcdefghij",
     "bad-length"},
    {"length with underscore",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\nabcdefghij", "bad-length"},
    {"empty length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n", "bad-length"},
    {"length of 2^64", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n",
     "bad-length"},
    {"length of 20 nines",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", "bad-length"},
    {"full-width digit", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \xef\xbc\x95\r\n\r\nabcde",
     "bad-length"},
    {"length in quotes", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \"5\"\r\n\r\nabcde",
     "bad-length"},
    {"padded by space", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:  \t 5  \r\n\r\nabcde", "ok"},
    {"tab behind the length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\t\r\n\r\nabcde",
     "bad-length"},
    {"leading zeros", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0005\r\n\r\nabcde", "ok"},
    {"zero", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "ok"},
    {"GET with a body, then another",
     "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\n\r\n",
     "ok"},
};

constexpr Case kCodings[] = {
    {"TE.TE, x in front", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
     "bad-transfer-coding"},
    {"TE.TE, twice",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
     "chunked\r\n\r\n0\r\n\r\n",
     "bad-transfer-coding"},
    {"TE.TE, second unknown",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
     "x\r\n\r\n0\r\n\r\n",
     "bad-transfer-coding"},
    {"TE.TE, first unknown",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\nTransfer-Encoding: "
     "chunked\r\n\r\n0\r\n\r\n",
     "bad-transfer-coding"},
    {"identity", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
     "bad-transfer-coding"},
    {"chunked, identity",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
     "bad-transfer-coding"},
    {"identity, chunked",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity, chunked\r\n\r\n",
     "bad-transfer-coding"},
    {"gzip, chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
     "bad-transfer-coding"},
    {"chunked, chunked",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
     "bad-transfer-coding"},
    {"chunked and comma", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n",
     "bad-transfer-coding"},
    {"comma and chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n",
     "bad-transfer-coding"},
    {"parameter", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n",
     "bad-transfer-coding"},
    {"in quotes", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n",
     "bad-transfer-coding"},
    {"empty", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", "bad-transfer-coding"},
    {"vertical tab before value",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0b"
     "chunked\r\n\r\n",
     "bad-field-value"},
    {"form feed behind value",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\x0c\r\n\r\n", "bad-field-value"},
    {"non-breaking space",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \xa0"
     "chunked\r\n\r\n",
     "bad-transfer-coding"},
    {"space before colon",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
     "space-before-colon"},
    {"tab before colon",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
     "space-before-colon"},
    {"folded value",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", "obs-fold"},
    {"in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "transfer-coding-in-1.0"},
    {"hidden behind a bare LF",
     "POST / HTTP/1.1\r\nHost: a\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n", "bare-lf"},
    {"hidden behind a bare CR",
     "POST / HTTP/1.1\r\nHost: a\r\nX: y\rTransfer-Encoding: chunked\r\n\r\n", "bare-cr"},
    {"other case", "POST / HTTP/1.1\r\nHost: a\r\nTRANSFER-ENCODING: Chunked\r\n\r\n0\r\n\r\n",
     "ok"},
    {"tab before value",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n", "ok"},
    {"underscore is another field",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\n\r\n", "ok"},
};

// Each is the body of a chunked request.
constexpr Case kChunks[] = {
    {"plain", "5\r\nabcde\r\n0\r\n\r\n", "ok"},
    {"capital digits", "A\r\nabcdefghij\r\n0\r\n\r\n", "ok"},
    {"leading zeros", "0005\r\nabcde\r\n000\r\n\r\n", "ok"},
    {"extension", "5;name=value\r\nabcde\r\n0;last\r\n\r\n", "ok"},
    {"quoted extension", "5;name=\"a b;c\"\r\nabcde\r\n0\r\n\r\n", "ok"},
    {"trailer", "0\r\nDigest: x\r\nOther:\r\n\r\n", "ok"},
    {"plus", "+5\r\nabcde\r\n0\r\n\r\n", "bad-chunk"},
    {"minus", "-5\r\nabcde\r\n0\r\n\r\n", "bad-chunk"},
    {"0x", "0x5\r\nabcde\r\n0\r\n\r\n", "bad-chunk"},
    {"space before size", " 5\r\nabcde\r\n0\r\n\r\n", "bad-chunk"},
    {"space behind size", "5 \r\nabcde\r\n0\r\n\r\n", "bad-chunk"},
    {"space before extension", "5 ;x\r\nabcde\r\n0\r\n\r\n", "bad-chunk"},
    {"tab behind size", "5\t\r\nabcde\r\n0\r\n\r\n", "bad-chunk"},
    {"garbage behind size", "5xyz\r\nabcde\r\n0\r\n\r\n", "bad-chunk"},
    {"underscore", "1_0\r\nabcde\r\n0\r\n\r\n", "bad-chunk"},
    {"no size", "\r\nabcde\r\n0\r\n\r\n", "bad-chunk"},
    {"extension without size", ";x\r\n\r\n", "bad-chunk"},
    {"seventeen digits", "00000000000000005\r\nabcde\r\n0\r\n\r\n", "bad-chunk"},
    {"2^64 and five", "10000000000000005\r\nabcde\r\n0\r\n\r\n", "bad-chunk"},
    {"bare LF behind size", "5\nabcde\r\n0\r\n\r\n", "bare-lf"},
    {"bare CR behind size", "5\rabcde\r\n0\r\n\r\n", "bad-chunk"},
    {"TERM.EXT: LF in extension", "5;x\nabcde\r\n0\r\n\r\n", "bare-lf"},
    {"EXT.TERM: CR in extension", "5;x\rabcde\r\n0\r\n\r\n", "bad-chunk"},
    {"NUL in extension", "5;\0\r\nabcde\r\n0\r\n\r\n"sv, "bad-chunk"},
    {"TERM.SPILL: LF behind data", "5\r\nabcde\n0\r\n\r\n", "bad-chunk"},
    {"SPILL.TERM: no line end behind data", "5\r\nabcde0\r\n\r\n", "bad-chunk"},
    {"two bytes in place of the line end", "5\r\nabcdeXX0\r\n\r\n", "bad-chunk"},
    {"data longer than its size", "4\r\nabcde\r\n0\r\n\r\n", "bad-chunk"},
    {"CR and no LF behind data", "5\r\nabcde\rX0\r\n\r\n", "bad-chunk"},
    {"bare LF behind last chunk", "0\n\r\n", "bare-lf"},
    {"bare LF as the end", "0\r\n\n", "bare-lf"},
    {"bare CR as the end", "0\r\n\rX", "bad-chunk"},
    {"trailer without colon", "0\r\nDigest\r\n\r\n", "bad-trailer"},
    {"trailer without name", "0\r\n: x\r\n\r\n", "bad-trailer"},
    {"trailer with space before colon", "0\r\nDigest : x\r\n\r\n", "bad-trailer"},
    {"folded trailer", "0\r\nDigest: x\r\n y\r\n\r\n", "bad-trailer"},
    {"NUL in trailer", "0\r\nDigest: \0\r\n\r\n"sv, "bad-trailer"},
    {"bare LF in trailer", "0\r\nDigest: x\n\r\n", "bare-lf"},
    {"bare CR in trailer", "0\r\nDigest: x\rY: z\r\n\r\n", "bare-cr"},
    {"request in place of a trailer", "0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "bad-trailer"},
};

constexpr Case kLines[] = {
    {"bare LF behind the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", "bare-lf"},
    {"bare LF behind a field", "GET / HTTP/1.1\r\nHost: a\n\r\n", "bare-lf"},
    {"bare LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n", "bare-lf"},
    {"bare CR in the request line", "GET /\rx HTTP/1.1\r\nHost: a\r\n\r\n", "bare-cr"},
    {"two CRs behind the request line", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", "bare-cr"},
    {"bare CR in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\rY: z\r\n\r\n", "bare-cr"},
    {"bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n", "bare-cr"},
    {"two CRs behind a field", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", "bare-cr"},
    {"CR before the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n\r\n", "bare-cr"},
    {"fold by space", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", "obs-fold"},
    {"fold by tab", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\tz\r\n\r\n", "obs-fold"},
    {"space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "obs-fold"},
    {"line of a space", "GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n", "obs-fold"},
    {"no name", "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", "bad-field-name"},
    {"no colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", "bad-field-name"},
    {"space in a name", "GET / HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n", "bad-field-name"},
    {"NUL in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\0: y\r\n\r\n"sv, "bad-field-name"},
    {"obs-text in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\xff: y\r\n\r\n", "bad-field-name"},
    {"parenthesis in a name", "GET / HTTP/1.1\r\nHost: a\r\nX(y): z\r\n\r\n", "bad-field-name"},
    {"space before colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "space-before-colon"},
    {"NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n"sv, "bad-field-value"},
    {"DEL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n", "bad-field-value"},
    {"escape in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: \x1b[0m\r\n\r\n", "bad-field-value"},
    {"obs-text in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa9\r\n\r\n", "ok"},
    {"empty value", "GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n", "ok"},
    {"one empty line first", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "ok"},
    {"two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "bad-method"},
    {"LF first", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "bad-method"},
    {"CR first", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", "bare-cr"},
    {"space first", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", "bad-method"},
};

constexpr Case kStarts[] = {
    {"TLS ClientHello", "\x16\x03\x01\x02", "tls-on-plain-port"},
    {"SSH", "SSH-2.0-OpenSSH_9.2\r\n", "bad-method"},
    {"endless method", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "bad-method"},
    {"NUL", "\0"sv, "bad-method"},
    {"PROXY v2", "\r\n\r\n\0\r\nQUIT\n"sv, "bad-method"},
    {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "bad-version"},
    {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "bad-version"},
    {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", "bad-version"},
    {"HTTP/0.9 with version", "GET / HTTP/0.9\r\n\r\n", "bad-version"},
    {"HTTP/0.9 without", "GET /\r\n\r\n", "bad-version"},
    {"lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n", "bad-version"},
    {"version with zeros", "GET / HTTP/01.1\r\nHost: a\r\n\r\n", "bad-version"},
    {"version with a long minor", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", "bad-version"},
    {"space behind the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "bad-version"},
    {"RTSP", "SETUP / RTSP/1.0\r\n\r\n", "bad-version"},
    {"RTSP method over HTTP", "SETUP / HTTP/1.1\r\nHost: a\r\n\r\n", "unknown-method"},
    {"unknown method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "unknown-method"},
    {"lower-case method", "get / HTTP/1.1\r\nHost: a\r\n\r\n", "unknown-method"},
    {"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "ok"},
    {"CONNECT without a port", "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", "bad-target"},
    {"CONNECT to a path", "CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n", "bad-target"},
    {"CONNECT to a URI", "CONNECT http://a:443/ HTTP/1.1\r\nHost: a\r\n\r\n", "bad-target"},
    {"CONNECT with a length", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
     "length-in-connect"},
    {"CONNECT with chunks",
     "CONNECT a:1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
     "length-in-connect"},
    {"two spaces before the target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "bad-target"},
    {"two spaces behind the target", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", "bad-target"},
    {"tab in place of a space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "bad-method"},
    {"space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "bad-target"},
    {"version within the target", "GET / HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n", "bad-target"},
    {"fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "bad-target"},
    {"NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"sv, "bad-target"},
    {"obs-text in the target", "GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", "bad-target"},
    {"no slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", "bad-target"},
    {"asterisk with GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", "bad-target"},
    {"asterisk with OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "ok"},
    {"empty target", "GET  HTTP/1.1\r\nHost: a\r\n\r\n", "bad-target"},
};

constexpr Case kHosts[] = {
    {"missing", "GET / HTTP/1.1\r\n\r\n", "missing-host"},
    {"missing in 1.0", "GET / HTTP/1.0\r\n\r\n", "ok"},
    {"twice", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "repeated-host"},
    {"twice the same", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", "repeated-host"},
    {"twice in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "repeated-host"},
    {"empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "bad-host"},
    {"with path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "bad-host"},
    {"with scheme", "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n", "bad-host"},
    {"with user information", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "bad-host"},
    {"list", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", "bad-host"},
    {"with space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "bad-host"},
    {"percent-encoded", "GET / HTTP/1.1\r\nHost: a%2fb\r\n\r\n", "bad-host"},
    {"obs-text", "GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n", "bad-host"},
    {"port only", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", "bad-host"},
    {"empty port", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", "bad-host"},
    {"letters for a port", "GET / HTTP/1.1\r\nHost: a:http\r\n\r\n", "bad-host"},
    {"port too large", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", "bad-host"},
    {"two ports", "GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", "bad-host"},
    {"IPv6 without brackets", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", "bad-host"},
    {"open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "bad-host"},
    {"garbage behind the bracket", "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", "bad-host"},
    {"IPv4 in brackets", "GET / HTTP/1.1\r\nHost: [127.0.0.1]\r\n\r\n", "bad-host"},
    {"zone", "GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n", "bad-host"},
    {"IPv6", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "ok"},
    {"IPv4 and port", "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n", "ok"},
    {"absolute, same", "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "ok"},
    {"absolute, another Host", "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", "ok"},
    {"absolute, bad Host", "GET http://a/ HTTP/1.1\r\nHost: b/c\r\n\r\n", "bad-host"},
    {"absolute, no Host", "GET http://a/ HTTP/1.1\r\n\r\n", "missing-host"},
    {"absolute, user information", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", "bad-target"},
    {"absolute, no host", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", "bad-target"},
    {"absolute, one slash", "GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n", "bad-target"},
    {"absolute, other scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "bad-target"},
    {"absolute, backslash", "GET http://a\\b/ HTTP/1.1\r\nHost: a\r\n\r\n", "bad-target"},
    {"absolute, query without path", "GET http://a?b HTTP/1.1\r\nHost: a\r\n\r\n", "bad-target"},
};

constexpr Case kConnections[] = {
    {"Host", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, Host\r\n\r\n",
     "connection-names-end-to-end-field"},
    {"length",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: content-length\r\n\r\nx",
     "connection-names-end-to-end-field"},
    {"cookie", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Cookie\r\n\r\n",
     "connection-names-end-to-end-field"},
    {"authorization", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Authorization\r\n\r\n",
     "connection-names-end-to-end-field"},
    {"cache-control", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Cache-Control\r\n\r\n",
     "connection-names-end-to-end-field"},
    {"client address", "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Forwarded-For\r\n\r\n",
     "connection-names-end-to-end-field"},
    {"not a token", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close; x\r\n\r\n", "bad-connection"},
    {"too many",
     "GET / HTTP/1.1\r\nHost: a\r\nConnection: "
     "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\r\n\r\n",
     "too-many-connection-options"},
    {"empty elements", "GET / HTTP/1.1\r\nHost: a\r\nConnection: , ,close,\r\n\r\n", "ok"},
    {"an own field", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nConnection: x\r\n\r\n", "ok"},
};

constexpr Case kResponses[] = {
    {"plain", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok"},
    {"no reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "ok"},
    {"no reason, no space", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "ok"},
    {"both lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
     "both-lengths"},
    {"both lengths, coding first",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n", "both-lengths"},
    {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
     "repeated-length"},
    {"identity", "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n", "bad-transfer-coding"},
    {"coding in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "transfer-coding-in-1.0"},
    {"204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok",
     "length-without-body"},
    {"204 with length zero", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "ok"},
    {"100 with a coding", "HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n",
     "length-without-body"},
    {"304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", "ok"},
    {"empty line first", "\r\nHTTP/1.1 200 OK\r\n\r\n", "bad-version"},
    {"HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n", "bad-version"},
    {"HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n", "bad-version"},
    {"ICY", "ICY 200 OK\r\n\r\n", "bad-version"},
    {"two digits", "HTTP/1.1 20 OK\r\n\r\n", "bad-status"},
    {"four digits", "HTTP/1.1 2000 OK\r\n\r\n", "bad-status"},
    {"099", "HTTP/1.1 099 Low\r\n\r\n", "bad-status"},
    {"600", "HTTP/1.1 600 High\r\n\r\n", "bad-status"},
    {"two spaces", "HTTP/1.1  200 OK\r\n\r\n", "bad-status"},
    {"control byte in the reason", "HTTP/1.1 200 \x01\r\n\r\n", "bad-reason"},
    {"bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", "bare-lf"},
    {"space before colon", "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok", "space-before-colon"},
    {"obs-fold", "HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n", "obs-fold"},
    {"bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nok\r\n0\r\n\r\n",
     "bad-chunk"},
};

TEST(Http1Refusals, LengthsThatTwoReadersMayReadDifferently) {
  ExpectOutcomes(Http1Parser::Kind::kRequest, kLengths);
}

TEST(Http1Refusals, TransferCodingsOtherThanChunkedAlone) {
  ExpectOutcomes(Http1Parser::Kind::kRequest, kCodings);
}

TEST(Http1Refusals, ChunksThatAreNotExact) {
  for (const Case& each : kChunks) {
    const std::string bytes = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                              std::string(each.bytes);
    EXPECT_EQ(Outcome(Http1Parser::Kind::kRequest, bytes), each.outcome) << each.name;
  }
}

TEST(Http1Refusals, LinesAndFieldsOutsideTheGrammar) {
  ExpectOutcomes(Http1Parser::Kind::kRequest, kLines);
}

TEST(Http1Refusals, StartLinesOutsideTheGrammar) {
  ExpectOutcomes(Http1Parser::Kind::kRequest, kStarts);
}

TEST(Http1Refusals, HostsThatAreMissingRepeatedOrOdd) {
  ExpectOutcomes(Http1Parser::Kind::kRequest, kHosts);
}

TEST(Http1Refusals, ConnectionsThatNameWhatMustReachTheEnd) {
  ExpectOutcomes(Http1Parser::Kind::kRequest, kConnections);
}

TEST(Http1Refusals, ResponsesThatTwoReadersMayReadDifferently) {
  ExpectOutcomes(Http1Parser::Kind::kResponse, kResponses);
}

TEST(Http1Refusals, OutcomeIsTheSameAtEverySplitPoint) {
  const auto check = [](Http1Parser::Kind kind, std::span<const Case> cases,
                        std::string_view before) {
    const Conversation conversation{.kind = kind};
    for (const Case& each : cases) {
      const std::string bytes = std::string(before) + std::string(each.bytes);
      const std::string whole = conversation.Tell(bytes);
      std::vector<size_t> all;
      for (size_t cut = 1; cut < bytes.size(); ++cut) {
        all.push_back(cut);
        ASSERT_EQ(conversation.Tell(bytes, std::span(&cut, 1)), whole)
            << each.name << " cut at " << cut;
      }
      ASSERT_EQ(conversation.Tell(bytes, all), whole) << each.name << " byte by byte";
    }
  };
  for (const auto cases : {std::span<const Case>(kLengths), std::span<const Case>(kCodings),
                           std::span<const Case>(kLines), std::span<const Case>(kStarts),
                           std::span<const Case>(kHosts), std::span<const Case>(kConnections)}) {
    check(Http1Parser::Kind::kRequest, cases, "");
  }
  check(Http1Parser::Kind::kRequest, kChunks,
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  check(Http1Parser::Kind::kResponse, kResponses, "");
}

}  // namespace
}  // namespace meridian::codec
