#include "launcher/run/console.h"

#include <gtest/gtest.h>

namespace desa2va::launcher {
namespace {

TEST(Table, ColumnsAreAsWideAsTheirWidestCell) {
  EXPECT_EQ(table({{"name", "count"}, {"a", "12"}, {"longer", "3"}}),
            "name    count\n"
            "a          12\n"
            "longer      3\n");
}

TEST(Table, WidthCountsLettersNotBytes) {
  EXPECT_EQ(table({{"µs", "x"}, {"abc", "y"}}), "µs   x\nabc  y\n");
}

TEST(Table, NoRowsAreNoText) {
  EXPECT_EQ(table({}), "");
}

}  // namespace
}  // namespace desa2va::launcher
