#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "common/base/result.h"
#include "common/synth/recipe.h"

// Makes the data set that a recipe describes.
namespace desa2va::synth {

// Where things are under the folder of a data set:
//   train/ref_seg/refcoco/       instances.json, refs(unc).p, coco2014/train2014/*.jpg
//   train/video_datas/           sam_v_final_v3.json, sam_v_full/ (mp4, annotations)
//   train/llava_data/            LLaVA-Instruct-150K/llava_v1_5_mix665k.json, llava_images/
//   heldout/ref_seg, video_datas the same, other scenes (refcoco split "val")
//   tokenizer/                   vocab.json, merges.txt, added_tokens.json, ...
//   expressions.json             what each held-out expression needs
//   recipe.txt                   the recipe; written last: a folder with it is whole
struct SynthPaths {
  std::filesystem::path root;
  std::filesystem::path train() const { return root / "train"; }
  std::filesystem::path heldout() const { return root / "heldout"; }
  std::filesystem::path tokenizer() const { return root / "tokenizer"; }
  std::filesystem::path expressions() const { return root / "expressions.json"; }
  std::filesystem::path marker() const { return root / "recipe.txt"; }
};

// Scenes done, scenes in all.
using Progress = std::function<void(int, int)>;

// Makes it in `folder`, which must not exist. In a folder beside it first, renamed when whole.
Result<SynthPaths> make(const SynthRecipe& recipe, const std::filesystem::path& folder,
                        const Progress& progress = {});

// The data set of `recipe` under `store` (one folder a recipe, named by its hash), made when it is
// not there. Two processes may call this at once: one makes, both get the same.
Result<SynthPaths> ensure(const SynthRecipe& recipe, const std::filesystem::path& store,
                          const Progress& progress = {});

}  // namespace desa2va::synth
