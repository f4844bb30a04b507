// How many checks may be under way at once. A check that finds no slot waits its turn in a list
// that costs no allocation. Probe thread; the counts may be read by any.
#pragma once

#include <meridian/base/counter.h>
#include <meridian/base/list.h>

#include <cstdint>

namespace meridian::probe {

class SlotUser : public ListNode {
 public:
  // A slot has become free and is the user's, until Give.
  virtual void OnSlot() = 0;

 protected:
  ~SlotUser() = default;
};

class Slots {
 public:
  explicit Slots(uint32_t limit) : limit_(limit) {}

  // OnSlot is called at once or, in order of asking, when others give theirs back. Precondition:
  // the user neither waits nor holds a slot.
  void Take(SlotUser& user) {
    waiting_.PushBack(user);
    waiting_count_.Add();
    Serve();
  }
  void Give() {
    in_flight_.Subtract();
    Serve();
  }
  // A waiting user goes away.
  void Leave(SlotUser& user) {
    user.Unlink();
    waiting_count_.Subtract();
  }

  uint64_t in_flight() const { return in_flight_.value(); }
  uint64_t waiting() const { return waiting_count_.value(); }

 private:
  // Not by recursion: users that fail at once give their slot back inside OnSlot.
  void Serve() {
    if (serving_) return;
    serving_ = true;
    while (in_flight_.value() < limit_ && !waiting_.empty()) {
      SlotUser& user = waiting_.front();
      Leave(user);
      in_flight_.Add();
      user.OnSlot();
    }
    serving_ = false;
  }

  const uint32_t limit_;
  bool serving_ = false;
  List<SlotUser> waiting_;
  Counter in_flight_, waiting_count_;
};

}  // namespace meridian::probe
