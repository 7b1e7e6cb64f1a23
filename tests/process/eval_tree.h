#pragma once

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/preprocess/image/encode.h"
#include "common/preprocess/masks/rle.h"
#include "tests/process/program.h"

// Evaluation sets of a few frames in their published layouts: a red block that wanders over a dark
// ground.
namespace desa2va::test {

inline constexpr int kSceneWidth = 64;
inline constexpr int kSceneHeight = 48;
inline constexpr int kSceneFrames = 5;

inline bool in_block(int x, int y, int shift) {
  return x >= 8 + 4 * shift && x < 28 + 4 * shift && y >= 14 && y < 34;
}

inline Buffer scene_file(int shift) {
  auto image = preprocess::Image::allocate(kSceneWidth, kSceneHeight);
  auto pixels = image.mutable_pixels();
  for (int y = 0; y < kSceneHeight; ++y) {
    for (int x = 0; x < kSceneWidth; ++x) {
      const auto at = static_cast<std::size_t>(y * kSceneWidth + x) * 3;
      pixels[at] = in_block(x, y, shift) ? 220 : 40;
      pixels[at + 1] = 60;
      pixels[at + 2] = in_block(x, y, shift) ? 40 : 90;
    }
  }
  return *preprocess::encode_png(image);
}

inline nlohmann::json scene_mask(int shift) {
  auto mask = preprocess::Mask::zeros(kSceneWidth, kSceneHeight);
  for (int y = 0; y < kSceneHeight; ++y)
    for (int x = 0; x < kSceneWidth; ++x)
      mask.pixels[static_cast<std::size_t>(y * kSceneWidth + x)] = in_block(x, y, shift) ? 1 : 0;
  const auto rle = preprocess::encode_rle(mask);
  return {{"size", {rle.height, rle.width}}, {"counts", preprocess::rle_to_string(rle)}};
}

inline void write_json(const fs::path& file, const nlohmann::json& value) {
  write(file, Buffer::copy_of(as_bytes(value.dump())));
}

// MeViS: three videos, two sentences each; `valid` is the same without masks.
inline void write_mevis(const fs::path& root) {
  nlohmann::json videos, tracks;
  for (int v = 0; v < 3; ++v) {
    const std::string name = fmt::format("video{}", v);
    nlohmann::json frames = nlohmann::json::array(), track = nlohmann::json::array();
    for (int f = 0; f < kSceneFrames; ++f) {
      frames.push_back(fmt::format("{:05}", 5 * f));
      track.push_back(f == 0 ? nlohmann::json() : scene_mask(v + f));  // not there at first
      for (const char* split : {"valid_u", "valid"})
        write(root / "video_datas/mevis" / split / "JPEGImages" / name /
                  fmt::format("{:05}.jpg", 5 * f),
              scene_file(v + f));
    }
    tracks[std::to_string(v)] = track;
    videos[name] = {{"frames", frames},
                    {"expressions",
                     {{"0", {{"exp", "the red block"}, {"obj_id", {0}}, {"anno_id", {v}}}},
                      {"1", {{"exp", "What moves?"}, {"obj_id", {0}}, {"anno_id", {v}}}}}}};
  }
  for (const char* split : {"valid_u", "valid"})
    write_json(root / "video_datas/mevis" / split / "meta_expressions.json", {{"videos", videos}});
  write_json(root / "video_datas/mevis/valid_u/mask_dict.json", tracks);
}

inline void write_gcg(const fs::path& root) {
  nlohmann::json images, masks, captions;
  for (int i = 0; i < 3; ++i) {
    const std::string id = fmt::format("sa_{}", i);
    write(root / "glamm_data/images/grandf/val_test" / (id + ".jpg"), scene_file(i));
    images.push_back({{"id", id}, {"height", kSceneHeight}, {"width", kSceneWidth}});
    masks.push_back({{"id", i}, {"image_id", id}, {"segmentation", scene_mask(i)}});
    captions.push_back(
        {{"image_id", id}, {"caption", "A red block in the dark."}, {"labels", {"A red block"}}});
  }
  const fs::path folder = root / "glamm_data/annotations/gcg_val_test";
  write_json(folder / "val_gcg_coco_mask_gt.json", {{"images", images}, {"annotations", masks}});
  write_json(folder / "val_gcg_coco_caption_gt.json",
             {{"images", images}, {"annotations", captions}});
}

inline void write_seed(const fs::path& root) {
  nlohmann::json questions;
  for (int i = 0; i < 4; ++i) {
    write(root / "seed_bench/SEED-Bench-image" / fmt::format("{}.png", i), scene_file(i));
    questions.push_back({{"question_id", std::to_string(i)},
                         {"data_type", "image"},
                         {"data_id", fmt::format("{}.png", i)},
                         {"question", "Which colour has the block?"},
                         {"question_type_id", 1},
                         {"choice_a", "Red"},
                         {"choice_b", "Blue"},
                         {"choice_c", "Green"},
                         {"choice_d", "White"},
                         {"answer", std::string(1, static_cast<char>('A' + i))}});
  }
  write_json(root / "seed_bench/SEED-Bench.json",
             {{"question_type", {{"Instance Attributes", 1}}}, {"questions", questions}});
}

}  // namespace desa2va::test
