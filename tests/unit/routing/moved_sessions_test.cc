// The table of moved sessions against a model of it, and under threads.
#include <gtest/gtest.h>
#include <meridian/base/hash.h>
#include <meridian/net/random.h>
#include <meridian/routing/moved_sessions.h>

#include <map>
#include <thread>

#include "testing/allocations.h"

namespace meridian::routing {
namespace {

using Place = MovedSessions::Place;

constexpr Duration kForever = std::chrono::hours(24 * 365);

WallTime At(int64_t seconds) {
  return WallTime(std::chrono::seconds(1'767'225'600 + seconds));
}

TEST(MovedSessions, HoldAsManyAsAskedForAtLeast) {
  EXPECT_EQ(MovedSessions(1).capacity(), 4u);
  EXPECT_EQ(MovedSessions(4).capacity(), 4u);
  EXPECT_EQ(MovedSessions(5).capacity(), 8u);
  EXPECT_EQ(MovedSessions(65536).capacity(), 65536u);
}

// What a table of sets of four does, written down simply.
class Model {
 public:
  explicit Model(size_t sets) : sets_(sets) {}

  void Put(uint64_t session, Place place, int64_t now) {
    auto& set = sets_[session % sets_.size()];
    if (!set.contains(session) && set.size() == MovedSessions::kWays) {
      const auto oldest = std::min_element(set.begin(), set.end(), [](auto& a, auto& b) {
        return a.second.second < b.second.second;
      });
      set.erase(oldest);
      ++evictions_;
    }
    set[session] = {place, now};
  }
  std::optional<Place> Find(uint64_t session, int64_t now, int64_t ttl) const {
    const auto& set = sets_[session % sets_.size()];
    const auto found = set.find(session);
    if (found == set.end() || found->second.second < now - ttl) return std::nullopt;
    return found->second.first;
  }
  uint64_t entries() const {
    uint64_t sum = 0;
    for (const auto& set : sets_) sum += set.size();
    return sum;
  }
  uint64_t evictions() const { return evictions_; }

 private:
  std::vector<std::map<uint64_t, std::pair<Place, int64_t>>> sets_;
  uint64_t evictions_ = 0;
};

TEST(MovedSessions, AreWhatTheModelSaysOnAnySeed) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    net::Xoshiro random(seed);
    const size_t sets = size_t{1} << random.Next() % 5;
    MovedSessions table(sets * MovedSessions::kWays);
    Model model(sets);
    std::vector<uint64_t> sessions(1 + random.Next() % (8 * sets));
    for (uint64_t& session : sessions) session = random.Next();
    // Each write has its own second, so that which one is the oldest is never in doubt.
    for (int64_t now = 0; now < 2000; ++now) {
      const uint64_t session = sessions[random.Next() % sessions.size()];
      const Place place{static_cast<uint32_t>(random.Next() % 5),
                        static_cast<uint32_t>(random.Next() % 5)};
      if (random.Next() % 3 == 0) {
        table.Put(session, place, At(now));
        model.Put(session, place, now);
      }
      const int64_t ttl = static_cast<int64_t>(random.Next() % 500);
      const uint64_t asked = sessions[random.Next() % sessions.size()];
      ASSERT_EQ(table.Find(asked, At(now), std::chrono::seconds(ttl)), model.Find(asked, now, ttl))
          << "seed " << seed << " at " << now;
      ASSERT_EQ(table.entries(), model.entries()) << "seed " << seed;
      ASSERT_EQ(table.evictions(), model.evictions()) << "seed " << seed;
    }
  }
}

TEST(MovedSessions, WithAnEqualTagAreNotTakenForEachOther) {
  MovedSessions table(4);
  const uint64_t session = 0x1234567800000001u, other = 0x1234567800000002u;
  table.Put(session, {1, 2}, At(0));
  const auto found = table.Find(other, At(0), kForever);
  EXPECT_TRUE(!found || *found != (Place{1, 2}));
}

TEST(MovedSessions, GiveNoPlaceThatWasNotPutForTheSessionWhateverTheThreads) {
  MovedSessions table(16);  // four sets, fought over
  constexpr uint64_t kSessions = 64;
  // A session's places are known by its number.
  const auto place_of = [](uint64_t number, uint32_t version) {
    return Place{static_cast<uint32_t>(number * 1000), version};
  };
  std::atomic<uint64_t> wrong{0}, found{0};
  std::vector<std::thread> threads;
  for (uint64_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      net::Xoshiro random(thread + 1);
      for (uint32_t i = 0; i < 20'000; ++i) {
        const uint64_t number = random.Next() % kSessions, session = Mix(number);
        if (random.Next() % 2 == 0) {
          table.Put(session, place_of(number, i), At(i));
        } else if (const auto place = table.Find(session, At(i), kForever)) {
          found.fetch_add(1);
          // A torn read is a place that is none; these are too many to be met by chance.
          const bool is_some_place = place->site % 1000 == 0 && place->site / 1000 < kSessions;
          if (is_some_place && place->site != number * 1000) wrong.fetch_add(1);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0u);
  EXPECT_GT(found.load(), 0u);
  EXPECT_LE(table.entries(), table.capacity());
  for (uint64_t number = 0; number < kSessions; ++number) {
    table.Put(Mix(number), place_of(number, 7), At(30'000));
    EXPECT_EQ(table.Find(Mix(number), At(30'000), kForever), place_of(number, 7));
  }
}

TEST(MovedSessions, AllocateNothing) {
  MovedSessions table(64);
  const fakes::Allocations allocations;
  for (uint64_t i = 0; i < 1000; ++i) {
    table.Put(Mix(i), {1, 2}, At(0));
    static_cast<void>(table.Find(Mix(i), At(0), kForever));
  }
  EXPECT_EQ(allocations.count(), 0u);
}

}  // namespace
}  // namespace meridian::routing
