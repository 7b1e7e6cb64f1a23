#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/checksum.h"
#include "common/base/result.h"

// What a synthetic data set is made of. Two equal recipes make the same annotations, byte for byte.
namespace desa2va::synth {

struct SynthRecipe {
  std::uint64_t seed = 42;

  // How much. A scene is one image or one video; held-out scenes share nothing with the others.
  int train_images = 2000;
  int train_videos = 300;
  int heldout_images = 150;
  int heldout_videos = 50;
  int qa_images = 400;  // of the training images, those that also have questions
  int questions_per_scene = 3;

  // The picture.
  int image_size = 128;       // pixels a side, a multiple of 16
  int annotated_frames = 10;  // of a video: every 4th of its 4 n - 3 frames, 24 a second
  double noise = 6;           // standard deviation of a channel, of 255
  double background_min = 20, background_max = 50;  // brightness behind the objects, of 255
  double gradient = 12;                             // largest brightness step of the background
  double blotches = 5;   // standard deviation of the background's 8 x 8 patches
  double texture = 0.1;  // strength of stripes and checks on objects, 0: all plain
  int jpeg_quality = 95;
  int video_crf = 23;  // x264: 0 lossless .. 51

  // The objects; lengths in pixels, speeds in pixels an annotated frame.
  int objects_min = 3;
  int objects_max = 4;
  std::vector<std::string> colours = {"red", "green", "blue", "yellow", "purple", "orange"};
  std::vector<std::string> kinds = {"disc", "square", "triangle", "ring"};
  double small_min = 13, small_max = 15;  // radius
  double large_min = 23, large_max = 26;
  double speed_min = 2, speed_max = 4;
  double still = 0.2;       // share of a video's objects that stand still
  double separation = 0.8;  // least centre distance / sum of radii; below 1 objects may overlap
  double pair = 0.6;        // chance that two objects share a colour
  double twin = 0.15;       // of those: equal in kind and size too, so that only the place tells
  double mono = 0.4;        // chance that all objects of a training scene share one colour

  // The words.
  int expressions_per_object = 3;
  double say_colour = 0.9, say_kind = 0.8, say_size = 0.5, say_position = 0.35, say_motion = 0.4;
  int vocabulary = 768;  // ordinary BPE tokens, at most: it stops when all words are whole

  bool operator==(const SynthRecipe&) const = default;

  // The name of the data: hash of every field and of the maker's format version.
  ContentHash hash() const;
};

// One line a field, "name = value", in the order above; set() of each gives back the recipe.
std::string describe(const SynthRecipe& recipe);
// Sets one field; lists are comma separated. Messages name the field, the value and what is
// allowed.
Result<void> set(SynthRecipe& recipe, std::string_view field, std::string_view value);
// Rules that join several fields.
Result<void> check(const SynthRecipe& recipe);

// Every field with its range and meaning, for help texts.
struct RecipeField {
  std::string_view name, allowed, meaning;
};
std::vector<RecipeField> recipe_fields();

// What `colours` and `kinds` may hold.
const std::vector<std::string>& known_colours();
const std::vector<std::string>& known_kinds();

}  // namespace desa2va::synth
