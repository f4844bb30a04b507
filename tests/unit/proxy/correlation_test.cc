// What names a request, by the rules of those who write it.
#include "proxy/correlation.h"

#include <gtest/gtest.h>

namespace meridian::proxy {
namespace {

constexpr std::string_view kTrace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(Traceparent, IsTakenAsItIsSpecified) {
  EXPECT_TRUE(IsTraceparent(kTrace));
  EXPECT_TRUE(IsTraceparent("cc" + std::string(kTrace.substr(2)) + "-what-the-future-brings"));
  EXPECT_FALSE(IsTraceparent(std::string(kTrace) + "-more"));
  EXPECT_FALSE(IsTraceparent("cc" + std::string(kTrace.substr(2)) + ".more"));
  EXPECT_FALSE(IsTraceparent("ff" + std::string(kTrace.substr(2))));
}

TEST(Traceparent, EachByteCounts) {
  for (size_t i = 0; i < kTrace.size(); ++i) {
    EXPECT_FALSE(IsTraceparent(kTrace.substr(0, i))) << i;
    std::string broken(kTrace);
    broken[i] = 'X';
    EXPECT_FALSE(IsTraceparent(broken)) << i;
    broken[i] = 'A';
    EXPECT_FALSE(IsTraceparent(broken)) << i;
  }
}

TEST(Traceparent, ZerosNameNothing) {
  EXPECT_FALSE(IsTraceparent("00-00000000000000000000000000000000-00f067aa0ba902b7-01"));
  EXPECT_FALSE(IsTraceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"));
}

TEST(RequestId, IsSafeToPassOnAndToLog) {
  EXPECT_TRUE(IsRequestId("f058ebd6-02f7-4d3f-942e-904344e8cde5"));
  EXPECT_TRUE(IsRequestId(std::string(kMaxRequestId, 'a')));
  for (const std::string& id :
       {std::string(), std::string(kMaxRequestId + 1, 'a'), std::string("a b"), std::string("a\"b"),
        std::string("a\\b"), std::string("a\x7f"), std::string("\xc3\xa9"), std::string("a,b")}) {
    EXPECT_FALSE(IsRequestId(id)) << id;
  }
}

}  // namespace
}  // namespace meridian::proxy
