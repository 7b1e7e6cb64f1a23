#include "common/synth/scene.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "common/synth/render.h"

namespace desa2va::synth {
namespace {

Scene scene(int number, int frames, Use use = Use::Train) {
  return make_scene(SynthRecipe(), "test/" + std::to_string(number), frames, use);
}

bool says(const std::string& text, std::string_view word) {
  return (" " + text + " ").find(" " + std::string(word) + " ") != std::string::npos;
}

// What a reader of the sentence would look for; motion left out, as it is never needed.
bool matches(const std::string& text, const Object& object) {
  for (const std::string& colour : known_colours()) {
    if (says(text, colour) && object.colour != colour) return false;
  }
  for (const std::string& kind : known_kinds()) {
    if (says(text, kind) && object.kind != kind) return false;
  }
  if (says(text, "large") && !object.large) return false;
  if (says(text, "small") && object.large) return false;
  for (int z = 0; z < kZones; ++z) {
    const bool said = text.find(words(static_cast<Zone>(z))) != std::string::npos;
    if (said && !object.sometimes[static_cast<std::size_t>(z)]) return false;
  }
  return true;
}

TEST(Scene, EverySentenceFitsItsObjectAndNoOther) {
  for (int number = 0; number < 150; ++number) {
    const Scene made = scene(number, number % 3 == 0 ? 10 : 1);
    ASSERT_GE(made.objects.size(), 3U);
    for (std::size_t i = 0; i < made.objects.size(); ++i) {
      ASSERT_FALSE(made.sentences[i].empty());
      for (const Sentence& sentence : made.sentences[i]) {
        for (std::size_t j = 0; j < made.objects.size(); ++j) {
          ASSERT_EQ(matches(sentence.text, made.objects[j]), i == j) << sentence.text;
        }
      }
    }
  }
}

TEST(Scene, ASentenceThatNeedsColourAloneSaysAColourThatNoOtherHas) {
  int more = 0;
  int all = 0;
  for (int number = 0; number < 300; ++number) {
    const Scene made = scene(number, 1, Use::Heldout);
    for (std::size_t i = 0; i < made.objects.size(); ++i) {
      const auto same_colour = std::count_if(
          made.objects.begin(), made.objects.end(),
          [&](const Object& object) { return object.colour == made.objects[i].colour; });
      for (const Sentence& sentence : made.sentences[i]) {
        const bool by_colour = says(sentence.text, made.objects[i].colour) && same_colour == 1;
        ASSERT_EQ(sentence.need == Need::Colour, by_colour) << sentence.text;
        more += sentence.need != Need::Colour;
        ++all;
      }
    }
  }
  EXPECT_GE(3 * more, all) << more << " of " << all << " need more than colour";
}

TEST(Scene, OnlyTrainingScenesAreOfOneColour) {
  const auto of_one_colour = [](const Scene& made) {
    return std::all_of(made.objects.begin(), made.objects.end(), [&](const Object& object) {
      return object.colour == made.objects[0].colour;
    });
  };
  int train = 0;
  for (int number = 0; number < 100; ++number) {
    train += of_one_colour(scene(number, 1, Use::Train));
    EXPECT_FALSE(of_one_colour(scene(number, 1, Use::Heldout)));
  }
  EXPECT_GT(train, 20);
}

TEST(Scene, ObjectsStayInThePictureAndInView) {
  const SynthRecipe recipe;
  for (int number = 0; number < 40; ++number) {
    const Scene made = scene(number, 10);
    for (int t = 0; t < made.frames; ++t) {
      const auto visible = masks(recipe, made, t);
      for (std::size_t i = 0; i < made.objects.size(); ++i) {
        const double r = made.objects[i].radius;
        EXPECT_GT(visible[i].area(), 0.25 * r * r);
        EXPECT_GE(made.objects[i].x_at(t) - r, 0);
        EXPECT_LE(made.objects[i].x_at(t) + r, recipe.image_size);
        EXPECT_GE(made.objects[i].y_at(t) - r, 0);
        EXPECT_LE(made.objects[i].y_at(t) + r, recipe.image_size);
      }
    }
  }
}

TEST(Scene, MovesTheWayItIsSaid) {
  int moving = 0;
  for (int number = 0; number < 20; ++number) {
    for (const Object& object : scene(number, 10).objects) {
      const double dx = object.x_at(9) - object.x_at(0);
      const double dy = object.y_at(9) - object.y_at(0);
      EXPECT_EQ(object.motion == Motion::Left, dx < 0);
      EXPECT_EQ(object.motion == Motion::Right, dx > 0);
      EXPECT_EQ(object.motion == Motion::Up, dy < 0);
      EXPECT_EQ(object.motion == Motion::Down, dy > 0);
      moving += object.motion != Motion::Still;
    }
  }
  EXPECT_GT(moving, 20);
}

TEST(Scene, EqualNamesMakeEqualScenesAndOtherNamesOthers) {
  const Scene a = scene(1, 1);
  const Scene b = scene(1, 1);
  const Scene c = scene(2, 1);
  EXPECT_EQ(a.objects[0].x, b.objects[0].x);
  EXPECT_NE(a.objects[0].x, c.objects[0].x);
}

TEST(Render, AVideoHasFourFramesForEachStepBetweenAnnotations) {
  const auto frames = render(SynthRecipe(), scene(1, 3));
  EXPECT_EQ(frames.size(), 9U);
  EXPECT_EQ(frames[0].width, 128);
}

TEST(Render, ThePictureShowsTheColourWhereTheMaskIs) {
  SynthRecipe recipe;
  recipe.noise = 0;
  recipe.texture = 0;
  const Scene made = make_scene(recipe, "test/colours", 1);
  const auto frame = render(recipe, made)[0];
  const auto visible = masks(recipe, made, 0);
  for (std::size_t i = 0; i < made.objects.size(); ++i) {
    for (std::size_t p = 0; p < visible[i].pixels.size(); ++p) {
      if (visible[i].pixels[p] == 0) continue;
      for (std::size_t c = 0; c < 3; ++c) {
        const double wanted = std::clamp(made.objects[i].paint.rgb[c], 0.0, 255.0);
        ASSERT_NEAR(frame.pixels()[3 * p + c], wanted, 1.0);
      }
    }
  }
}

}  // namespace
}  // namespace desa2va::synth
