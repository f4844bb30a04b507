// The demo's sites: they answer, die and come back at the same address.
#include <gtest/gtest.h>

#include "app/demo_client.h"
#include "app/demo_sites.h"

namespace meridian::app {
namespace {

class DemoSitesTest : public testing::Test {
 protected:
  DemoSitesTest() : sites_(std::move(*DemoSites::Start({"atlanta", "dallas"}))) {}

  std::optional<DemoClient::Response> Ask(const net::Address& address, std::string_view method,
                                          std::string_view path) {
    return DemoClient(address, {}).Request(method, path);
  }

  std::unique_ptr<DemoSites> sites_;
};

TEST_F(DemoSitesTest, AnswerWithTheirName) {
  ASSERT_EQ(sites_->endpoints().size(), 4u);
  const auto response = Ask(sites_->endpoints()[3].address, "GET", "/");
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->Field("Demo-Endpoint"), "dallas/2");
  EXPECT_TRUE(response->body.starts_with("Hello from dallas, endpoint 2.")) << response->body;
}

TEST_F(DemoSitesTest, KeepTheirConnections) {
  DemoClient client(sites_->endpoints()[0].address, {});
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(client.Get().has_value());
  EXPECT_EQ(client.connects(), 1);
}

TEST_F(DemoSitesTest, DieAsAWholeAndComeBackAtTheSameAddress) {
  const net::Address dallas = sites_->endpoints()[2].address;
  DemoClient established(dallas, {});
  ASSERT_TRUE(established.Get().has_value());
  ASSERT_EQ(Ask(sites_->control(), "POST", "/kill/dallas")->status, 200);
  EXPECT_FALSE(established.Get().has_value());
  EXPECT_FALSE(Ask(dallas, "GET", "/").has_value());
  EXPECT_TRUE(Ask(sites_->endpoints()[0].address, "GET", "/").has_value());
  ASSERT_EQ(Ask(sites_->control(), "POST", "/revive/dallas")->status, 200);
  EXPECT_TRUE(Ask(dallas, "GET", "/").has_value());
}

TEST_F(DemoSitesTest, ControlRefusesWhatItDoesNotKnow) {
  EXPECT_EQ(Ask(sites_->control(), "POST", "/kill/tokyo")->status, 404);
  EXPECT_EQ(Ask(sites_->control(), "GET", "/kill/dallas")->status, 405);
  EXPECT_EQ(Ask(sites_->control(), "GET", "/")->status, 200);
}

}  // namespace
}  // namespace meridian::app
