// DNS messages of arbitrary bytes, read for SRV records. Holds: what is found has targets that a
// host can have, ports, and a time to live; the same bytes say the same again.
#include <meridian/base/check.h>

#include <algorithm>

#include "fuzz/target.h"
#include "resolve/service_message.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace meridian;
  const resolve::Answer answer = resolve::ReadServices({data, size});
  MERIDIAN_CHECK(answer.addresses.empty());
  MERIDIAN_CHECK((answer.outcome == resolve::Outcome::kFound) == !answer.services.empty());
  for (const resolve::ServiceRecord& record : answer.services) {
    MERIDIAN_CHECK(record.port != 0);
    MERIDIAN_CHECK(!record.target.empty() && record.target.size() <= 253);
    for (const char c : record.target) MERIDIAN_CHECK(c > ' ' && c <= '~' && (c < 'A' || c > 'Z'));
  }
  if (!answer.services.empty()) MERIDIAN_CHECK(answer.ttl >= Duration(0));
  MERIDIAN_CHECK(resolve::ReadServices({data, size}).services == answer.services);
  return 0;
}
