#include "common/datasets/text_tools.h"

#include <gtest/gtest.h>

namespace desa2va::datasets {
namespace {

TEST(ReferText, IsLowerCaseWithoutOneFullStop) {
  EXPECT_EQ(refer_text("The Truck."), "the truck");
  EXPECT_EQ(refer_text("The truck.."), "the truck.");
  EXPECT_EQ(refer_text("no. 3"), "no. 3");
  EXPECT_EQ(refer_text(""), "");
}

TEST(VideoText, LosesEveryFullStop) {
  const VideoText text = video_text(" Man no. 3 from the right. ");
  EXPECT_EQ(text.text, "man no 3 from the right");
  EXPECT_FALSE(text.verbatim);
}

TEST(VideoText, AQuestionStaysAsItIs) {
  const VideoText text = video_text("Who is No. 3?");
  EXPECT_EQ(text.text, "Who is No. 3?");
  EXPECT_TRUE(text.verbatim);
}

TEST(Lower, KnowsMoreThanAscii) {
  EXPECT_EQ(lower("\xc3\x89T\xc3\x89"), "\xc3\xa9t\xc3\xa9");
  EXPECT_EQ(lower("\xff"
                  "A"),
            "\xff"
            "a");
}

TEST(Strip, TakesUnicodeSpacesOffBothEnds) {
  EXPECT_EQ(strip("\n\t a b \xc2\xa0\xe2\x80\x83"), "a b");
  EXPECT_EQ(strip(" \n "), "");
}

TEST(ReplaceAll, ReplacesEveryPlaceOnce) {
  EXPECT_EQ(replace_all("a.mkv/b.mkv", "mkv", "mp4"), "a.mp4/b.mp4");
  EXPECT_EQ(replace_all("aaa", "a", "aa"), "aaaaaa");
}

}  // namespace
}  // namespace desa2va::datasets
