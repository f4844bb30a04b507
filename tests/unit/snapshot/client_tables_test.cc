// Rates against a token bucket kept in floating point; connections against a plain count; both from
// several threads.
#include <meridian/base/hash.h>
#include <meridian/snapshot/client_tables.h>

#include <gtest/gtest.h>

#include <thread>

#include "testing/allocations.h"

namespace meridian::snapshot {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MonotonicTime kStart{seconds(1000)};

TEST(RateTable, AllowsABurstAndThenTheRate) {
  RateTable table(64);
  const Rate rate{10, 5};
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(table.Admit(1, kStart, rate)) << i;
  EXPECT_FALSE(table.Admit(1, kStart, rate));
  EXPECT_FALSE(table.Admit(1, kStart + milliseconds(99), rate));
  EXPECT_TRUE(table.Admit(1, kStart + milliseconds(101), rate));
  EXPECT_FALSE(table.Admit(1, kStart + milliseconds(102), rate));
  EXPECT_TRUE(table.Admit(1, kStart + seconds(10), rate));
}

TEST(RateTable, WhatIsRefusedCostsNothing) {
  RateTable table(64);
  const Rate rate{1, 1};
  EXPECT_TRUE(table.Admit(1, kStart, rate));
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(table.Admit(1, kStart + microseconds(i), rate));
  EXPECT_TRUE(table.Admit(1, kStart + milliseconds(1001), rate));
}

TEST(RateTable, ClientsDoNotShare) {
  RateTable table(4096);
  const Rate rate{1, 2};
  for (uint64_t client = 0; client < 100; ++client) {
    EXPECT_TRUE(table.Admit(Mix(client), kStart, rate));
    EXPECT_TRUE(table.Admit(Mix(client), kStart, rate));
  }
  int refused = 0;
  for (uint64_t client = 0; client < 100; ++client)
    refused += table.Admit(Mix(client), kStart, rate) ? 0 : 1;
  EXPECT_EQ(refused, 100);
  EXPECT_EQ(table.evictions(), 0u);
}

TEST(RateTable, AgreesWithABucketOfTokens) {
  RateTable table(64);
  const Rate rate{250, 20};
  double tokens = rate.burst, last = 0;
  uint64_t state = 7;
  int doubtful = 0;
  for (int i = 0; i < 20000; ++i) {
    state = Mix(state);
    const double at = last + static_cast<double>(state % 9000) * 1e-6;
    tokens = std::min<double>(rate.burst, tokens + (at - last) * rate.per_second);
    last = at;
    const auto time = kStart + std::chrono::nanoseconds(static_cast<int64_t>(at * 1e9));
    const bool admitted = table.Admit(5, time, rate);
    if (std::abs(tokens - 1) < 0.05) {  // a tick more or less decides
      ++doubtful;
    } else {
      ASSERT_EQ(admitted, tokens >= 1) << "seed 7, request " << i << ", tokens " << tokens;
    }
    if (admitted) tokens -= 1;
  }
  EXPECT_LT(doubtful, 4000);
}

TEST(RateTable, AClientOfLongAgoIsNew) {
  RateTable table(64);
  const Rate rate{1, 1};
  EXPECT_TRUE(table.Admit(1, kStart, rate));
  for (const auto later : {std::chrono::hours(2), std::chrono::hours(40), std::chrono::hours(77),
                           std::chrono::hours(1000)}) {
    EXPECT_TRUE(table.Admit(1, kStart + later, rate)) << later.count();
  }
}

TEST(RateTable, AFullSetForgetsWhoIsPaidForFirst) {
  RateTable table(8);  // one set
  for (uint64_t client = 1; client <= 8; ++client) {
    EXPECT_TRUE(table.Admit(client << 40, kStart + milliseconds(client), {1, 1}));
  }
  EXPECT_TRUE(table.Admit(uint64_t{9} << 40, kStart + milliseconds(10), {1, 1}));
  EXPECT_EQ(table.evictions(), 1u);
  EXPECT_FALSE(table.Admit(uint64_t{2} << 40, kStart + milliseconds(10), {1, 1}));
  EXPECT_TRUE(table.Admit(uint64_t{1} << 40, kStart + milliseconds(10), {1, 1}));
}

TEST(RateTable, SeveralWorkersAdmitNoMoreThanOne) {
  RateTable table(64);
  const Rate rate{1000, 1000};
  std::array<std::thread, 4> workers;
  std::atomic<int> admitted{0};
  for (std::thread& worker : workers) {
    worker = std::thread([&] {
      for (int i = 0; i < 2000; ++i) {
        if (table.Admit(3, kStart, rate)) admitted.fetch_add(1, std::memory_order_relaxed);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_GE(admitted.load(), 1000);
  EXPECT_LE(admitted.load(), 1000 + 400);  // what lost kTries races is admitted uncounted
}

TEST(ConnectionTable, CountsWhatIsOpen) {
  ConnectionTable table(64);
  const uint64_t client = Mix(1);
  ConnectionTable::Place a, b, c;
  EXPECT_TRUE(table.Enter(client, 2, a));
  EXPECT_TRUE(table.Enter(client, 2, b));
  EXPECT_FALSE(table.Enter(client, 2, c));
  EXPECT_TRUE(table.Enter(Mix(2), 2, c));
  a = ConnectionTable::Place();
  EXPECT_TRUE(table.Enter(client, 2, a));
  EXPECT_FALSE(table.Enter(client, 2, c));
  EXPECT_EQ(table.uncounted(), 0u);
}

TEST(ConnectionTable, AFullSetCountsNobodyElse) {
  ConnectionTable table(8);
  std::array<ConnectionTable::Place, 8> places;
  for (uint64_t i = 0; i < 8; ++i) EXPECT_TRUE(table.Enter((i + 1) << 20, 1, places[i]));
  ConnectionTable::Place more;
  EXPECT_TRUE(table.Enter(uint64_t{9} << 20, 1, more));
  EXPECT_EQ(table.uncounted(), 1u);
  places[3] = ConnectionTable::Place();
  EXPECT_TRUE(table.Enter(uint64_t{9} << 20, 1, more));
  EXPECT_FALSE(table.Enter(uint64_t{9} << 20, 1, places[3]));
}

TEST(ConnectionTable, SeveralWorkersLeaveNothingBehind) {
  ConnectionTable table(64);
  std::array<std::thread, 4> workers;
  for (size_t n = 0; n < workers.size(); ++n) {
    workers[n] = std::thread([&table, n] {
      for (uint64_t i = 0; i < 20000; ++i) {
        ConnectionTable::Place place;
        table.Enter(Mix((i + n) % 5), 1000, place);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  for (uint64_t client = 0; client < 5; ++client) {
    ConnectionTable::Place place, second;
    EXPECT_TRUE(table.Enter(Mix(client), 1, place));
    EXPECT_FALSE(table.Enter(Mix(client), 1, second));
  }
}

TEST(ClientTables, AllocateNothingInUse) {
  ClientTables tables(64, 1);
  ConnectionTable::Place place;
  const fakes::Allocations allocations;
  tables.rates.Admit(1, kStart, {1, 1});
  tables.connections.Enter(1, 1, place);
  EXPECT_EQ(allocations.count(), 0u);
}

}  // namespace
}  // namespace meridian::snapshot
