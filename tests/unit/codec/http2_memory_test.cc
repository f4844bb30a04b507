// nghttp2's memory: blocks come back, and a request in steady state takes nothing from the heap.
#include "codec/http2_memory.h"

#include <malloc.h>

#include "testing/allocations.h"
#include "unit/codec/http2_events.h"

namespace meridian::codec {
namespace {

using namespace fakes;

TEST(Http2Memory, ABlockGivenBackIsUsedAgain) {
  Http2Memory memory;
  void* first = memory.Allocate(100);
  memory.Free(first);
  EXPECT_EQ(memory.Allocate(120), first);
  void* larger = memory.Allocate(300);
  EXPECT_NE(larger, first);
  memory.Free(larger);
  memory.Free(first);
}

TEST(Http2Memory, ResizingKeepsWhatWasThere) {
  Http2Memory memory;
  auto* block = static_cast<char*>(memory.Allocate(60));
  for (int i = 0; i < 60; ++i) block[i] = static_cast<char>(i);
  for (const size_t bytes : {64u, 1000u, 40'000u, 100'000u}) {
    block = static_cast<char*>(memory.Resize(block, bytes));
    for (int i = 0; i < 60; ++i) ASSERT_EQ(block[i], static_cast<char>(i)) << bytes;
  }
  memory.Free(block);
  EXPECT_EQ(memory.AllocateZeroed(SIZE_MAX / 2, 4), nullptr);
  const auto* zeroed = static_cast<char*>(memory.AllocateZeroed(10, 10));
  for (int i = 0; i < 100; ++i) ASSERT_EQ(zeroed[i], 0);
  memory.Free(const_cast<char*>(zeroed));
}

// A stream without a test's habits.
struct QuietStream final : Http2Stream {
  void OnHead(const Head&, bool) override {
    const Field field{"content-length", "5"};
    connection->Respond(*this, 200, std::span(&field, 1), false);
    const std::string_view body = "hello";
    connection->SendBody(*this, std::span(&body, 1), true);
  }
  void OnRefused(const Error&) override {}
  void OnBody(std::string_view) override {}
  void OnEnd(std::span<const Field>) override {}
  void OnDrained() override {}
  void OnClosed(Http2Code) override { ++closed; }

  Http2Connection* connection = nullptr;
  size_t closed = 0;
};
struct QuietServer final : Http2Handler {
  QuietServer() : connection(Http2Connection::Role::kServer, {}, pool.shared(), *this) {
    stream.connection = &connection;
  }
  Http2Stream* NewStream() override { return &stream; }

  Http2Pool pool;
  QuietStream stream;
  Http2Connection connection;
};

TEST(Http2Memory, ARequestInSteadyStateTakesNothingFromTheHeap) {
  constexpr uint32_t kRequests = 1000, kFirst = 200;
  std::vector<std::string> requests;
  for (uint32_t i = 0; i < kRequests; ++i) requests.push_back(h2::GetRequest(2 * i + 1, "/some"));
  QuietServer server;
  std::string out;
  out.reserve(64 * 1024);
  server.connection.Receive(h2::Hello(), MonotonicTime(Duration(1)));
  const auto serve = [&](uint32_t from, uint32_t to) {
    for (uint32_t i = from; i < to; ++i) {
      server.connection.Receive(requests[i], MonotonicTime(Duration(1)));
      out.clear();
      server.connection.Take(out, SIZE_MAX);
    }
  };
  serve(0, kFirst);
  const Allocations allocations;
  const auto before = mallinfo2();
  serve(kFirst, kRequests);
  EXPECT_EQ(allocations.count(), 0u);
  EXPECT_EQ(mallinfo2().uordblks, before.uordblks);
  EXPECT_EQ(server.stream.closed, kRequests);
}

}  // namespace
}  // namespace meridian::codec
