#include "common/training/state/options.h"

namespace desa2va::training {

AdamWOptions optimizer_options(const config::TrainConfig& train) {
  return {train.betas[0], train.betas[1], train.eps, train.weight_decay};
}

Sum sum_of(const config::TrainConfig& train) {
  return train.reduction == config::Reduction::Fast ? Sum::Fast : Sum::Reproducible;
}

at::ScalarType model_type(const config::TrainConfig& train) {
  return train.precision == config::Precision::Bf16MasterFp32 ? at::kBFloat16 : at::kFloat;
}

}  // namespace desa2va::training
