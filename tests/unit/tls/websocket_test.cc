// The key's answer, by RFC 6455's example.
#include <meridian/tls/websocket.h>

#include <gtest/gtest.h>

namespace meridian::tls {
namespace {

TEST(WebSocketAccept, IsTheRfcsExample) {
  EXPECT_EQ(WebSocketAccept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocketAccept, TakesAnyKey) {
  EXPECT_EQ(WebSocketAccept("").size(), 28u);
  EXPECT_EQ(WebSocketAccept(std::string(100'000, 'k')).size(), 28u);
}

}  // namespace
}  // namespace meridian::tls
