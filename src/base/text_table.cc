// See text_table.h.
#include <meridian/base/text_table.h>

#include <meridian/base/check.h>

#include <algorithm>
#include <utility>

namespace meridian {
namespace {

constexpr std::string_view kGap = "  ";

void Put(std::string& out, std::string_view text, std::string_view shown, size_t width, Align align,
         bool last) {
  const size_t padding = width - std::min(width, DisplayWidth(text));
  if (align == Align::kRight) out.append(padding, ' ');
  out += shown;
  if (align == Align::kLeft && !last) out.append(padding, ' ');
  if (!last) out += kGap;
}

// Cells that are empty at the end of a row would leave spaces behind.
void EndLine(std::string& out) {
  while (out.ends_with(' ')) out.pop_back();
  out += '\n';
}

}  // namespace

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) == 0x80) continue;
    // U+0300…U+036F, in UTF-8 CC 80 … CD AF.
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    if (byte == 0xcc || (byte == 0xcd && next <= 0xaf)) continue;
    ++width;
  }
  return width;
}

std::string Painted(std::string_view text, Paint paint, bool color) {
  if (!color || paint == Paint::kPlain || text.empty()) return std::string(text);
  const char* code = paint == Paint::kGood       ? "32"
                     : paint == Paint::kDoubtful ? "33"
                     : paint == Paint::kBad      ? "31"
                                                 : "1";
  return std::string("\x1b[").append(code).append("m").append(text).append("\x1b[0m");
}

Paint PaintOfState(std::string_view state) {
  if (state == "up" || state == "serving") return Paint::kGood;
  if (state == "degraded" || state == "draining" || state == "starting") return Paint::kDoubtful;
  if (state == "down" || state == "out") return Paint::kBad;
  return Paint::kPlain;
}

void TextTable::AddColumn(std::string title, Align align) {
  columns_.push_back({std::move(title), align});
}

void TextTable::AddRow(std::vector<Cell> cells, std::string mark) {
  MERIDIAN_CHECK(cells.size() == columns_.size());
  rows_.push_back({std::move(cells), std::move(mark), {}});
}

void TextTable::AddNote(std::string text) {
  rows_.push_back({{}, {}, std::move(text)});
}

std::vector<size_t> TextTable::Widths() const {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    widths.push_back(DisplayWidth(columns_[i].title));
    for (const Row& row : rows_) {
      if (!row.cells.empty()) widths[i] = std::max(widths[i], DisplayWidth(row.cells[i].text));
    }
  }
  return widths;
}

std::string TextTable::Text(bool color) const {
  const std::vector<size_t> widths = Widths();
  const bool marked =
      std::any_of(rows_.begin(), rows_.end(), [](const Row& row) { return !row.mark.empty(); });
  std::string out = marked ? "  " : "";
  for (size_t i = 0; i < columns_.size(); ++i) {
    const Column& column = columns_[i];
    Put(out, column.title, Painted(column.title, Paint::kStrong, color), widths[i], column.align,
        i + 1 == columns_.size());
  }
  EndLine(out);
  for (const Row& row : rows_) {
    if (row.cells.empty()) {
      out.append((marked ? 2 : 0) + widths[0] + kGap.size(), ' ').append(row.note);
    } else if (marked) {
      out.append(row.mark.empty() ? " " : row.mark).append(" ");
    }
    for (size_t i = 0; i < row.cells.size(); ++i) {
      const Cell& cell = row.cells[i];
      Put(out, cell.text, Painted(cell.text, cell.paint, color), widths[i], columns_[i].align,
          i + 1 == row.cells.size());
    }
    EndLine(out);
  }
  return out;
}

}  // namespace meridian
