#include "common/synth/recipe.h"

#include <gtest/gtest.h>

#include <sstream>

namespace desa2va::synth {
namespace {

TEST(SynthRecipe, ItsDescriptionGivesItBack) {
  SynthRecipe recipe;
  recipe.seed = 123;
  recipe.noise = 2.5;
  recipe.colours = {"white", "cyan", "red", "blue"};
  SynthRecipe read;
  std::istringstream lines(describe(recipe));
  for (std::string line; std::getline(lines, line);) {
    const auto equals = line.find(" = ");
    ASSERT_NE(equals, std::string::npos) << line;
    ASSERT_TRUE(set(read, line.substr(0, equals), line.substr(equals + 3))) << line;
  }
  EXPECT_EQ(read, recipe);
  EXPECT_EQ(read.hash(), recipe.hash());
}

TEST(SynthRecipe, EveryFieldChangesItsHash) {
  const SynthRecipe recipe;
  SynthRecipe other = recipe;
  other.say_motion = 0.41;
  EXPECT_NE(other.hash(), recipe.hash());
}

TEST(SynthRecipe, ABadValueIsAnsweredWithWhatIsAllowed) {
  SynthRecipe recipe;
  const auto message = [&](std::string_view field, std::string_view value) {
    const auto result = set(recipe, field, value);
    return result ? std::string() : result.error().message();
  };
  EXPECT_NE(message("noise", "100").find("0 .. 64"), std::string::npos);
  EXPECT_NE(message("train_images", "many").find("train_images=many"), std::string::npos);
  EXPECT_NE(message("train_images", "3x").find("3x"), std::string::npos);
  EXPECT_NE(message("colours", "red,pink").find("\"pink\""), std::string::npos);
  EXPECT_NE(message("colours", "red,red").find("each once"), std::string::npos);
  EXPECT_NE(message("colour", "red").find("colours"), std::string::npos);
  EXPECT_EQ(recipe, SynthRecipe());
}

TEST(SynthRecipe, FieldsThatContradictEachOtherAreFound) {
  SynthRecipe recipe;
  EXPECT_TRUE(check(recipe)) << check(recipe).error().message();
  recipe.image_size = 64;
  EXPECT_FALSE(check(recipe));  // the way of a moving object does not fit
  recipe = {};
  recipe.objects_max = 2;
  EXPECT_FALSE(check(recipe));
  recipe = {};
  recipe.small_max = 24;
  EXPECT_FALSE(check(recipe));
}

}  // namespace
}  // namespace desa2va::synth
