// Operators' intents in force: into the health registry, onto the disk, and past their deadlines. A
// drain whose deadline has come becomes `out`, by the same author: what is left of it is cut. An
// intent that expires is forgotten: its target serves again. Owned by the Engine; control thread.
#pragma once

#include <meridian/health/health.h>
#include <meridian/net/loop.h>

#include <functional>
#include <memory>
#include <string>

#include "state_file.h"

namespace meridian::app {

class IntentKeeper final : private net::TimerHandler {
 public:
  // `changed` is called after each change: the workers have to look. `tell` is told, in a sentence,
  // of what comes by itself: a deadline, an expiry.
  IntentKeeper(net::Loop& loop, health::Registry& registry, std::function<void()> changed,
               std::function<void(std::string)> tell);

  // Loads what `state_directory` holds. Faults are logged: without a usable directory intents work,
  // but do not survive a restart.
  void Open(const std::string& state_directory);
  // Effective even where it cannot be saved (logged as an error): who takes a site out of service
  // needs it out. Error: kTooLarge past kMaxIntents.
  Result<> Set(const std::string& target, const health::IntentRecord& record);
  // As if it had never been set: for a target that is no more, or a reason that is over.
  void Forget(const std::string& target);
  bool IsSet(const std::string& target) const;
  std::vector<std::string> TargetsBy(std::string_view author) const;

 private:
  void Save();
  void ArmForNextChange();
  void OnTimer(net::Timer& timer) override;

  net::Loop& loop_;
  health::Registry& registry_;
  std::function<void()> changed_;
  std::function<void(std::string)> tell_;
  std::unique_ptr<StateFile> file_;
  net::Timer timer_;
};

}  // namespace meridian::app
