#pragma once

#include <ATen/core/Tensor.h>

#include "common/config/config.h"
#include "common/training/state/trained_state.h"

// What the configuration says about trained tensors, for every role alike.
namespace desa2va::training {

AdamWOptions optimizer_options(const config::TrainConfig& train);
Sum sum_of(const config::TrainConfig& train);
// What models compute in: float32, or bfloat16 where `train.precision` is bf16_master_fp32.
at::ScalarType model_type(const config::TrainConfig& train);

// The state of a role's model, in three moves whose order matters: masters are taken of the full
// values, then the model is moved to `device` and rounded, then the state is built of both.
// `tensors` are handles that stay valid when `move(device, type)` changes what they hold.
template <class Move>
TrainedState make_state(const models::NamedTensors& tensors, const TrainedState::Trains& trains,
                        const config::TrainConfig& train, const std::string& device, Move move) {
  const at::ScalarType type = model_type(train);
  models::NamedTensors masters;
  if (type != at::kFloat) masters = masters_of(tensors, trains, device);
  move(device, type);
  for (const auto& [name, tensor] : tensors) {
    if (tensor.scalar_type() == at::kFloat) masters.erase(name);  // this part stays float32
  }
  return TrainedState(tensors, trains, optimizer_options(train), sum_of(train), std::move(masters));
}

}  // namespace desa2va::training
