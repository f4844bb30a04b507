// See intent_keeper.h.
#include "intent_keeper.h"

#include <meridian/base/format.h>
#include <meridian/base/log.h>

#include <algorithm>

namespace meridian::app {

IntentKeeper::IntentKeeper(net::Loop& loop, health::Registry& registry,
                           std::function<void()> changed, std::function<void(std::string)> tell)
    : loop_(loop),
      registry_(registry),
      changed_(std::move(changed)),
      tell_(std::move(tell)),
      timer_(*this) {}

void IntentKeeper::Open(const std::string& state_directory) {
  file_ = std::make_unique<StateFile>(state_directory);
  const auto intents = file_->Load();
  if (!intents) {
    log::Error("{}: {}; drains of before are forgotten, and the file is kept aside as {}.corrupt",
               file_->path(), Describe(intents.error()), file_->path());
  } else {
    for (const auto& [target, record] : *intents) {
      registry_.SetIntent(target, record, loop_.Now());
      log::Info("{}: intent {} since {}, by {}", target, health::Name(record.intent),
                FormatTime(record.since), record.author);
    }
  }
  if (auto saved = file_->Save(registry_.Intents()); !saved) {
    log::Warn("process.state_directory {}: {}; drains will not survive a restart", state_directory,
              Describe(saved.error()));
  }
  ArmForNextChange();
}

Result<> IntentKeeper::Set(const std::string& target, const health::IntentRecord& record) {
  const bool serve = record.intent == health::Intent::kServe;
  if (!serve && registry_.Intents().size() >= kMaxIntents) {
    return Fail(ErrorCode::kTooLarge, "too many drains");
  }
  registry_.SetIntent(target, record, loop_.Now());
  if (serve) {
    log::Info("{}: back in service", target);
  } else {
    log::Info("{}: intent {} by {}{}{}", target, health::Name(record.intent), record.author,
              record.reason.empty() ? "" : ": ", record.reason);
  }
  Save();
  ArmForNextChange();
  changed_();
  return {};
}

void IntentKeeper::Forget(const std::string& target) {
  if (!IsSet(target)) return;
  registry_.SetIntent(target, {}, loop_.Now());
  Save();
  ArmForNextChange();
  changed_();
}

bool IntentKeeper::IsSet(const std::string& target) const {
  return registry_.IntentOf(target) != health::Intent::kServe;
}

std::vector<std::string> IntentKeeper::TargetsBy(std::string_view author) const {
  std::vector<std::string> targets;
  for (const auto& [target, record] : registry_.Intents()) {
    if (record.author == author) targets.push_back(target);
  }
  return targets;
}

void IntentKeeper::Save() {
  if (auto saved = file_->Save(registry_.Intents()); !saved) {
    log::Error("{}: {}; this will not survive a restart", file_->path(), Describe(saved.error()));
  }
}

void IntentKeeper::ArmForNextChange() {
  timer_.Disarm();
  WallTime next = WallTime::max();
  for (const auto& [target, record] : registry_.Intents()) {
    if (record.intent == health::Intent::kDrain && record.deadline != WallTime{}) {
      next = std::min(next, record.deadline);
    }
    if (record.expires != WallTime{}) next = std::min(next, record.expires);
  }
  if (next == WallTime::max()) return;
  loop_.Arm(timer_, std::max(next - loop_.WallNow(), Duration(0)));
}

// The wall clock may have been set meanwhile: what is not due yet is waited for again.
void IntentKeeper::OnTimer(net::Timer&) {
  const WallTime now = loop_.WallNow();
  for (const auto& [target, record] : registry_.Intents()) {
    if (record.expires != WallTime{} && record.expires <= now) {
      const std::string text = Format("{}: the {} by {} has expired: back in service", target,
                                      health::Name(record.intent), record.author);
      log::Info("{}", text);
      tell_(text);
      registry_.SetIntent(target, {}, loop_.Now());
      continue;
    }
    if (record.intent != health::Intent::kDrain || record.deadline == WallTime{}) continue;
    if (record.deadline > now) continue;
    const std::string text = Format("{}: the drain's deadline has passed: out", target);
    log::Info("{}", text);
    tell_(text);
    const health::IntentRecord out{.intent = health::Intent::kOut,
                                   .author = record.author,
                                   .reason = "drain deadline passed",
                                   .since = now,
                                   .deadline = {},
                                   .expires = record.expires};
    registry_.SetIntent(target, out, loop_.Now());
  }
  Save();
  ArmForNextChange();
  changed_();
}

}  // namespace meridian::app
