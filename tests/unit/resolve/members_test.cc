// What names stand for in a topology, and how what they no longer stand for leaves.
#include <meridian/resolve/members.h>

#include <gtest/gtest.h>

#include <set>

namespace meridian::resolve {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kDrain = seconds(30);

class MembersTest : public testing::Test, protected Standing {
 protected:
  MembersTest() {
    topology_.sites.emplace_back().name = "paris";
    topology_.sites[0].services["web"] = {{.address = "10.0.0.9:80"}};
    topology_.sites[0].names["web"] = {{.name = "a.b", .port = 80, .weight = 2}};
  }
  void Answer(const std::vector<std::string>& addresses) {
    std::vector<topology::EndpointName> names;
    for (const auto& [service, list] : topology_.sites[0].names) {
      names.insert(names.end(), list.begin(), list.end());
    }
    book_.Follow(names, {}, now_);
    now_ += std::chrono::hours(1);
    book_.Due(now_);
    resolve::Answer answer;
    answer.outcome = Outcome::kFound;
    for (const std::string& address : addresses) {
      answer.addresses.push_back(*net::IpAddress::Parse(address));
    }
    book_.Take({"a.b", Type::kA}, answer, now_);
    book_.Take({"a.b", Type::kAaaa}, {}, now_);
    members_.Update(topology_, book_, now_);
  }
  void Step(Duration after = seconds(1)) {
    now_ += after;
    members_.Update(topology_, book_, now_);
    members_.Step(*this, kDrain, now_);
  }
  // "address weight"
  std::vector<std::string> Filled(const std::string& service = "web") {
    members_.Fill(topology_);
    std::vector<std::string> all;
    for (const topology::Endpoint& endpoint : topology_.sites[0].services[service]) {
      all.push_back(endpoint.address + " " + std::to_string(endpoint.weight));
    }
    return all;
  }
  bool IsUp(const std::string&, const std::string& address) const override {
    return !down_.contains(address);
  }
  uint64_t Sessions(const std::string&, const std::string& address) const override {
    return busy_.contains(address) ? 1 : 0;
  }

  topology::Topology topology_;
  Book book_{1};
  Members members_;
  std::set<std::string> down_, busy_;
  MonotonicTime now_{seconds(1000)};
};
using Strings = std::vector<std::string>;

TEST_F(MembersTest, ANameIsReplacedByItsAddressesBesideThoseThatStandThere) {
  Answer({"10.0.0.2", "10.0.0.1"});
  EXPECT_EQ(Filled(), (Strings{"10.0.0.9:80 1", "10.0.0.1:80 2", "10.0.0.2:80 2"}));
  EXPECT_EQ(topology_.sites[0].services["web"][1].name, "a.b:80");
  EXPECT_EQ(Filled(), (Strings{"10.0.0.9:80 1", "10.0.0.1:80 2", "10.0.0.2:80 2"}));
}

TEST_F(MembersTest, AnAddressThatStandsThereItselfIsThatOne) {
  Answer({"10.0.0.9", "10.0.0.1"});
  EXPECT_EQ(Filled(), (Strings{"10.0.0.9:80 1", "10.0.0.1:80 2"}));
}

TEST_F(MembersTest, WhatLeavesDrainsWithoutWeightUntilItIsIdle) {
  Answer({"10.0.0.1", "10.0.0.2"});
  busy_ = {"10.0.0.2:80"};
  Answer({"10.0.0.1"});
  ASSERT_EQ(members_.departures().size(), 1u);
  EXPECT_EQ(Filled(), (Strings{"10.0.0.9:80 1", "10.0.0.1:80 2", "10.0.0.2:80 2"}));
  Step();
  EXPECT_TRUE(members_.departures().begin()->second.draining);
  EXPECT_EQ(Filled(), (Strings{"10.0.0.9:80 1", "10.0.0.1:80 2", "10.0.0.2:80 0"}));
  for (int i = 0; i < 20; ++i) Step();
  EXPECT_EQ(Filled().size(), 3u);
  busy_.clear();
  Step();
  EXPECT_EQ(Filled().size(), 3u);  // between two requests it is idle too
  Step();
  EXPECT_EQ(Filled(), (Strings{"10.0.0.9:80 1", "10.0.0.1:80 2"}));
  EXPECT_TRUE(members_.departures().empty());
}

TEST_F(MembersTest, WhatDoesNotBecomeIdleGoesAfterItsTime) {
  Answer({"10.0.0.1", "10.0.0.2"});
  busy_ = {"10.0.0.2:80"};
  Answer({"10.0.0.1"});
  Step();
  Step(kDrain + Members::kCutting - milliseconds(1));
  EXPECT_EQ(members_.departures().size(), 1u);
  Step(milliseconds(1));
  EXPECT_TRUE(members_.departures().empty());
}

TEST_F(MembersTest, OneThatIsReplacedServesUntilAnotherIsUp) {
  down_ = {"10.0.0.2:80"};
  Answer({"10.0.0.1"});
  Answer({"10.0.0.2"});
  for (int i = 0; i < 5; ++i) Step();
  EXPECT_EQ(Filled(), (Strings{"10.0.0.9:80 1", "10.0.0.2:80 2", "10.0.0.1:80 2"}));
  down_.clear();
  Step();
  EXPECT_EQ(Filled(), (Strings{"10.0.0.9:80 1", "10.0.0.2:80 2", "10.0.0.1:80 0"}));
}

TEST_F(MembersTest, ItWaitsForNoLongerThanThat) {
  down_ = {"10.0.0.2:80"};
  Answer({"10.0.0.1"});
  Answer({"10.0.0.2"});
  Step(Members::kMaxWait);
  EXPECT_TRUE(members_.departures().begin()->second.draining);
}

TEST_F(MembersTest, OneThatIsDownDrainsAtOnce) {
  down_ = {"10.0.0.1:80", "10.0.0.2:80"};
  Answer({"10.0.0.1"});
  Answer({"10.0.0.2"});
  Step();
  EXPECT_TRUE(members_.departures().begin()->second.draining);
}

TEST_F(MembersTest, OneThatComesBackServesAgain) {
  Answer({"10.0.0.1", "10.0.0.2"});
  busy_ = {"10.0.0.2:80"};
  Answer({"10.0.0.1"});
  Step();
  EXPECT_EQ(Filled()[2], "10.0.0.2:80 0");
  Answer({"10.0.0.1", "10.0.0.2"});
  EXPECT_TRUE(members_.departures().empty());
  EXPECT_EQ(Filled()[2], "10.0.0.2:80 2");
}

TEST_F(MembersTest, AnAddressThatAnotherServiceStillHasDoesNotDrain) {
  topology_.sites[0].services["api"] = {{.address = "10.0.0.2:80"}};
  Answer({"10.0.0.1", "10.0.0.2"});
  Answer({"10.0.0.1"});
  EXPECT_TRUE(members_.departures().empty());
  EXPECT_EQ(Filled(), (Strings{"10.0.0.9:80 1", "10.0.0.1:80 2"}));
}

TEST_F(MembersTest, WithItsNameItGoesAtOnce) {
  Answer({"10.0.0.1", "10.0.0.2"});
  Answer({"10.0.0.1"});
  topology_.sites[0].names.clear();
  members_.Update(topology_, book_, now_);
  EXPECT_TRUE(members_.departures().empty());
}

TEST(StandIn, EachNameIsOneEndpointOfItsOwn) {
  topology::Topology topology;
  topology.sites.emplace_back().name = "paris";
  topology.sites[0].names["web"] = {{.name = "a.b", .port = 80, .weight = 3},
                                    {.name = "_x._tcp.b", .srv = true}};
  EXPECT_EQ(StandIn(topology), 2u);
  ASSERT_EQ(topology.sites[0].services["web"].size(), 2u);
  EXPECT_EQ(topology.sites[0].services["web"][0].address, "198.18.0.1:80");
  EXPECT_EQ(topology.sites[0].services["web"][0].weight, 3u);
  EXPECT_EQ(topology.sites[0].services["web"][1].name, "_x._tcp.b");
}

}  // namespace
}  // namespace meridian::resolve
