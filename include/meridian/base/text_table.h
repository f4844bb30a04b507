// Aligned columns for people. Widths count what a terminal shows, so UTF-8 and colour do not break
// them; two spaces between columns; the last one is not padded.
//
//     SITE       DISTANCE  STATE
//   ▶ paris        344 km  up
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace meridian {

enum class Paint : uint8_t { kPlain, kGood, kDoubtful, kBad, kStrong };

// Columns that a terminal needs for UTF-8 text: one for each code point, none for combining marks.
size_t DisplayWidth(std::string_view text);
// `text` in colour, if asked for.
std::string Painted(std::string_view text, Paint paint, bool color);
// How a state's name is painted.
Paint PaintOfState(std::string_view state);

struct Cell {
  std::string text;
  Paint paint = Paint::kPlain;
};

enum class Align : uint8_t { kLeft, kRight };

class TextTable {
 public:
  void AddColumn(std::string title, Align align = Align::kLeft);
  // One cell for each column. `mark` stands before the row; if any row has one, all are indented.
  void AddRow(std::vector<Cell> cells, std::string mark = {});
  // A line of its own below the last row, indented to the second column.
  void AddNote(std::string text);

  std::string Text(bool color) const;

 private:
  struct Column {
    std::string title;
    Align align;
  };
  struct Row {
    std::vector<Cell> cells;
    std::string mark, note;
  };
  std::vector<size_t> Widths() const;

  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

}  // namespace meridian
