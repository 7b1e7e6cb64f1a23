#include <gmock/gmock.h>

#include "common/evaluation/captions/meteor.h"
#include "common/evaluation/captions/ngrams.h"
#include "common/evaluation/captions/ptb.h"

namespace desa2va::evaluation {
namespace {

using ::testing::ElementsAre;

TEST(PtbTokens, SplitContractionsAndDropPunctuation) {
  EXPECT_EQ(ptb_line("A man's dog isn't here, it's \"gone\"."),
            "a man 's dog is n't here it 's gone");
  EXPECT_EQ(ptb_line("the U.S. team can't won't gonna"), "the u.s. team ca n't wo n't gon na");
}

TEST(PtbTokens, KeepWordsTogetherThatHyphensAndSlashesJoin) {
  EXPECT_EQ(ptb_line("a red/blue 3D-model, state-of-the-art"),
            "a red/blue 3d-model state-of-the-art");
  EXPECT_EQ(ptb_line("7-11 at 10:30, 1,000.5m"), "7-11 at 10:30 1,000.5 m");
}

TEST(PtbTokens, BracketsStay) {
  EXPECT_EQ(ptb_line("cat [SEG] (a) {b}"), "cat -lsb- seg -rsb- -lrb- a -rrb- -lcb- b -rcb-");
}

TEST(PtbTokens, OfAnythingEndInWords) {
  EXPECT_EQ(ptb_line(""), "");
  EXPECT_EQ(ptb_line(" \n\t "), "");
  EXPECT_EQ(ptb_line("''''..--"), "");
  EXPECT_FALSE(ptb_line("\xff\xfe broken \x80").empty());
  EXPECT_FALSE(ptb_line(std::string(100'000, 'a') + "'").empty());
}

TEST(MeteorWords, SplitWhatMosesSplits) {
  EXPECT_THAT(meteor_words("it 's a mid-air jump"),
              ElementsAre("it", "'", "s", "a", "mid", "air", "jump"));
  EXPECT_THAT(meteor_words("-lrb- the u.s. -rrb-"), ElementsAre("-lrb-", "the", "us", "-rrb-"));
  EXPECT_THAT(meteor_words("1,000 a , b"), ElementsAre("1,000", "a", ",", "b"));
}

TEST(Meteor, OfTheSameSentenceIsOne) {
  const std::vector<std::string> references = {"a dog runs"};
  const auto stats = meteor("a dog runs", references);
  EXPECT_TRUE(stats.whole());
  EXPECT_DOUBLE_EQ(stats.score(), 1);
}

TEST(Meteor, StemsCountLessThanWords) {
  const std::vector<std::string> references = {"two dogs running"};
  const double exact = meteor("two dogs running", references).score();
  const double stems = meteor("two dog runs", references).score();
  EXPECT_GT(exact, stems);
  EXPECT_GT(stems, meteor("two cats sleep", references).score());
}

TEST(Meteor, TakesTheBestReference) {
  const std::vector<std::string> references = {"no word fits", "a dog runs"};
  EXPECT_DOUBLE_EQ(meteor("a dog runs", references).score(), 1);
}

TEST(Meteor, OfNothingIsZero) {
  const std::vector<std::string> references = {"a dog"};
  EXPECT_EQ(meteor("", references).score(), 0);
  EXPECT_EQ(meteor("a dog", std::vector<std::string>{""}).score(), 0);
}

TEST(Meteor, OfAThousandEqualWordsEnds) {
  std::string many;
  for (int i = 0; i < 300; ++i) many += "the ";
  const std::vector<std::string> references = {many + "cat"};
  EXPECT_GT(meteor(many + "dog", references).score(), 0);
}

TEST(Cider, OfOnePictureIsZero) {
  const std::vector<CaptionPair> set = {{{"a", "dog"}, {{"a", "dog"}}}};
  EXPECT_EQ(cider(set).mean, 0);
}

TEST(Bleu, OfEqualSentencesIsOne) {
  const std::vector<CaptionPair> set = {{{"a", "b", "c", "d", "e"}, {{"a", "b", "c", "d", "e"}}}};
  for (const double value : bleu(set).corpus) EXPECT_NEAR(value, 1, 1e-6);
}

TEST(RougeL, CountsTheLongestCommonSubsequence) {
  const CaptionPair pair{{"a", "x", "b", "c"}, {{"a", "b", "y", "c"}}};
  EXPECT_DOUBLE_EQ(rouge_l(pair), 0.75);
  EXPECT_EQ(rouge_l({{}, {{"a"}}}), 0);
}

}  // namespace
}  // namespace desa2va::evaluation
