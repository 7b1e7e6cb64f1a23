#pragma once

#include <string>
#include <string_view>

// The only place that knows how names of the MLLM differ between files.
//
// A parameter's one name in this project ("canonical": messages, checkpoints, initialisation) is
// the one under which the reference trainer holds it:
//     mllm.model.language_model.base_model.model.model.layers.0.self_attn.q_proj.base_layer.weight
//     mllm.model.language_model.base_model.model.model.layers.0.self_attn.q_proj.lora_A.default.weight
//     mllm.model.language_model.base_model.model.lm_head.weight
//     mllm.model.mlp1.1.weight, mllm.model.vision_model.encoder.layers.0.ls1
// Its path inside our modules is the published InternVL name (`model_path`), which has no trace of
// LoRA's wrappers:
//     language_model.model.layers.0.self_attn.q_proj.weight, ...q_proj.lora_A.default.weight
// Other roles' names (text_hidden_fcs.*, decoupler.*, grounding_encoder.*) are their own paths.
namespace desa2va::weights {

// Path in Mllm -> canonical name.
std::string canonical_name(std::string_view path);

// Canonical name, the same without "mllm.model.", or a published InternVL name -> path in Mllm.
std::string model_path(std::string_view name);

}  // namespace desa2va::weights
