// The intrusive list against std::list over random operations, and its edges.
#include <gtest/gtest.h>
#include <meridian/base/hash.h>
#include <meridian/base/list.h>

#include <algorithm>
#include <list>
#include <memory>
#include <vector>

namespace meridian {
namespace {

struct Item : ListNode {
  explicit Item(int n) : number(n) {}
  int number;
};

std::vector<int> Numbers(List<Item>& list) {
  std::vector<int> numbers;
  list.ForEach([&numbers](Item& item) { numbers.push_back(item.number); });
  return numbers;
}

TEST(List, KeepsOrderFromBothEnds) {
  List<Item> list;
  EXPECT_TRUE(list.empty());
  Item one(1), two(2), three(3);
  list.PushBack(two);
  list.PushBack(three);
  list.PushFront(one);
  EXPECT_EQ(Numbers(list), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(list.front().number, 1);
  EXPECT_EQ(list.back().number, 3);
}

TEST(List, ANodeLeavesWhenItIsDestroyed) {
  List<Item> list;
  Item one(1);
  list.PushBack(one);
  {
    Item two(2);
    list.PushBack(two);
  }
  EXPECT_EQ(Numbers(list), std::vector<int>{1});
}

TEST(List, ItsEndFreesItsNodes) {
  Item item(1);
  {
    List<Item> list;
    list.PushBack(item);
    EXPECT_TRUE(item.linked());
  }
  EXPECT_FALSE(item.linked());
  List<Item> other;
  other.PushBack(item);
  item.Unlink();
  item.Unlink();
  EXPECT_TRUE(other.empty());
}

TEST(List, AVisitMayUnlinkItsNode) {
  List<Item> list;
  std::vector<std::unique_ptr<Item>> items;
  for (int i = 0; i < 10; ++i) list.PushBack(*items.emplace_back(std::make_unique<Item>(i)));
  list.ForEach([](Item& item) {
    if (item.number % 3 == 0) item.Unlink();
  });
  EXPECT_EQ(Numbers(list), (std::vector<int>{1, 2, 4, 5, 7, 8}));
}

TEST(ListDeathTest, ANodeIsInOneListAtATime) {
  List<Item> list, other;
  Item item(1);
  list.PushBack(item);
  EXPECT_DEATH(other.PushBack(item), "CHECK failed");
}

TEST(List, AgreesWithStdListOverRandomOperations) {
  List<Item> list;
  std::list<int> oracle;
  std::vector<std::unique_ptr<Item>> items;
  for (int i = 0; i < 50; ++i) items.push_back(std::make_unique<Item>(i));
  for (uint64_t step = 0; step < 5000; ++step) {
    Item& item = *items[Reduce(Mix(step), 50)];
    const bool front = Mix(step + 1'000'000) % 2 == 0;
    if (item.linked()) {
      item.Unlink();
      oracle.remove(item.number);
    } else if (front) {
      list.PushFront(item);
      oracle.push_front(item.number);
    } else {
      list.PushBack(item);
      oracle.push_back(item.number);
    }
    ASSERT_EQ(list.empty(), oracle.empty());
  }
  EXPECT_EQ(Numbers(list), std::vector<int>(oracle.begin(), oracle.end()));
}

}  // namespace
}  // namespace meridian
