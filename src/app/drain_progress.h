// How drained targets empty: the sessions left at each, and how many leave a second. Counted once a
// second while an intent is in force; that nothing is left is told once. Owned by the Engine;
// control thread.
#pragma once

#include <meridian/admin/control.h>
#include <meridian/health/health.h>
#include <meridian/net/loop.h>

#include <deque>
#include <functional>
#include <map>
#include <string>

namespace meridian::app {

class DrainProgress final : private net::TimerHandler {
 public:
  using Count = std::function<uint64_t(const std::string& target)>;  // its sessions now
  using Tell = std::function<void(std::string text)>;

  DrainProgress(net::Loop& loop, health::Registry& registry, Count count, Tell tell);

  // Intents have changed.
  void Watch();
  // Of a target with an intent in force; nothing leaves one that has none.
  admin::DrainState At(const std::string& target) const;

 private:
  static constexpr size_t kSamples = 10;

  struct Sample {
    MonotonicTime at{};
    uint64_t sessions = 0;
  };
  struct Watched {
    bool told = false;
    std::deque<Sample> samples;  // the newest last
  };

  void OnTimer(net::Timer& timer) override;

  net::Loop& loop_;
  health::Registry& registry_;
  Count count_;
  Tell tell_;
  std::map<std::string, Watched> watched_;
  net::Timer timer_;
};

}  // namespace meridian::app
