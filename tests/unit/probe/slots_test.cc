// The bound on checks under way.
#include "probe/slots.h"

#include <gtest/gtest.h>

#include <vector>

namespace meridian::probe {
namespace {

class User final : public SlotUser {
 public:
  User(Slots& slots, std::vector<int>& served, int number, bool give_at_once = false)
      : slots_(slots), served_(served), number_(number), give_at_once_(give_at_once) {}
  void OnSlot() override {
    served_.push_back(number_);
    if (give_at_once_) slots_.Give();
  }

 private:
  Slots& slots_;
  std::vector<int>& served_;
  int number_;
  bool give_at_once_;
};

TEST(Slots, UsersPastTheLimitWaitInOrder) {
  Slots slots(2);
  std::vector<int> served;
  User a(slots, served, 1), b(slots, served, 2), c(slots, served, 3), d(slots, served, 4);
  slots.Take(a);
  slots.Take(b);
  slots.Take(c);
  slots.Take(d);
  EXPECT_EQ(served, (std::vector<int>{1, 2}));
  EXPECT_EQ(slots.in_flight(), 2u);
  EXPECT_EQ(slots.waiting(), 2u);
  slots.Give();
  EXPECT_EQ(served, (std::vector<int>{1, 2, 3}));
  slots.Leave(d);
  slots.Give();
  EXPECT_EQ(served, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(slots.waiting(), 0u);
}

TEST(Slots, ManyThatFailAtOnceAreServedWithoutRecursion) {
  Slots slots(1);
  std::vector<int> served;
  User first(slots, served, 0);
  slots.Take(first);
  std::vector<std::unique_ptr<User>> users;
  for (int i = 1; i <= 100000; ++i) {
    users.push_back(std::make_unique<User>(slots, served, i, true));
    slots.Take(*users.back());
  }
  slots.Give();
  EXPECT_EQ(served.size(), 100001u);
  EXPECT_EQ(slots.in_flight(), 0u);
}

}  // namespace
}  // namespace meridian::probe
