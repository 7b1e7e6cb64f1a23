#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/config/config.h"

// Every parameter of the model as names and shapes: who owns it, and when it trains. A function of
// (configuration, preset, phase) alone, so that all processes agree without asking, and without
// LibTorch, so that the launcher can count. Names are those of the published checkpoints.
namespace desa2va::parameters {

struct Parameter {
  std::string name;
  std::vector<std::int64_t> shape;
  std::int64_t numel() const;
};

// What of the method a preset has.
struct Preset {
  bool phase_a = true;             // text pre-training comes first
  bool phase_b = true;             // decoupling before the joint phase
  bool decoupler = true;           // two prompts; false: the prompt is z (Sa2VA)
  bool copy_text_decoder = false;  // after phase A the text decoder becomes the mask decoder
  bool zero_missing = false;  // optim.missing_grad=zero: scores' heads decay as with zero gradients
};

Preset preset_of(config::Preset preset);
// The same with what the rest of the configuration says about what trains.
Preset preset_of(const config::Config& config);

// All parameters in the order of flow. Empty parts (no text decoder in `baseline`) are left out.
std::vector<Parameter> inventory(const config::ModelConfig& config, const Preset& preset);

// Who holds the parameter of this name, by its prefix: mllm, decoupler or sam2.
Role owner(std::string_view name);

// Whether the main optimizer trains `name` in this phase. What trains has a gradient, zeros where
// the data gave none; what does not is never reduced, stepped or decayed (docs/model.md, phases).
bool trains(std::string_view name, const config::ModelConfig& config, const Preset& preset,
            Phase phase);

// Discriminators and CLUB: their own optimizers, never in the global norm.
bool has_own_optimizer(std::string_view name);

struct Count {
  std::string part;  // "InternViT", "mlp1", ...
  std::int64_t parameters = 0;
  std::int64_t tensors = 0;
};
// Sizes of the parts, as `desa2va run --print-config` shows them.
std::vector<Count> count_parts(const config::ModelConfig& config, const Preset& preset);

}  // namespace desa2va::parameters
