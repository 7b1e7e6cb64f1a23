#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/random.h"
#include "common/parameters/inventory.h"
#include "common/weights/convert.h"
#include "common/weights/names.h"
#include "common/weights/output_file.h"
#include "common/weights/safetensors_writer.h"
#include "launcher/weights/tokenizer_files.h"
#include "tests/unit/preprocess/text/small_vocabulary.h"

// A tiny model in the layout of the published ones: an InternVL2.5 directory (config.json,
// tokenizer without the five added tokens, safetensors) and a SAM-2 file.
namespace desa2va::test {

inline constexpr std::string_view kSamPrefix = "grounding_encoder.sam2_model.";

inline config::ModelConfig official_sizes() {
  config::ModelConfig model;
  model.vit.image_size = 28;
  model.vit.hidden_size = 16;
  model.vit.num_hidden_layers = 2;
  model.vit.num_attention_heads = 2;
  model.vit.intermediate_size = 24;
  model.llm.hidden_size = 32;
  model.llm.num_hidden_layers = 2;
  model.llm.num_attention_heads = 4;
  model.llm.num_key_value_heads = 2;
  model.llm.intermediate_size = 48;
  model.sam2.variant = "custom";
  model.sam2.image_size = 64;
  model.sam2.dim = 16;
  model.sam2.hiera = {8, 1, {1, 1, 2, 1}, {8, 4, 2, 2}, {3}, {7, 7}, 3, 4, {2, 3}};
  model.sam2.decoder_mlp_dim = 32;
  model.sam2.iou_head_hidden_dim = 16;
  model.sam2.mem_dim = 4;
  model.sam2.mem_layers = 2;
  model.sam2.mem_mlp_dim = 32;
  return model;
}

class OfficialModel {
 public:
  using Tensors = std::map<std::string, HostTensor>;

  explicit OfficialModel(DType dtype = DType::BF16) : dtype(dtype), sizes(official_sizes()) {
    vocabulary = text::test::small_vocabulary();
    for (const auto& token : launcher::added_tokens()) vocabulary.added.erase(token);
    rows = 0;
    for (const auto& [bytes, id] : vocabulary.tokens) rows = std::max(rows, id + 1);
    for (const auto& [token, id] : vocabulary.added) rows = std::max(rows, id + 1);
    sizes.llm.vocab_size = rows;
    for (const auto& parameter : parameters::inventory(sizes, {})) {
      const std::string& name = parameter.name;
      if (name.find(".lora_") != std::string::npos) continue;
      if (name.starts_with("mllm."))
        internvl.emplace(weights::model_path(name), values(name, parameter.shape, dtype));
      if (name.starts_with(kSamPrefix))
        sam2.emplace(name.substr(kSamPrefix.size()), values(name, parameter.shape, DType::F32));
    }
  }

  static HostTensor values(const std::string& name, const std::vector<std::int64_t>& shape,
                           DType dtype) {
    HostTensor wide = HostTensor::empty(DType::F32, shape);
    Random(3, "official", name).fill_normal(wide.mutable_values<float>());
    for (float& x : wide.mutable_values<float>()) x *= 0.1F;
    HostTensor out = HostTensor::empty(dtype, shape);
    weights::convert(wide.data.bytes(), DType::F32, out.data.mutable_bytes(), dtype);
    return out;
  }

  nlohmann::ordered_json config_json() const {
    return {{"architectures", {"InternVLChatModel"}},
            {"downsample_ratio", 0.5},
            {"dynamic_image_size", true},
            {"force_image_size", sizes.vit.image_size},
            {"max_dynamic_patch", 12},
            {"min_dynamic_patch", 1},
            {"model_type", "internvl_chat"},
            {"ps_version", "v2"},
            {"select_layer", -1},
            {"template", "internvl2_5"},
            {"use_thumbnail", true},
            {"llm_config",
             {{"architectures", {"Qwen2ForCausalLM"}},
              {"hidden_act", "silu"},
              {"hidden_size", sizes.llm.hidden_size},
              {"intermediate_size", sizes.llm.intermediate_size},
              {"num_attention_heads", sizes.llm.num_attention_heads},
              {"num_hidden_layers", sizes.llm.num_hidden_layers},
              {"num_key_value_heads", sizes.llm.num_key_value_heads},
              {"rms_norm_eps", 1e-6},
              {"rope_theta", 1000000.0},
              {"tie_word_embeddings", false},
              {"vocab_size", rows}}},
            {"vision_config",
             {{"hidden_act", "gelu"},
              {"hidden_size", sizes.vit.hidden_size},
              {"image_size", sizes.vit.image_size},
              {"intermediate_size", sizes.vit.intermediate_size},
              {"layer_norm_eps", 1e-6},
              {"norm_type", "layer_norm"},
              {"num_attention_heads", sizes.vit.num_attention_heads},
              {"num_hidden_layers", sizes.vit.num_hidden_layers},
              {"patch_size", sizes.vit.patch_size},
              {"qk_normalization", false},
              {"qkv_bias", true}}}};
  }

  static void write(const Tensors& tensors, const std::filesystem::path& folder,
                    std::uint64_t shard_bytes, const std::string& stem) {
    std::filesystem::create_directories(folder);
    std::vector<weights::TensorToWrite> list;
    for (const auto& [name, tensor] : tensors) list.push_back(weights::to_write(name, tensor));
    weights::WriteOptions options;
    options.shard_bytes = shard_bytes;
    options.stem = stem;
    EXPECT_TRUE(weights::write_safetensors(folder.string(), list, options).has_value());
  }

  // FOLDER/internvl and FOLDER/sam2.safetensors.
  void write(const std::filesystem::path& folder) const {
    write(internvl, folder / "internvl", 20'000, "model");
    write(sam2, folder, 5'000'000'000, "sam2");
    EXPECT_TRUE(text::write_vocabulary(vocabulary, folder / "internvl").has_value());
    EXPECT_TRUE(
        weights::write_file((folder / "internvl/config.json").string(), config_json().dump(1))
            .has_value());
  }

  DType dtype;
  config::ModelConfig sizes;  // llm.vocab_size is that of the files
  text::Vocabulary vocabulary;
  std::int64_t rows = 0;  // of the published embedding
  Tensors internvl, sam2;
};

}  // namespace desa2va::test
