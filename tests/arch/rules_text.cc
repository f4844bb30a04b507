// Rules on how a file reads: sizes, head comments, names, columns, exceptions, leftovers, and each
// room's README.
#include <algorithm>
#include <cctype>
#include <map>
#include <regex>
#include <string>
#include <utility>

#include "rooms.h"
#include "rules.h"

namespace meridian::arch {
namespace {

constexpr size_t kHeaderLines = 250;
constexpr size_t kSourceLines = 600;
constexpr size_t kTestLines = 900;
constexpr size_t kFunctionLines = 70;
constexpr size_t kReadmeLines = 60;
constexpr size_t kMaxColumns = 100;

bool IsHeader(const SourceFile& file) {
  return file.path.ends_with(".h");
}
bool IsProduct(const SourceFile& file) {
  return file.path.starts_with("include/") || file.path.starts_with("src/");
}

std::string_view FileName(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

size_t LineLimit(const SourceFile& file) {
  if (!IsProduct(file)) return kTestLines;
  return IsHeader(file) ? kHeaderLines : kSourceLines;
}

// A body opened at `begin` (a line that ends in '{') closes at the first line that starts with '}'
// at the same depth: clang-format sees to that. 0: it never does.
size_t BodyEnd(const SourceFile& file, size_t begin, size_t indent) {
  for (size_t i = begin + 1; i < file.code.size(); ++i) {
    const std::string& line = file.code[i];
    if (line.find_first_not_of(' ') == indent && line[indent] == '}') return i;
  }
  return 0;
}

// Whether the statement that ends in '{' on this line is a function's head: it has a parameter
// list, no initialiser and no keyword of a type, a namespace or a statement.
bool OpensFunction(const SourceFile& file, size_t line, size_t indent) {
  static const std::regex other(
      R"(^\s*(namespace|extern|class|struct|union|enum|if|for|while|switch|else|do|case)\b)");
  const std::string& first = file.code[line];
  if (first.find_first_not_of(' ') != indent || std::regex_search(first, other)) return false;
  std::string head;
  for (size_t i = line; i < std::min(line + 12, file.code.size()); ++i) {
    if (i > line && file.code[i].find_first_not_of(' ') <= indent) return false;
    head += file.code[i];
    if (head.ends_with(";")) return false;
    if (head.ends_with("{")) break;
  }
  return head.ends_with("{") && head.find('(') != std::string::npos &&
         !std::regex_search(head, std::regex(R"([^=!<>]=[^=][^()]*\{$)"));
}

void CheckFunctions(const SourceFile& file, Violations& out) {
  for (size_t i = 0; i < file.code.size(); ++i) {
    const size_t indent = file.code[i].find_first_not_of(' ');
    if (indent != 0 && indent != 2) continue;
    if (!OpensFunction(file, i, indent)) continue;
    const size_t end = BodyEnd(file, i, indent);
    if (end == 0 || end - i + 1 <= kFunctionLines) continue;
    out.push_back({file.path, i + 1,
                   "a function of " + std::to_string(end - i + 1) + " lines, at most " +
                       std::to_string(kFunctionLines) + ": let it branch and its leaves compute"});
  }
}

void CheckFileName(const SourceFile& file, Violations& out) {
  static const std::regex shape(R"(^[a-z0-9]+(_[a-z0-9]+)*\.(h|cc)$)");
  static const std::regex pattern(R"(_(manager|helper|helpers|util|utils|impl)\.(h|cc)$)");
  const std::string name(FileName(file.path));
  if (!std::regex_match(name, shape)) {
    out.push_back({file.path, 1, "file names are snake_case with .h or .cc"});
  }
  if (std::regex_search("_" + name, pattern)) {
    out.push_back({file.path, 1, "name the file for what it holds, not for its pattern"});
  }
  const bool is_unit = file.path.starts_with("tests/unit/");
  if (is_unit && !IsHeader(file) && !name.ends_with("_test.cc")) {
    out.push_back(
        {file.path, 1, "unit tests are named *_test.cc; what tests share lives in tests/testing"});
  }
}

void CheckLineNames(const SourceFile& file, size_t i, Violations& out) {
  static const std::regex side(R"(upstream|downstream)", std::regex::icase);
  static const std::regex type(
      R"(\b(?:class|struct|union|enum|using)\s+(?:class\s+|struct\s+)?(\w*(?:Manager|Helpers?|Utils?|Impl|Data))\b)");
  const std::string& code = file.code[i];
  if (code.starts_with("#include")) return;
  std::smatch match;
  if (std::regex_search(code, match, side)) {
    out.push_back(
        {file.path, i + 1, "'" + match.str() + "': the two sides are client and backend"});
  }
  if (std::regex_search(code, match, type)) {
    out.push_back({file.path, i + 1, "'" + match.str(1) + "': say what it is, not its pattern"});
  }
}

}  // namespace

Violations CheckSizes(const SourceTree& tree) {
  Violations out;
  for (const SourceFile& file : tree.sources) {
    const size_t limit = LineLimit(file);
    if (file.lines.size() > limit) {
      out.push_back({file.path, limit + 1,
                     std::to_string(file.lines.size()) + " lines, at most " +
                         std::to_string(limit) + ": split it by what it holds"});
    }
    if (IsProduct(file)) CheckFunctions(file, out);
  }
  return out;
}

Violations CheckHeads(const SourceTree& tree) {
  Violations out;
  for (const SourceFile& file : tree.sources) {
    if (file.lines.empty() || !file.lines[0].starts_with("// ")) {
      out.push_back(
          {file.path, 1, "open with a comment: what the file is for, owner, thread, invariants"});
    }
    if (!IsHeader(file)) continue;
    const auto first = std::find_if(file.code.begin(), file.code.end(),
                                    [](const std::string& line) { return !line.empty(); });
    if (first == file.code.end() || *first != "#pragma once") {
      out.push_back({file.path, 1, "#pragma once comes first in a header, after its comment"});
    }
  }
  return out;
}

Violations CheckNames(const SourceTree& tree) {
  Violations out;
  for (const SourceFile& file : tree.sources) {
    CheckFileName(file, out);
    for (size_t i = 0; i < file.code.size(); ++i) CheckLineNames(file, i, out);
  }
  return out;
}

Violations CheckColumns(const SourceTree& tree) {
  Violations out;
  for (const SourceFile& file : tree.sources) {
    for (size_t i = 0; i < file.lines.size(); ++i) {
      const std::string& line = file.lines[i];
      if (Columns(line) <= kMaxColumns || line.find("://") != std::string::npos) continue;
      const bool is_comment = line.find_first_not_of(' ') == line.find("//");
      if (line.starts_with("#include") || (!is_comment && Columns(file.code[i]) <= kMaxColumns &&
                                           line.find('"') != std::string::npos)) {
        continue;
      }
      if (!is_comment && file.code[i].empty()) continue;  // inside a raw string
      out.push_back({file.path, i + 1,
                     std::to_string(Columns(line)) + " columns, at most 100: clang-format"});
    }
  }
  return out;
}

Violations CheckExceptions(const SourceTree& tree) {
  static const std::regex word(R"(\b(throw|try|catch)\b)");
  Violations out;
  for (const SourceFile& file : tree.sources) {
    const std::string_view room = RoomOf(file.path);
    if (!IsProduct(file) || room.empty()) continue;
    if (std::find(std::begin(kThrowing), std::end(kThrowing), room) != std::end(kThrowing))
      continue;
    for (size_t i = 0; i < file.code.size(); ++i) {
      std::smatch match;
      if (!std::regex_search(file.code[i], match, word)) continue;
      out.push_back(
          {file.path, i + 1, "'" + match.str() + "': return a Result; no library here throws"});
    }
  }
  return out;
}

Violations CheckLeftovers(const SourceTree& tree) {
  static const std::regex note(R"(\b(TODO|FIXME|XXX|HACK)\b)");
  // A deeper indented comment is an example of use, as heads of headers have them.
  static const std::regex code(
      R"(^\s*// ?((return|if \(|for \(|while \(|auto |const |int |void |std::).*[;{]|\}|#include.*)\s*$)"
      R"(|^\s*// ?\w+(\.|->)\w+\(.*\);\s*$)");
  Violations out;
  for (const SourceFile& file : tree.sources) {
    for (size_t i = 0; i < file.lines.size(); ++i) {
      if (file.lines[i].find("//") == std::string::npos) continue;
      const std::string comment = file.lines[i].substr(file.lines[i].find("//"));
      if (!file.code[i].empty() && file.code[i] == file.lines[i]) continue;
      if (std::regex_search(comment, note)) {
        out.push_back({file.path, i + 1, "a note to self: do it, or open an issue"});
      }
      if (std::regex_search(file.lines[i], code)) {
        out.push_back({file.path, i + 1, "code in a comment: delete it, git remembers"});
      }
    }
  }
  return out;
}

Violations CheckReadmes(const SourceTree& tree) {
  Violations out;
  std::map<std::string, size_t> lines;
  for (const SourceFile& readme : tree.readmes) lines[readme.path] = readme.lines.size();
  std::map<std::string, bool> seen;
  for (const SourceFile& file : tree.sources) {
    if (!file.path.starts_with("src/")) continue;
    const std::string readme = "src/" + std::string(RoomOf(file.path)) + "/README.md";
    if (std::exchange(seen[readme], true)) continue;
    if (!lines.contains(readme)) {
      out.push_back({readme, 1, "missing: what the room is for, its types, threads, how to test"});
    } else if (lines[readme] > kReadmeLines) {
      out.push_back(
          {readme, kReadmeLines + 1,
           std::to_string(lines[readme]) + " lines, at most " + std::to_string(kReadmeLines)});
    }
  }
  return out;
}

std::string Print(const Violations& violations) {
  std::string text;
  for (const Violation& violation : violations) {
    text += violation.path + ":" + std::to_string(violation.line) + ": " + violation.message + "\n";
  }
  return text;
}

}  // namespace meridian::arch
