// Rise and fall: from single answers to a verdict. The first answer, either way, is the verdict (so
// a first start is as quick as one check, and nothing is up before its first good one); afterwards
// it takes `rise` good answers in a row to come up and `fall` bad ones in a row to go down. Pure.
#pragma once

#include <meridian/health/health.h>

#include <cstdint>

namespace meridian::health {

class Verdict {
 public:
  // True if the verdict is another one than before.
  bool Observe(bool good, uint32_t rise, uint32_t fall) {
    const Probe answer = good ? Probe::kUp : Probe::kDown;
    if (answer == value_) {
      against_ = 0;
      return false;
    }
    if (value_ != Probe::kUnknown && ++against_ < (good ? rise : fall)) return false;
    value_ = answer;
    against_ = 0;
    return true;
  }

  // Taken over from another check of the same endpoint, until the first answer of this one counts.
  void Assume(Probe value) { value_ = value; }

  Probe value() const { return value_; }
  // The last answer spoke against the verdict, or there is none yet.
  bool in_doubt() const { return against_ > 0 || value_ == Probe::kUnknown; }

 private:
  Probe value_ = Probe::kUnknown;
  uint32_t against_ = 0;  // answers in a row that speak against value_
};

}  // namespace meridian::health
