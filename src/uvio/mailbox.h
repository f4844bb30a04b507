// Tasks from any thread to one: a Treiber stack that the reader takes whole and turns round, so
// that neither side ever waits for the other (Treiber 1986; taking all at once leaves no ABA
// problem). Many threads may Put; one thread, the owner of the loop, calls the rest.
#pragma once

#include <atomic>
#include <functional>
#include <utility>

namespace meridian::uvio {

class Mailbox {
 public:
  Mailbox() = default;
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  ~Mailbox() { Drop(); }

  void Put(std::function<void()> task) {
    auto* letter = new Letter{std::move(task), newest_.load(std::memory_order_relaxed)};
    while (!newest_.compare_exchange_weak(letter->older, letter, std::memory_order_release,
                                          std::memory_order_relaxed)) {
    }
  }

  // Runs what was there at the call, in order of Put. What the tasks put waits for the next call.
  void RunAll() {
    for (Letter* letter = TakeOldestFirst(); letter != nullptr;) {
      Letter* next = letter->older;
      letter->task();
      delete letter;
      letter = next;
    }
  }

  void Drop() {
    for (Letter* letter = TakeOldestFirst(); letter != nullptr;) {
      Letter* next = letter->older;
      delete letter;
      letter = next;
    }
  }

 private:
  struct Letter {
    std::function<void()> task;
    Letter* older;  // after TakeOldestFirst: the next newer one
  };

  Letter* TakeOldestFirst() {
    Letter* letter = newest_.exchange(nullptr, std::memory_order_acquire);
    Letter* oldest = nullptr;
    while (letter != nullptr) {
      Letter* older = letter->older;
      letter->older = oldest;
      oldest = letter;
      letter = older;
    }
    return oldest;
  }

  std::atomic<Letter*> newest_{nullptr};
};

}  // namespace meridian::uvio
