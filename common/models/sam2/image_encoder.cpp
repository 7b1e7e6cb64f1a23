#include "common/models/sam2/image_encoder.h"

#include <algorithm>

#include <ATen/Functions.h>

namespace desa2va::models::sam2 {

FpnNeck::FpnNeck(std::int64_t dim, const std::vector<std::int64_t>& stage_channels,
                 std::vector<std::int64_t> top_down_levels)
    : top_down_levels_(std::move(top_down_levels)) {
  auto list = register_module("convs", std::make_shared<torch::nn::Module>());
  for (auto channels = stage_channels.rbegin(); channels != stage_channels.rend(); ++channels) {
    auto level =
        list->register_module(std::to_string(convs_.size()), std::make_shared<torch::nn::Module>());
    convs_.push_back(level->register_module(
        "conv", std::make_shared<Conv2d>(*channels, dim, Conv2d::Options{})));
  }
}

std::vector<at::Tensor> FpnNeck::forward(const std::vector<at::Tensor>& stages) {
  const std::size_t count = stages.size();
  std::vector<at::Tensor> levels(count);
  at::Tensor previous;
  for (std::size_t i = count; i-- > 0;) {
    auto lateral = convs_[count - 1 - i]->forward(stages[i]);
    const bool top_down = std::find(top_down_levels_.begin(), top_down_levels_.end(),
                                    static_cast<std::int64_t>(i)) != top_down_levels_.end();
    if (top_down && previous.defined()) {
      const auto up = at::upsample_nearest2d(previous.to(at::kFloat),
                                             {2 * previous.size(2), 2 * previous.size(3)});
      lateral = lateral + up.to(lateral.scalar_type());
    }
    previous = levels[i] = lateral;
  }
  return levels;
}

ImageEncoder::ImageEncoder(const config::HieraConfig& config, std::int64_t dim) {
  TORCH_CHECK(config.stages.size() == 4, "the image trunk has four stages, not ",
              config.stages.size());
  trunk_ = register_module("trunk", std::make_shared<Hiera>(config));
  neck_ = register_module(
      "neck", std::make_shared<FpnNeck>(dim, trunk_->stage_channels(), config.fpn_top_down_levels));
}

ImageEncoder::Output ImageEncoder::forward(const at::Tensor& images) {
  Output output;
  output.stages = trunk_->forward(images);
  const auto levels = neck_->forward(output.stages);
  output.levels = {levels[0], levels[1], levels[2]};
  return output;
}

at::Tensor normalize_frames(const at::Tensor& frames) {
  const auto options = at::TensorOptions().dtype(at::kFloat);
  const auto mean = at::tensor({0.485F, 0.456F, 0.406F}, options).view({1, 3, 1, 1});
  const auto std = at::tensor({0.229F, 0.224F, 0.225F}, options).view({1, 3, 1, 1});
  return (frames.to(at::kFloat) / 255.0 - mean.to(frames.device())) / std.to(frames.device());
}

}  // namespace desa2va::models::sam2
