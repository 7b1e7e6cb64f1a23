#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "common/config/model.h"
#include "common/models/desa2va/fixed_objects.h"
#include "tests/golden/case.h"

// What the cases of the method and of whole steps share: their config keys as our structs.
namespace desa2va::golden {

std::vector<std::int64_t> to_longs(const at::Tensor& tensor);
at::Tensor to_tensor(const std::vector<std::int64_t>& values);

config::LossConfig loss_config(const nlohmann::json& loss);
config::ClubConfig club_config(const nlohmann::json& club);
config::SamConfig sam_config(const nlohmann::json& sam);
// Of the SAM-2 cases, which describe the encoder by `trunk` and `neck`.
config::HieraConfig trunk_config(const nlohmann::json& trunk, const nlohmann::json& neck);

// Row `draw` of the case's permutations.
models::DrawObjects stored_draws(const at::Tensor& permutations);

// Gradients are asked of every floating tensor.
void ask_gradients(const NamedTensors& tensors);

void run_step(Case& c);

class Registry;
void add_memory_cases(Registry& registry);

}  // namespace desa2va::golden
