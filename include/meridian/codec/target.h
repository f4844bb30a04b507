// What a request's target says (RFC 3986, RFC 9110 section 7.1): its path in the one form that all
// equivalent spellings share, and the parameters of its query. Views of the target where possible,
// else of a scratch string whose content is replaced; nothing is kept.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace meridian::codec {

// `target` up to its query.
std::string_view PathOf(std::string_view target);
// `target` from its '?' on, with it; empty: no query.
std::string_view QueryOf(std::string_view target);

// The path in normal form (RFC 3986 section 6.2.2): %XX of letters, digits, '-', '.', '_' and '~'
// decoded, other %XX in capitals, "." and ".." segments resolved. Two paths that a server must take
// for the same have the same; what may differ ("//", "%2F") stays. `path` is without its query; one
// that does not begin with '/' is given back as it is.
std::string_view NormalPath(std::string_view path, std::string& scratch);

// The value of the first parameter called `name` in the query of `target`, read as
// application/x-www-form-urlencoded (WHATWG URL section 5.1): parts between '&', '+' for a space,
// %XX for a byte, in names as in values; a '%' that begins no such byte is one itself. Nothing:
// there is none; one without '=' has an empty value.
std::optional<std::string_view> QueryParameter(std::string_view target, std::string_view name,
                                               std::string& scratch);

}  // namespace meridian::codec
