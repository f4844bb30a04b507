// The live view of a disaster-recovery service: what is published is what is read, whole.
#include <meridian/health/health.h>

#include <gtest/gtest.h>

#include <thread>

namespace meridian::health {
namespace {

TEST(ServiceHealth, RefusesUntilSomethingIsPublished) {
  ServiceHealth service;
  EXPECT_EQ(service.direction(), ServiceDirection{});
  EXPECT_EQ(service.direction().admission, Admission::kRefuse);
  EXPECT_STREQ(service.reason(), "no site was declared active yet");
  EXPECT_FALSE(service.TakesReads(0));
  EXPECT_FALSE(service.TakesReads(kNoSite));
}

TEST(ServiceHealth, TellsWhatWasPublished) {
  ServiceHealth service;
  const ServiceDirection most{Admission::kHold, kNoSite - 1, ServiceDirection::kMaxEpoch};
  service.Publish(most, "a switch", MonotonicTime(Duration(5)));
  EXPECT_EQ(service.direction(), most);
  EXPECT_STREQ(service.reason(), "a switch");
  EXPECT_EQ(service.hold_until(), MonotonicTime(Duration(5)));
  service.Publish({Admission::kRoute, 0, 1});
  EXPECT_EQ(service.direction(), (ServiceDirection{Admission::kRoute, 0, 1}));
  EXPECT_STREQ(service.reason(), "");
}

TEST(ServiceHealth, RefusesWhatTheWordCannotHold) {
  ServiceHealth service;
  service.Publish({Admission::kRoute, 1, ServiceDirection::kMaxEpoch + 1});
  EXPECT_EQ(service.direction(), ServiceDirection{});
  service.Publish({Admission::kRoute, kNoSite, 1});
  EXPECT_EQ(service.direction().admission, Admission::kRefuse);
  EXPECT_STREQ(service.reason(), "the active site or its epoch is out of bounds");
}

TEST(ServiceHealth, ReadersAreThoseOfTheLastWord) {
  ServiceHealth service;
  const SiteOrdinal three[] = {4, 0, 9};
  service.PublishReaders(three);
  EXPECT_TRUE(service.TakesReads(0));
  EXPECT_TRUE(service.TakesReads(9));
  EXPECT_FALSE(service.TakesReads(1));
  EXPECT_FALSE(service.TakesReads(kNoSite));
  service.PublishReaders(std::span(three).first(1));
  EXPECT_TRUE(service.TakesReads(4));
  EXPECT_FALSE(service.TakesReads(0));
}

TEST(ServiceHealth, AReaderNeverMeetsHalfADirection) {
  ServiceHealth service;
  std::atomic<bool> done{false};
  std::thread control([&] {
    for (uint32_t i = 0; i < 100'000; ++i) {
      service.Publish({static_cast<Admission>(i % 3), i % kNoSite, uint64_t{i} << 20});
    }
    done = true;
  });
  while (service.direction() == ServiceDirection{}) {
  }
  do {
    const ServiceDirection seen = service.direction();
    ASSERT_EQ(seen.epoch >> 20, seen.site);
    ASSERT_EQ(static_cast<uint32_t>(seen.admission), seen.site % 3);
  } while (!done);
  control.join();
}

TEST(Registry, FindsTheSameServiceAgainAndNumbersSites) {
  Registry registry;
  ServiceHealth& db = registry.Service("db");
  EXPECT_EQ(&registry.Service("db"), &db);
  EXPECT_NE(&registry.Service("billing"), &db);
  EXPECT_EQ(registry.Site("dallas").ordinal, 0u);
  EXPECT_EQ(registry.Site("atlanta").ordinal, 1u);
  EXPECT_EQ(registry.Site("dallas").ordinal, 0u);
}

}  // namespace
}  // namespace meridian::health
