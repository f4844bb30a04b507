// Agents' lines of arbitrary bytes. Holds: a line means the same whether or not more follows it; a
// percentage is one; a reason is short and printable; what all lines come to is a word and a share
// from 1 to 100.
#include <meridian/base/check.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "fuzz/target.h"
#include "probe/agent_line.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace meridian;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  probe::AgentMemory memory;
  for (int lines = 0; lines < 100 && !bytes.empty(); ++lines) {
    const std::string line(bytes.substr(0, bytes.find('\n')));
    const auto parsed = probe::ParseAgentLine(line);
    MERIDIAN_CHECK(parsed.has_value() == probe::ParseAgentLine(bytes).has_value());
    bytes.remove_prefix(std::min(line.size() + 1, bytes.size()));
    if (!parsed) continue;
    MERIDIAN_CHECK(!parsed->percent || *parsed->percent <= 100);
    MERIDIAN_CHECK(parsed->reason.size() <= 120);
    for (const char c : parsed->reason) MERIDIAN_CHECK(c >= ' ' && c <= '~');
    memory.Hear(*parsed);
    MERIDIAN_CHECK(memory.word() != health::Agent::kNone);
    MERIDIAN_CHECK(memory.share() >= 1 && memory.share() <= 100);
  }
  return 0;
}
