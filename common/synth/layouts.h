#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/synth/recipe.h"
#include "common/synth/scene.h"

// Scenes to files, in the layouts of the published sets (README: layouts). Each writer takes scenes
// one by one under a root ("train" or "heldout") and writes its annotation file at `finish`.
namespace desa2va::synth {

Result<void> write_file(const std::filesystem::path& path, std::string_view bytes);

// What was written, for the vocabulary, and what expressions need, for evaluation:
// needs[data set][sample id][expression].
struct Record {
  std::vector<std::string> expressions;
  std::vector<std::string> answers;  // and questions of conversations
  nlohmann::json needs = nlohmann::json::object();
};

// ref_seg/refcoco: one image a scene, one ref an object.
class RefCocoLayout {
 public:
  RefCocoLayout(const SynthRecipe& recipe, const std::filesystem::path& root, std::string split);
  // `number`: the image id. The JPEG's path comes back.
  Result<std::filesystem::path> add(const Scene& scene, int number, Record& record);
  Result<void> finish();

 private:
  const SynthRecipe& recipe_;
  std::filesystem::path folder_;
  std::string split_;
  nlohmann::json images_ = nlohmann::json::array();
  nlohmann::json annotations_ = nlohmann::json::array();
  nlohmann::json refs_ = nlohmann::json::array();
  int next_annotation_ = 1;
  int next_sentence_ = 1;
};

// video_datas/sam_v_full and sam_v_final_v3.json: one MP4 a scene, with masklets.
class RefSavLayout {
 public:
  RefSavLayout(const SynthRecipe& recipe, const std::filesystem::path& root);
  Result<void> add(const Scene& scene, int number, Record& record);
  Result<void> finish();

 private:
  const SynthRecipe& recipe_;
  std::filesystem::path folder_;
  nlohmann::json videos_ = nlohmann::json::object();
};

// llava_data: questions and answers about a picture that is there already.
class LlavaLayout {
 public:
  LlavaLayout(const SynthRecipe& recipe, const std::filesystem::path& root);
  Result<void> add(const Scene& scene, int number, const std::filesystem::path& jpeg,
                   Record& record);
  Result<void> finish();

 private:
  const SynthRecipe& recipe_;
  std::filesystem::path folder_;
  nlohmann::json entries_ = nlohmann::json::array();
};

}  // namespace desa2va::synth
