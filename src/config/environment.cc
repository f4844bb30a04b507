// One pass over a value's text; a replacement is not looked into again.
#include "config/environment.h"

#include <meridian/base/format.h>

#include <cstdlib>

namespace meridian::config {
namespace {

bool IsVariableName(std::string_view name) {
  if (name.empty() || (name.front() >= '0' && name.front() <= '9')) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// The value of what stands between the braces, or the reason why it has none.
struct Lookup {
  std::optional<std::string> value;
  std::string problem;
};

Lookup Find(std::string_view reference, const Environment& environment) {
  const size_t mark = reference.find(":-");
  const std::string_view name = reference.substr(0, mark);
  if (!IsVariableName(name)) {
    return {{}, Format("{} is not the name of an environment variable", Quote(name))};
  }
  std::optional<std::string> value = environment(name);
  const bool has_default = mark != std::string_view::npos;
  if (has_default && (!value || value->empty())) value = std::string(reference.substr(mark + 2));
  if (value) return {std::move(value), {}};
  return {
      {},
      Format("environment variable {} is not set; set it, or write ${{{}:-default}}", name, name)};
}

void Break(Node& node, std::string problem) {
  node.text = std::move(problem);
  node.broken = true;
}

void ExpandScalar(Node& node, const Environment& environment) {
  std::string out;
  size_t at = 0;
  while (true) {
    const size_t start = node.text.find("${", at);
    if (start == std::string::npos) break;
    const size_t end = node.text.find('}', start);
    if (end == std::string::npos) {
      return Break(node, Format("{}: '${{' without its '}}'", Printable(node.text)));
    }
    const std::string_view text = node.text;
    const Lookup lookup = Find(text.substr(start + 2, end - start - 2), environment);
    if (!lookup.value) {
      return Break(node, lookup.problem);
    }
    out += text.substr(at, start - at);
    out += *lookup.value;
    at = end + 1;
    if (out.size() > kMaxExpanded) {
      return Break(node, Format("a value longer than {} bytes", kMaxExpanded));
    }
  }
  if (at > 0) node.text = out + node.text.substr(at);
}

}  // namespace

void ExpandEnvironment(Node& node, const Environment& environment) {
  if (node.is_scalar()) ExpandScalar(node, environment);
  for (Node& item : node.items) ExpandEnvironment(item, environment);
}

Environment ProcessEnvironment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* const value = std::getenv(std::string(name).c_str());
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
  };
}

}  // namespace meridian::config
