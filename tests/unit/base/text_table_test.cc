// Columns that stay aligned whatever stands in them.
#include <meridian/base/text_table.h>

#include <gtest/gtest.h>

namespace meridian {
namespace {

TEST(DisplayWidth, CountsCharactersNotBytes) {
  EXPECT_EQ(DisplayWidth("paris"), 5u);
  EXPECT_EQ(DisplayWidth("Zürich"), 6u);
  EXPECT_EQ(DisplayWidth("Zu\xcc\x88rich"), 6u);
  EXPECT_EQ(DisplayWidth("▶ –"), 3u);
}

TEST(TextTable, ColourDoesNotMoveColumns) {
  TextTable table;
  table.AddColumn("SITE");
  table.AddColumn("N", Align::kRight);
  table.AddColumn("STATE");
  table.AddRow({{"Zürich"}, {"7"}, {"up", Paint::kGood}});
  table.AddRow({{"x"}, {"1,204"}, {""}});
  EXPECT_EQ(table.Text(false),
            "SITE        N  STATE\n"
            "Zürich      7  up\n"
            "x       1,204\n");
  EXPECT_NE(table.Text(true).find("Zürich      7  \x1b[32mup\x1b[0m\n"), std::string::npos);
}

}  // namespace
}  // namespace meridian
