// The Call-ID of SIP messages, whole and in pieces.
#include <gtest/gtest.h>
#include <meridian/codec/sip.h>

#include <memory>
#include <string>

#include "testing/allocations.h"

namespace meridian::codec {
namespace {

// The answer for the whole, from an exact copy; at every split point it is the same, or not yet.
std::string IdOf(const std::string& message) {
  const CallId whole = FindCallId(message);
  for (size_t size = 0; size <= message.size(); ++size) {
    const auto copy = std::make_unique<char[]>(size);
    std::copy_n(message.data(), size, copy.get());
    const CallId part = FindCallId({copy.get(), size});
    if (part.progress == CallId::Progress::kNeedMore) continue;
    EXPECT_EQ(part.value, whole.value) << size;
    EXPECT_EQ(whole.progress, CallId::Progress::kDone);
  }
  if (whole.progress == CallId::Progress::kNeedMore) return "(more)";
  return std::string(whole.value);
}

const std::string kInvite =
    "INVITE sip:bob@example.com SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds\r\n"
    "From: Alice <sip:alice@example.com>;tag=1928301774\r\n"
    "To: Bob <sip:bob@example.com>\r\n";

TEST(CallId, IsFoundInRequestsAndResponses) {
  EXPECT_EQ(IdOf(kInvite + "Call-ID: a84b4c76e66710@pc33.example.com\r\nCSeq: 1 INVITE\r\n\r\n"),
            "a84b4c76e66710@pc33.example.com");
  EXPECT_EQ(IdOf("SIP/2.0 180 Ringing\r\nCall-ID: 1@b\r\n\r\n"), "1@b");
}

TEST(CallId, MayBeWrittenInAllTheWaysTheStandardAllows) {
  for (const std::string field : {"call-id: x@y", "CALL-ID:x@y", "Call-ID\t : \t x@y  ", "i: x@y",
                                  "I:x@y", "Call-ID:\r\n x@y", "Call-ID: \r\n \r\n\tx@y"}) {
    EXPECT_EQ(IdOf(kInvite + field + "\r\n\r\n"), "x@y") << field;
  }
  EXPECT_EQ(IdOf("\r\n\r\n" + kInvite + "i: x@y\r\n\r\n"), "x@y");
  EXPECT_EQ(IdOf("BYE sip:a SIP/2.0\ni: x\n\n"), "x");
}

TEST(CallId, IsNotTakenFromElsewhere) {
  EXPECT_EQ(IdOf(kInvite + "Subject: i\r\n Call-ID: no\r\nCall-ID: yes\r\n\r\n"), "yes");
  EXPECT_EQ(IdOf(kInvite + "X-Call-ID: no\r\nCall-IDs: no\r\n\r\ni: no\r\n\r\n"), "");
  EXPECT_EQ(IdOf(kInvite + "i: first\r\nCall-ID: second\r\n\r\n"), "first");
  EXPECT_EQ(IdOf(kInvite + "Call-ID:\r\nTo: x\r\n y\r\n\r\n"), "");
}

TEST(CallId, IsAbsentFromWhatIsNoSip) {
  EXPECT_EQ(IdOf("GET / HTTP/1.1\r\nCall-ID: x\r\n\r\n"), "");
  EXPECT_EQ(IdOf("SIP/2.01 200\r\ni: x\r\n\r\n"), "");
  EXPECT_EQ(IdOf("SIP/2.0\r\ni: x\r\n\r\n"), "");
  EXPECT_EQ(IdOf("INVITESIP/2.0\r\ni: x\r\n\r\n"), "");
  EXPECT_EQ(IdOf(std::string(3, '\0') + "\n"), "");
}

TEST(CallId, IsWaitedForUntilItsLineHasEnded) {
  EXPECT_EQ(IdOf(""), "(more)");
  EXPECT_EQ(IdOf("\r\n\r\n"), "(more)");  // a keep-alive
  EXPECT_EQ(IdOf(kInvite + "Call-ID: a84b4c"), "(more)");
  EXPECT_EQ(IdOf(kInvite + "Call-ID: a84b4c\r"), "(more)");
}

TEST(CallId, IsFoundWithoutAllocating) {
  const std::string message = kInvite + "Call-ID: x@y\r\n\r\n";
  const fakes::Allocations allocations;
  EXPECT_EQ(FindCallId(message).value, "x@y");
  EXPECT_EQ(allocations.count(), 0u);
}

}  // namespace
}  // namespace meridian::codec
