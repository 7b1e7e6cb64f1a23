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
  int train_images = 1500;
  int train_videos = 200;
  int heldout_images = 40;
  int heldout_videos = 40;
  int questions_per_scene = 2;  // LLaVA pairs, on `qa_images` of the train images
  int qa_images = 400;

  // The picture.
  int image_size = 128;             // pixels a side, a multiple of 16
  int annotated_frames = 10;        // of a video; every 4th frame of 24 a second is annotated
  double noise = 6.0;               // standard deviation a channel, of 255
  double background_contrast = 25;  // largest brightness step of the gradient
  int jpeg_quality = 95;
  int video_crf = 18;  // x264's quality

  // The objects.
  int objects_min = 3;
  int objects_max = 4;
  std::vector<std::string> colours = {"red", "green", "blue", "yellow", "purple", "orange"};
  std::vector<std::string> kinds = {"disc", "square", "triangle", "ring"};
  double small_min = 11, small_max = 13;  // radius, pixels
  double large_min = 19, large_max = 22;
  double speed_min = 2, speed_max = 4;  // pixels an annotated frame
  double still = 0.2;                   // share of objects of a video that stand still
  double separation = 0.8;              // least centre distance / sum of radii; < 1: occlusion
  double pair = 0.6;                    // chance of two objects of one colour
  double twin = 0.15;                   // of those: equal but for place (and motion)
  int textures = 3;                     // 1 plain, 2 and stripes, 3 and checks

  // The words.
  int expressions_per_object = 3;
  double say_colour = 0.9, say_kind = 0.8, say_size = 0.5, say_position = 0.25, say_motion = 0.4;
  int vocabulary = 512;  // ordinary BPE tokens

  bool operator==(const SynthRecipe&) const = default;

  // The name of the data: hash of every field and of the maker's format version.
  ContentHash hash() const;
};

// One line a field, "name = value  # meaning", in the order above.
std::string describe(const SynthRecipe& recipe);
// Sets one field; lists are comma separated. Messages name the field, value and range.
Result<void> set(SynthRecipe& recipe, std::string_view field, std::string_view value);
// Ranges of each field and between fields.
Result<void> check(const SynthRecipe& recipe);

}  // namespace desa2va::synth
