// The ring between a worker and the writer: order, whole lines, bounds, and two threads at once.
#include <gtest/gtest.h>
#include <meridian/proxy/access_queue.h>

#include <string>
#include <thread>

namespace meridian::proxy {
namespace {

std::string Take(AccessQueue& queue) {
  const AccessQueue::Waiting waiting = queue.Peek();
  std::string text(waiting.first);
  text.append(waiting.second);
  queue.Pop(waiting.size());
  return text;
}

TEST(AccessQueue, GivesLinesInOrderWhereverTheRingEnds) {
  for (size_t length = 1; length <= 16; ++length) {
    AccessQueue queue(16);
    for (int i = 0; i < 50; ++i) {
      const std::string line(length, static_cast<char>('a' + i % 26));
      ASSERT_TRUE(queue.Push(line));
      ASSERT_EQ(Take(queue), line);
    }
    EXPECT_EQ(queue.lines(), 50u);
    EXPECT_EQ(Take(queue), "");
  }
}

TEST(AccessQueue, DropsWholeLinesWhenFullAndCountsThem) {
  AccessQueue queue(16);
  EXPECT_TRUE(queue.Push("123456\n"));
  EXPECT_TRUE(queue.Push("789abc\n"));
  EXPECT_FALSE(queue.Push("xyz\n"));
  EXPECT_FALSE(queue.Push("a line longer than the ring\n"));
  EXPECT_TRUE(queue.Push("d\n"));
  EXPECT_EQ(queue.dropped(), 2u);
  EXPECT_EQ(queue.lines(), 3u);
  EXPECT_EQ(Take(queue), "123456\n789abc\nd\n");
  EXPECT_TRUE(queue.Push("xyz\n"));
}

TEST(AccessQueue, ALineIsSeenWholeByAnotherThread) {
  constexpr int kLines = 20000;
  AccessQueue queue(256);
  std::thread worker([&queue] {
    for (int i = 0; i < kLines; ++i) {
      const std::string line =
          std::to_string(i) + std::string(static_cast<size_t>(i % 40), '.') + "\n";
      while (!queue.Push(line)) std::this_thread::yield();
    }
  });
  int next = 0;
  while (next < kLines) {
    std::string text = Take(queue);
    ASSERT_TRUE(text.empty() || text.ends_with('\n'));
    for (size_t end; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1)) {
      ASSERT_EQ(text.substr(0, end),
                std::to_string(next) + std::string(static_cast<size_t>(next % 40), '.'));
      ++next;
    }
  }
  worker.join();
}

}  // namespace
}  // namespace meridian::proxy
