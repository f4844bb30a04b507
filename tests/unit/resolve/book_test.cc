// What is asked when, what is believed, and what SRV answers become.
#include <meridian/resolve/book.h>

#include <gtest/gtest.h>

namespace meridian::resolve {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class BookTest : public testing::Test {
 protected:
  static topology::EndpointName Host(const std::string& name, uint16_t port = 80) {
    return {.name = name, .port = port};
  }
  static topology::EndpointName Service(const std::string& name) {
    return {.name = name, .srv = true};
  }
  void Follow(std::vector<topology::EndpointName> names) { book_.Follow(names, policy_, now_); }
  static Answer Found(const std::vector<std::string>& addresses, Duration ttl = seconds(10)) {
    Answer answer;
    answer.outcome = addresses.empty() ? Outcome::kEmpty : Outcome::kFound;
    answer.ttl = ttl;
    for (const std::string& address : addresses) {
      answer.addresses.push_back(*net::IpAddress::Parse(address));
    }
    return answer;
  }
  static Answer Bad(Outcome outcome) {
    Answer answer;
    answer.outcome = outcome;
    return answer;
  }
  static Answer Services(std::vector<ServiceRecord> records, Duration ttl = seconds(10)) {
    Answer answer;
    answer.outcome = Outcome::kFound;
    answer.ttl = ttl;
    answer.services = std::move(records);
    return answer;
  }
  // One whole lookup of a host, at the time it is due.
  void Lookup(const std::string& name, Answer a, Answer aaaa) {
    if (const auto next = book_.Next()) now_ = std::max(now_, *next);
    book_.Due(now_);
    book_.Take({name, Type::kA}, std::move(a), now_);
    book_.Take({name, Type::kAaaa}, std::move(aaaa), now_);
  }
  void Host4(const std::string& name, const std::vector<std::string>& addresses) {
    book_.Take({name, Type::kA}, Found(addresses), now_);
    book_.Take({name, Type::kAaaa}, Found({}), now_);
  }
  std::vector<std::string> Of(const topology::EndpointName& name) const {
    std::vector<std::string> addresses;
    for (const auto& endpoint : book_.Of(name).endpoints) addresses.push_back(endpoint.address);
    return addresses;
  }

  topology::ResolverPolicy policy_;
  Book book_{1};
  MonotonicTime now_{seconds(1000)};
};
using Strings = std::vector<std::string>;

TEST_F(BookTest, BothFamiliesOfANameAreAskedAtOnceAndJudgedTogether) {
  Follow({Host("a.b")});
  const std::vector<Question> expected = {{"a.b", Type::kA}, {"a.b", Type::kAaaa}};
  EXPECT_EQ(book_.Due(now_), expected);
  EXPECT_TRUE(book_.Due(now_).empty());
  book_.Take({"a.b", Type::kA}, Found({"10.0.0.2", "10.0.0.1"}), now_);
  EXPECT_FALSE(book_.AllJudged());
  EXPECT_EQ(Of(Host("a.b")), Strings{});
  book_.Take({"a.b", Type::kAaaa}, Found({"2001:db8::1"}), now_);
  EXPECT_TRUE(book_.AllJudged());
  EXPECT_EQ(Of(Host("a.b")), (Strings{"10.0.0.1:80", "10.0.0.2:80", "[2001:db8::1]:80"}));
  EXPECT_TRUE(book_.TakeChanged());
}

TEST_F(BookTest, AnotherOrderIsNoChange) {
  Follow({Host("a.b")});
  Lookup("a.b", Found({"10.0.0.2", "10.0.0.1"}), Found({}));
  EXPECT_TRUE(book_.TakeChanged());
  Lookup("a.b", Found({"10.0.0.1", "10.0.0.2", "10.0.0.1"}), Found({}));
  EXPECT_FALSE(book_.TakeChanged());
}

TEST_F(BookTest, AnAnswerIsAskedForAgainAfterItsTimeWithinBounds) {
  policy_.min_ttl = seconds(2);
  policy_.max_ttl = seconds(60);
  Follow({Host("a.b")});
  const auto wait = [&](Duration ttl) {
    Lookup("a.b", Found({"10.0.0.1"}, ttl), Found({}));
    return *book_.Next() - now_;
  };
  for (int i = 0; i < 100; ++i) {
    EXPECT_GE(wait(seconds(10)), seconds(9));
    EXPECT_LE(wait(seconds(10)), seconds(11));
    EXPECT_GE(wait(seconds(0)), seconds(2));
    EXPECT_LE(wait(seconds(0)), milliseconds(2200));
    EXPECT_LE(wait(std::chrono::hours(24)), seconds(60));
    EXPECT_GE(wait(std::chrono::hours(24)), seconds(54));
  }
}

TEST_F(BookTest, TheLeastTimeOfBothFamiliesCounts) {
  Follow({Host("a.b")});
  Lookup("a.b", Found({"10.0.0.1"}, seconds(100)), Found({"::2"}, seconds(10)));
  EXPECT_LE(*book_.Next() - now_, seconds(11));
}

TEST_F(BookTest, BadAnswersKeepTheLastGoodOneAndAreAskedAgainMoreAndMoreSeldom) {
  Follow({Host("a.b")});
  Lookup("a.b", Found({"10.0.0.1"}), Found({"::1"}));
  EXPECT_TRUE(book_.TakeChanged());
  const Outcome bad[] = {Outcome::kEmpty, Outcome::kNoName, Outcome::kFailed, Outcome::kTimeout};
  Duration expected = policy_.min_ttl;
  for (int i = 0; i < 12; ++i, expected = std::min(expected * 2, Book::kMaxBackOff)) {
    Lookup("a.b", Bad(bad[i % 4]), Bad(bad[i % 4]));
    EXPECT_EQ(Of(Host("a.b")), (Strings{"10.0.0.1:80", "[::1]:80"}));
    const Duration wait = *book_.Next() - now_;
    EXPECT_GE(wait, std::max(expected * 9 / 10, policy_.min_ttl));
    EXPECT_LE(wait, expected * 11 / 10);
  }
  EXPECT_FALSE(book_.TakeChanged());
  Lookup("a.b", Found({"10.0.0.3"}, seconds(10)), Found({}));
  EXPECT_EQ(Of(Host("a.b")), Strings{"10.0.0.3:80"});
  EXPECT_GE(*book_.Next() - now_, seconds(9));
}

TEST_F(BookTest, OfOneFamilyEmptinessIsBelievedAndFailureIsNot) {
  Follow({Host("a.b")});
  Lookup("a.b", Found({"10.0.0.1"}), Found({"::1"}));
  Lookup("a.b", Found({"10.0.0.1"}), Bad(Outcome::kTimeout));
  EXPECT_EQ(Of(Host("a.b")), (Strings{"10.0.0.1:80", "[::1]:80"}));
  Lookup("a.b", Found({"10.0.0.1"}), Found({}));
  EXPECT_EQ(Of(Host("a.b")), Strings{"10.0.0.1:80"});
}

TEST_F(BookTest, TurnsAreToldOnce) {
  Follow({Host("a.b")});
  Lookup("a.b", Found({"10.0.0.1"}), Found({}));
  EXPECT_TRUE(book_.TakeTurns().empty());
  Lookup("a.b", Bad(Outcome::kFailed), Bad(Outcome::kTimeout));
  Lookup("a.b", Bad(Outcome::kNoName), Bad(Outcome::kNoName));
  auto turns = book_.TakeTurns();
  ASSERT_EQ(turns.size(), 1u);
  EXPECT_EQ(turns[0].name, "a.b");
  EXPECT_FALSE(turns[0].good);
  EXPECT_EQ(turns[0].outcome, Outcome::kTimeout);
  EXPECT_TRUE(turns[0].has_any);
  Lookup("a.b", Found({"10.0.0.1"}), Found({}));
  turns = book_.TakeTurns();
  ASSERT_EQ(turns.size(), 1u);
  EXPECT_TRUE(turns[0].good);
}

TEST_F(BookTest, ANameThatWasNeverAnsweredIsJudgedAndTold) {
  Follow({Host("a.b")});
  Lookup("a.b", Bad(Outcome::kNoName), Bad(Outcome::kNoName));
  EXPECT_TRUE(book_.AllJudged());
  const auto turns = book_.TakeTurns();
  ASSERT_EQ(turns.size(), 1u);
  EXPECT_EQ(turns[0].outcome, Outcome::kNoName);
  EXPECT_FALSE(turns[0].has_any);
}

TEST_F(BookTest, NoMoreThanItsBoundIsAskedAtOnceAndNobodyStarves) {
  std::vector<topology::EndpointName> names;
  for (int i = 0; i < 200; ++i) names.push_back(Host("n" + std::to_string(i) + ".b"));
  Follow(names);
  std::set<std::string> seen;
  for (int round = 0; round < 8; ++round) {
    const std::vector<Question> due = book_.Due(now_);
    EXPECT_LE(due.size(), Book::kMaxAsked);
    EXPECT_FALSE(book_.Next().has_value() && due.size() + 2 > Book::kMaxAsked);
    for (const Question& question : due) {
      seen.insert(question.name);
      book_.Take(question, Found({"10.0.0.1"}, seconds(0)), now_);
    }
    now_ += seconds(2);  // all that was answered is due again
  }
  EXPECT_EQ(seen.size(), 200u);
}

TEST_F(BookTest, AnAnswerThatNobodyAskedForIsIgnored) {
  Follow({Host("a.b")});
  book_.Take({"a.b", Type::kA}, Found({"10.0.0.1"}), now_);
  book_.Due(now_);
  book_.Take({"a.b", Type::kSrv}, Services({{1, 1, 1, "x"}}), now_);
  book_.Take({"x.y", Type::kA}, Found({"10.0.0.1"}), now_);
  EXPECT_FALSE(book_.AllJudged());
  EXPECT_EQ(Of(Host("a.b")), Strings{});
}

TEST_F(BookTest, WhatNobodyWillAnswerIsAskedAgain) {
  Follow({Host("a.b")});
  EXPECT_EQ(book_.Due(now_).size(), 2u);
  EXPECT_FALSE(book_.Next());
  book_.AskAgain(now_);
  EXPECT_EQ(book_.Due(now_).size(), 2u);
}

TEST_F(BookTest, ANameThatIsNoLongerFollowedIsForgotten) {
  Follow({Host("a.b"), Host("c.d")});
  Lookup("a.b", Found({"10.0.0.1"}), Found({}));
  Follow({Host("c.d")});
  EXPECT_EQ(Of(Host("a.b")), Strings{});
  Follow({Host("a.b"), Host("c.d", 81)});
  EXPECT_EQ(Of(Host("a.b")), Strings{});
}

TEST_F(BookTest, NoMoreAddressesThanItsBoundAreTaken) {
  Follow({Host("a.b")});
  Strings many;
  for (int i = 0; i < 100; ++i) many.push_back("10.0.0." + std::to_string(i));
  Lookup("a.b", Found(many), Found({"::1"}));
  const auto addresses = book_.Of(Host("a.b"));
  EXPECT_EQ(addresses.endpoints.size(), topology::kMaxAddresses);
  EXPECT_EQ(addresses.left_out, 37u);
}

class ServiceTest : public BookTest {
 protected:
  void Take(std::vector<ServiceRecord> records) {
    Follow({Service("_web._tcp.b")});
    book_.Due(now_);
    book_.Take({"_web._tcp.b", Type::kSrv}, Services(std::move(records)), now_);
    book_.Due(now_);
  }
  // "address weight priority"
  Strings Endpoints() const {
    Strings all;
    for (const auto& endpoint : book_.Of(Service("_web._tcp.b")).endpoints) {
      all.push_back(endpoint.address + " " + std::to_string(endpoint.weight) + " " +
                    std::to_string(endpoint.priority));
    }
    return all;
  }
};

TEST_F(ServiceTest, TargetsAreLookedUpBeforeItIsKnown) {
  Take({{10, 60, 8080, "one.b"}, {20, 5, 8081, "two.b"}});
  EXPECT_FALSE(book_.AllJudged());
  Host4("one.b", {"10.0.0.1"});
  Host4("two.b", {"10.0.0.2"});
  EXPECT_TRUE(book_.AllJudged());
  EXPECT_EQ(Endpoints(), (Strings{"10.0.0.1:8080 60 10", "10.0.0.2:8081 5 20"}));
  EXPECT_EQ(book_.Of(Service("_web._tcp.b")).endpoints[0].name, "_web._tcp.b");
}

TEST_F(ServiceTest, AWeightOfZeroIsAVerySmallChanceAndNotNone) {
  Take({{1, 0, 80, "zero.b"}, {1, 1, 80, "one.b"}, {1, 10, 80, "ten.b"}, {2, 0, 80, "late.b"}});
  Host4("zero.b", {"10.0.0.1"});
  Host4("one.b", {"10.0.0.2"});
  Host4("ten.b", {"10.0.0.3"});
  Host4("late.b", {"10.0.0.4"});
  EXPECT_EQ(Endpoints(), (Strings{"10.0.0.1:80 1 1", "10.0.0.2:80 100 1", "10.0.0.3:80 1000 1",
                                  "10.0.0.4:80 1 2"}));
}

TEST_F(ServiceTest, AllOfZeroAreAlike) {
  Take({{1, 0, 80, "one.b"}, {1, 0, 80, "two.b"}});
  Host4("one.b", {"10.0.0.1"});
  Host4("two.b", {"10.0.0.2"});
  EXPECT_EQ(Endpoints(), (Strings{"10.0.0.1:80 1 1", "10.0.0.2:80 1 1"}));
}

TEST_F(ServiceTest, ATargetsAddressesShareItsWeight) {
  Take({{1, 6, 80, "one.b"}, {1, 6, 80, "two.b"}});
  Host4("one.b", {"10.0.0.1"});
  Host4("two.b", {"10.0.0.2", "10.0.0.3", "10.0.0.4"});
  EXPECT_EQ(Endpoints(), (Strings{"10.0.0.1:80 600 1", "10.0.0.2:80 200 1", "10.0.0.3:80 200 1",
                                  "10.0.0.4:80 200 1"}));
}

TEST_F(ServiceTest, AnAddressCountsOnceAtItsBestPriority) {
  Take({{2, 1, 80, "one.b"}, {1, 1, 80, "two.b"}});
  Host4("one.b", {"10.0.0.1"});
  Host4("two.b", {"10.0.0.1"});
  EXPECT_EQ(Endpoints(), Strings{"10.0.0.1:80 1 1"});
}

TEST_F(ServiceTest, ATargetThatIsGoneIsNotAskedForAnyMore) {
  Take({{1, 1, 80, "one.b"}, {1, 1, 80, "two.b"}});
  Host4("one.b", {"10.0.0.1"});
  Host4("two.b", {"10.0.0.2"});
  now_ += std::chrono::minutes(10);
  book_.Due(now_);
  book_.Take({"_web._tcp.b", Type::kSrv}, Services({{1, 1, 80, "two.b"}}), now_);
  EXPECT_EQ(Endpoints(), Strings{"10.0.0.2:80 1 1"});
  now_ += std::chrono::minutes(10);
  for (const Question& question : book_.Due(now_)) EXPECT_NE(question.name, "one.b");
}

TEST_F(ServiceTest, AFailureKeepsItWithItsTargets) {
  Take({{1, 1, 80, "one.b"}});
  Host4("one.b", {"10.0.0.1"});
  now_ += std::chrono::minutes(10);
  book_.Due(now_);
  book_.Take({"_web._tcp.b", Type::kSrv}, Bad(Outcome::kFailed), now_);
  EXPECT_EQ(Endpoints(), Strings{"10.0.0.1:80 1 1"});
}

TEST_F(ServiceTest, NoMoreTargetsThanItsBoundAreLookedUp) {
  std::vector<ServiceRecord> records;
  for (uint16_t i = 0; i < 1000; ++i) records.push_back({i, 1, 80, "t" + std::to_string(i) + ".b"});
  Take(records);
  std::set<std::string> asked;
  for (int round = 0; round < 10; ++round) {
    for (const Question& question : book_.Due(now_)) {
      asked.insert(question.name);
      book_.Take(question, Found({"10.0.0.1"}, seconds(100)), now_);
    }
    book_.AskAgain(now_);
  }
  EXPECT_LE(asked.size(), topology::kMaxAddresses + 1);
}

}  // namespace
}  // namespace meridian::resolve
