#include "common/evaluation/choice.h"

#include <gtest/gtest.h>

namespace desa2va::evaluation {
namespace {

const Options kColours = {{'A', "red"}, {'B', "green"}, {'C', "blue"}, {'D', "yellow"}};

TEST(SeedChoice, TakesTheOneLetterAmongTheLastFourWords) {
  EXPECT_EQ(seed_choice("(B)", kColours), 'B');
  EXPECT_EQ(seed_choice("My final choice: C.", kColours), 'C');
  EXPECT_EQ(seed_choice("the choice A looks best to me overall here", kColours), std::nullopt);
}

TEST(SeedChoice, TwoLettersAreNone) {
  EXPECT_EQ(seed_choice("B or C", kColours), std::nullopt);
}

TEST(SeedChoice, ReadsThePhraseWhereTheLetterIsFarFromTheEnd) {
  EXPECT_EQ(seed_choice("The Answer is: (D) since everything else looks quite wrong", kColours),
            'D');
  EXPECT_EQ(seed_choice("The answer is Dubious and everything else looks quite wrong", kColours),
            std::nullopt);
}

TEST(SeedChoice, FindsTheTextOfOneOption) {
  EXPECT_EQ(seed_choice("It is GREEN", kColours), 'B');
  EXPECT_EQ(seed_choice("green and blue", kColours), std::nullopt);
}

TEST(VideoMmeChoice, TakesTheFirstCapital) {
  EXPECT_EQ(videomme_choice("The best answer is B or C", kColours), 'B');
  EXPECT_EQ(videomme_choice("Answer: C", kColours), 'C');
}

TEST(VideoMmeChoice, FallsBackToTheRuleOfSeed) {
  EXPECT_EQ(videomme_choice("it is yellow", kColours), 'D');
  EXPECT_EQ(videomme_choice("", kColours), std::nullopt);
}

}  // namespace
}  // namespace desa2va::evaluation
