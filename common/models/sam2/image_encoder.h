#pragma once

#include <array>
#include <memory>
#include <vector>

#include <torch/nn/module.h>

#include "common/config/model.h"
#include "common/models/sam2/hiera.h"

// Hiera and its feature pyramid (model 4.2). The deepest level is used for the top-down sum only.
namespace desa2va::models::sam2 {

class FpnNeck : public torch::nn::Module {
 public:
  // stage_channels: finest first.
  FpnNeck(std::int64_t dim, const std::vector<std::int64_t>& stage_channels,
          std::vector<std::int64_t> top_down_levels);

  // stages, finest first -> levels of width dim, finest first, the deepest included.
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& stages);

 private:
  std::vector<std::shared_ptr<Conv2d>> convs_;  // deepest first, as in the checkpoint
  std::vector<std::int64_t> top_down_levels_;
};

class ImageEncoder : public torch::nn::Module {
 public:
  ImageEncoder(const config::HieraConfig& config, std::int64_t dim);

  struct Output {
    std::vector<at::Tensor> stages;    // of the trunk, channels first
    std::array<at::Tensor, 3> levels;  // P1, P2, P3
  };
  // images: (N, 3, S, S), normalised.
  Output forward(const at::Tensor& images);

 private:
  std::shared_ptr<Hiera> trunk_;
  std::shared_ptr<FpnNeck> neck_;
};

// uint8 (N, 3, S, S) RGB -> float, ImageNet mean and deviation.
at::Tensor normalize_frames(const at::Tensor& frames);

}  // namespace desa2va::models::sam2
