// Reading sources for the house rules: a scanner that knows just enough C++ to tell code from
// comments and literals (line and block comments, strings, characters, raw strings, digit
// separators).
#include "source_tree.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace meridian::arch {
namespace {

bool IsWordCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// One pass over a text; out_ holds what is code, line for line.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::string Code() {
    while (position_ < text_.size()) Step();
    return std::move(out_);
  }

 private:
  void Step() {
    const char c = text_[position_];
    if (text_.substr(position_, 2) == "//") {
      Blank(LineEnd());
    } else if (text_.substr(position_, 2) == "/*") {
      Blank(After("*/", position_ + 2));
    } else if (c == '"' && AfterRawPrefix()) {
      RawString();
    } else if (c == '"' || (c == '\'' && !AfterWord())) {
      Literal(c);
    } else {
      out_ += c;
      ++position_;
    }
  }

  size_t LineEnd() const { return std::min(text_.find('\n', position_), text_.size()); }

  size_t After(std::string_view mark, size_t from) const {
    const size_t found = text_.find(mark, from);
    return found == std::string_view::npos ? text_.size() : found + mark.size();
  }

  // Drops everything up to end, but keeps the line ends.
  void Blank(size_t end) {
    for (; position_ < end; ++position_) {
      if (text_[position_] == '\n') out_ += '\n';
    }
  }

  bool AfterWord() const { return !out_.empty() && IsWordCharacter(out_.back()); }

  bool AfterRawPrefix() const {
    if (out_.empty() || out_.back() != 'R') return false;
    size_t begin = out_.size();
    while (begin > 0 && IsWordCharacter(out_[begin - 1])) --begin;
    const std::string_view prefix = std::string_view(out_).substr(begin);
    return prefix == "R" || prefix == "u8R" || prefix == "uR" || prefix == "UR" || prefix == "LR";
  }

  void RawString() {
    const size_t open = text_.find('(', position_);
    if (open == std::string_view::npos) return Blank(text_.size());
    std::string close(")");
    close += text_.substr(position_ + 1, open - position_ - 1);
    close += '"';
    out_ += '"';
    Blank(After(close, open));
    out_ += '"';
  }

  // A string in an #include keeps its contents: they are what the rules look at.
  void Literal(char quote) {
    const size_t line = out_.rfind('\n') == std::string::npos ? 0 : out_.rfind('\n') + 1;
    const bool keep = std::string_view(out_).substr(line).starts_with("#include");
    out_ += quote;
    ++position_;
    while (position_ < text_.size() && text_[position_] != quote && text_[position_] != '\n') {
      if (text_[position_] == '\\') ++position_;
      if (keep && position_ < text_.size()) out_ += text_[position_];
      ++position_;
    }
    if (position_ < text_.size() && text_[position_] == quote) {
      out_ += quote;
      ++position_;
    }
  }

  std::string_view text_;
  size_t position_ = 0;
  std::string out_;
};

std::vector<std::string> Lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string Text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string Relative(const std::filesystem::path& path, const std::string& root) {
  return path.lexically_relative(root).generic_string();
}

}  // namespace

SourceFile ParseSource(std::string path, std::string_view text) {
  SourceFile file{std::move(path), Lines(text), Lines(Scanner(text).Code())};
  file.code.resize(file.lines.size());
  return file;
}

SourceTree ReadTree(const std::string& root) {
  SourceTree tree;
  std::error_code error;
  for (const char* top : {"include", "src", "tests", "bench"}) {
    std::filesystem::recursive_directory_iterator entries(std::filesystem::path(root) / top, error);
    if (error) continue;
    for (const auto& entry : entries) {
      if (!entry.is_regular_file(error)) continue;
      const std::string extension = entry.path().extension().string();
      const std::string path = Relative(entry.path(), root);
      if (extension == ".h" || extension == ".cc") {
        tree.sources.push_back(ParseSource(path, Text(entry.path())));
      } else if (path.starts_with("src/") && entry.path().filename() == "README.md") {
        tree.readmes.push_back({path, Lines(Text(entry.path())), {}});
      }
    }
  }
  std::sort(tree.sources.begin(), tree.sources.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  tree.cmake = {"CMakeLists.txt", Lines(Text(std::filesystem::path(root) / "CMakeLists.txt")), {}};
  return tree;
}

std::string_view RoomOf(std::string_view path) {
  for (std::string_view top : {"include/meridian/", "src/", "tests/unit/"}) {
    if (!path.starts_with(top)) continue;
    path.remove_prefix(top.size());
    const size_t slash = path.find('/');
    return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
  }
  return {};
}

size_t Columns(std::string_view line) {
  return static_cast<size_t>(
      std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace meridian::arch
