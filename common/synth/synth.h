#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "common/base/file_lock.h"
#include "common/base/result.h"
#include "common/synth/recipe.h"

// Makes the data set that a recipe describes.
namespace desa2va::synth {

// Where things are under the folder of a data set:
//   train/ref_seg/refcoco/     instances.json, refs(unc).p (split "train"), coco2014/train2014/
//   train/video_datas/         sam_v_final_v3.json, sam_v_full/ (mp4, annotations)
//   train/llava_data/          LLaVA-Instruct-150K/llava_v1_5_mix665k.json, llava_images/
//   heldout/ref_seg/refcoco/   other scenes, split "val"
//   heldout/video_datas/       other scenes
//   tokenizer/                 vocab.json, merges.txt, added_tokens.json, ...
//   needs.json                 what each expression needs (Needs below)
//   recipe.txt                 the recipe; written last: a folder with it is whole
struct SynthPaths {
  std::filesystem::path root;
  std::filesystem::path train() const { return root / "train"; }
  std::filesystem::path heldout() const { return root / "heldout"; }
  std::filesystem::path tokenizer() const { return root / "tokenizer"; }
  std::filesystem::path needs() const { return root / "needs.json"; }
  std::filesystem::path marker() const { return root / "recipe.txt"; }
};

// After each scene; false stops the making as Cancelled.
using Progress = std::function<bool(int scenes_done, int scenes)>;

// Makes it in `folder`, which must not exist: in a folder beside it first, renamed when whole. A
// failure or a kill leaves no `folder`; the next call removes what a dead maker left beside it.
Result<SynthPaths> make(const SynthRecipe& recipe, const std::filesystem::path& folder,
                        const Progress& progress = {});

// The data set of `recipe` under `store` (one folder a recipe, named by its hash), made when it is
// not there. Where several processes call this at once, one makes it and the others wait for it.
Result<SynthPaths> ensure(
    const SynthRecipe& recipe, const std::filesystem::path& store, const Progress& progress = {},
    const FileLock::Wait& wait = [](int) { return true; });

// What expressions of the data set need, to report them apart.
class Needs {
 public:
  // NotFound where there is no such file, Corrupt where it is something else.
  static Result<Needs> load(const std::filesystem::path& file);
  // "colour" | "kind" | "size" | "position" | "several", by the importer's name of the data set
  // ("refcoco", "refsav"), the sample's id and the expression's text; empty when unknown.
  std::optional<std::string> find(std::string_view dataset, std::string_view sample,
                                  std::string_view text) const;
  std::size_t size() const { return needs_.size(); }

 private:
  std::map<std::string, std::string, std::less<>> needs_;  // "dataset\nsample\ntext"
};

}  // namespace desa2va::synth
