#include "common/weights/names.h"

#include <string>

#include <gtest/gtest.h>

namespace desa2va::weights {
namespace {

const std::string kLayer = "language_model.model.layers.3.";
const std::string kTrainer = "mllm.model.language_model.base_model.model.";

TEST(CanonicalName, IsTheTrainersNameForEveryKindOfTensor) {
  EXPECT_EQ(canonical_name("vision_model.encoder.layers.0.ls1"),
            "mllm.model.vision_model.encoder.layers.0.ls1");
  EXPECT_EQ(canonical_name("mlp1.1.bias"), "mllm.model.mlp1.1.bias");
  EXPECT_EQ(canonical_name("language_model.lm_head.weight"), kTrainer + "lm_head.weight");
  EXPECT_EQ(canonical_name(kLayer + "self_attn.q_proj.bias"),
            kTrainer + "model.layers.3.self_attn.q_proj.base_layer.bias");
  EXPECT_EQ(canonical_name(kLayer + "mlp.down_proj.lora_B.default.weight"),
            kTrainer + "model.layers.3.mlp.down_proj.lora_B.default.weight");
  EXPECT_EQ(canonical_name(kLayer + "input_layernorm.weight"),
            kTrainer + "model.layers.3.input_layernorm.weight");
}

TEST(ModelPath, UndoesTheCanonicalName) {
  for (const auto& path :
       {kLayer + "self_attn.o_proj.weight", kLayer + "mlp.up_proj.lora_A.default.weight",
        std::string("language_model.model.embed_tokens.weight"), std::string("mlp1.0.weight"),
        std::string("vision_model.embeddings.class_embedding")}) {
    EXPECT_EQ(model_path(canonical_name(path)), path);
    EXPECT_EQ(model_path(path), path) << "published names are paths already";
  }
}

}  // namespace
}  // namespace desa2va::weights
