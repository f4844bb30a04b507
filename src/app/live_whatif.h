// Whatif of the running instance, on a thread of its own: routing and failing over go on meanwhile.
// One question at a time. Owned by the Engine; control thread.
#pragma once

#include <meridian/admin/control.h>
#include <meridian/net/loop.h>

#include <thread>

namespace meridian::app {

class LiveWhatIf {
 public:
  explicit LiveWhatIf(net::Loop& loop) : loop_(loop) {}
  ~LiveWhatIf();

  // `sessions`: as many there are now. What takes nothing new in the snapshot counts as down, too.
  // `done` is called once: at once with an error, or later.
  void Ask(const snapshot::SnapshotPtr& snapshot, const admin::WhatIfRequest& request,
           uint64_t sessions, admin::WhatIfDone done);

 private:
  net::Loop& loop_;
  std::thread thread_;
  bool busy_ = false;
};

}  // namespace meridian::app
