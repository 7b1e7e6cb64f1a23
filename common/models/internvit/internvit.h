#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "common/config/model.h"
#include "common/models/layers/layers.h"
#include "common/models/weights/initialise.h"

// InternViT-300M-448px, the vision tower of InternVL2.5 (modeling_intern_vit.py of the published
// model): layer norm, no query/key normalisation, no stochastic depth. Parameter paths are the
// published names without "vision_model.".
namespace desa2va::models {

class InternVit : public torch::nn::Module {
 public:
  explicit InternVit(const config::VitConfig& config);
  ~InternVit() override;

  // pixels (N, 3, H, W) normalised, sides divisible by patch_size -> (N, 1 + h*w, C), the class
  // token in row 0 and no final norm. Another size than image_size interpolates the position grid
  // (bicubic in float32, align_corners false, no antialiasing).
  at::Tensor forward(const at::Tensor& pixels) const;

  // Class and position embeddings N(0, 1) (positions times `position_scale`), layer scales 0.1.
  static std::vector<InitRule> init_rules(const config::VitConfig& config);

 private:
  class Layer;
  at::Tensor position_embedding(std::int64_t rows, std::int64_t columns) const;

  const config::VitConfig config_;
  at::Tensor class_embedding_, position_embedding_;
  std::shared_ptr<Conv2d> patch_embedding_;
  std::vector<std::shared_ptr<Layer>> layers_;
};

// ImageNet normalisation of uint8 RGB (N, 3, H, W): (x / 255 - mean) / std, float32.
at::Tensor normalise_pixels(const at::Tensor& pixels);

}  // namespace desa2va::models
