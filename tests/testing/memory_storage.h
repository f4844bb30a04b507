// A failover record's storage in memory, with a disk that can lose what was not synced, and steps
// that can fail or be the last before a crash. One step is one call of Storage other than Load.
#pragma once

#include <meridian/failover/storage.h>

#include <optional>
#include <string>

namespace meridian::fakes {

class MemoryStorage final : public failover::Storage {
 public:
  enum class Crash : uint8_t {
    kProcess,    // the machine lives: all that was written is seen by the next process
    kPowerLost,  // all that was not synced is gone
    kPowerKept,  // the disk happened to keep it
  };
  enum class Step : uint8_t { kWrite, kSync, kPublish, kSyncDirectory };
  static constexpr int kSteps = 4;

  // After `steps` more steps nothing works any more, until Restart.
  void CrashAfter(int steps) { steps_left_ = steps; }
  // That step fails, `times` times; a failed one but kWrite may have had its effect (`has_effect`).
  void FailStep(Step step, int times, bool has_effect = false) {
    failing_ = step;
    failures_ = times;
    has_effect_ = has_effect;
  }
  void Restart(Crash crash) {
    steps_left_ = -1;
    is_crashed_ = false;
    failures_ = 0;
    if (crash == Crash::kPowerLost) seen_ = durable_;
    if (crash != Crash::kProcess) {
      durable_ = seen_;
      temporary_.reset();
    }
  }
  void Put(std::optional<std::string> bytes) { seen_ = durable_ = std::move(bytes); }

  bool is_crashed() const { return is_crashed_; }
  int steps() const { return steps_; }
  int loads() const { return loads_; }
  const std::optional<std::string>& durable() const { return durable_; }
  const std::optional<std::string>& visible() const { return seen_; }

  Result<std::optional<std::string>> Load() override {
    ++loads_;
    return seen_;
  }
  Result<> WriteTemporary(std::string_view bytes) override {
    return Do(Step::kWrite, [&] {
      temporary_ = bytes;
      is_synced_ = false;
    });
  }
  Result<> SyncTemporary() override {
    return Do(Step::kSync, [&] { is_synced_ = true; });
  }
  // A file renamed before it was synced is empty after a power cut: as real ones are.
  Result<> Publish() override {
    return Do(Step::kPublish, [&] {
      seen_ = is_synced_ ? temporary_ : std::optional<std::string>("");
      temporary_.reset();
    });
  }
  Result<> SyncDirectory() override {
    return Do(Step::kSyncDirectory, [&] { durable_ = seen_; });
  }

 private:
  template <class Effect>
  Result<> Do(Step step, Effect effect) {
    if (steps_left_ == 0) is_crashed_ = true;
    if (is_crashed_) return Fail(ErrorCode::kIo, "the machine has crashed");
    if (steps_left_ > 0) --steps_left_;
    ++steps_;
    if (failures_ > 0 && step == failing_) {
      --failures_;
      if (has_effect_) effect();
      return Fail(ErrorCode::kIo, "the disk failed", 5);
    }
    effect();
    return {};
  }

  std::optional<std::string> temporary_, seen_, durable_;
  bool is_synced_ = false;
  int steps_left_ = -1, steps_ = 0, loads_ = 0;
  bool is_crashed_ = false;
  Step failing_ = Step::kWrite;
  int failures_ = 0;
  bool has_effect_ = false;
};

}  // namespace meridian::fakes
