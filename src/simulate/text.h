// Phrases that both descriptions share.
#pragma once

#include <meridian/base/text_table.h>
#include <meridian/base/time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace meridian::simulate {

inline constexpr size_t kColumns = 100;

// A time of the scenario: "1:30.0", "-0:03.0".
std::string Clock(Duration at);
// "7.4s", "0.0s".
std::string Seconds(Duration duration);
// "1,204", "20,000", "no limit".
std::string CapacityText(const std::optional<uint64_t>& capacity);
// "60%"; "–" without a capacity.
std::string LoadText(uint64_t sessions, const std::optional<uint64_t>& capacity);
Paint PaintOfLoad(uint64_t sessions, const std::optional<uint64_t>& capacity);
Paint PaintOfState(std::string_view state);
// `text` broken at spaces so that no line passes kColumns, later ones indented by `indent`, which
// is also where the first begins.
std::string Wrapped(std::string_view text, size_t indent);
// A heading, with an empty line above.
std::string Heading(std::string_view text, bool color);

}  // namespace meridian::simulate
