#include "common/models/sam2/hiera.h"

#include <algorithm>

#include <ATen/Functions.h>

namespace desa2va::models::sam2 {
namespace {

at::Tensor pool_2x2(const at::Tensor& x) {  // (N, H, W, C) -> (N, H/2, W/2, C)
  return at::max_pool2d(x.permute({0, 3, 1, 2}), {2, 2}, {2, 2}).permute({0, 2, 3, 1});
}

std::int64_t round_up(std::int64_t n, std::int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

// (N, H, W, C) -> (N * windows, w, w, C), zero-padded at the bottom and right.
at::Tensor partition(const at::Tensor& x, std::int64_t w) {
  const std::int64_t n = x.size(0), c = x.size(3);
  const std::int64_t height = round_up(x.size(1), w), width = round_up(x.size(2), w);
  auto padded = x;
  if (height != x.size(1) || width != x.size(2)) {
    padded = at::constant_pad_nd(x, {0, 0, 0, width - x.size(2), 0, height - x.size(1)});
  }
  return padded.reshape({n, height / w, w, width / w, w, c})
      .permute({0, 1, 3, 2, 4, 5})
      .reshape({-1, w, w, c});
}

// The way back to (N, H, W, C); the padding is cut off.
at::Tensor unpartition(const at::Tensor& windows, std::int64_t h, std::int64_t w_out) {
  const std::int64_t w = windows.size(1), c = windows.size(3);
  const std::int64_t height = round_up(h, w), width = round_up(w_out, w);
  const auto x = windows.reshape({-1, height / w, width / w, w, w, c})
                     .permute({0, 1, 3, 2, 4, 5})
                     .reshape({-1, height, width, c});
  return height == h && width == w_out ? x : x.slice(1, 0, h).slice(2, 0, w_out);
}

}  // namespace

std::vector<HieraBlockShape> hiera_blocks(const config::HieraConfig& config) {
  TORCH_CHECK(config.window_spec.size() == config.stages.size(), "window_spec has ",
              config.window_spec.size(), " windows for ", config.stages.size(), " stages");
  std::vector<HieraBlockShape> blocks;
  std::int64_t dim = config.embed_dim, heads = config.num_heads;
  for (std::size_t stage = 0; stage < config.stages.size(); ++stage) {
    for (std::int64_t i = 0; i < config.stages[stage]; ++i) {
      const bool first = i == 0 && stage > 0;
      const auto index = static_cast<std::int64_t>(blocks.size());
      const auto& global = config.global_att_blocks;
      HieraBlockShape shape{dim, dim, heads, config.window_spec[first ? stage - 1 : stage],
                            first && static_cast<std::int64_t>(stage) <= config.q_pool};
      if (std::find(global.begin(), global.end(), index) != global.end()) shape.window = 0;
      if (first) {
        shape.dim_out = dim = dim * 2;
        shape.heads = heads = heads * 2;
      }
      blocks.push_back(shape);
    }
  }
  return blocks;
}

HieraBlock::HieraBlock(const HieraBlockShape& shape, double mlp_ratio) : shape_(shape) {
  const std::int64_t out = shape.dim_out;
  const auto hidden = static_cast<std::int64_t>(static_cast<double>(out) * mlp_ratio);
  norm1_ = register_module("norm1", std::make_shared<LayerNorm>(shape.dim_in, 1e-6));
  auto attn = register_module("attn", std::make_shared<torch::nn::Module>());
  qkv_ = attn->register_module("qkv", std::make_shared<Linear>(shape.dim_in, 3 * out));
  attn_proj_ = attn->register_module("proj", std::make_shared<Linear>(out, out));
  norm2_ = register_module("norm2", std::make_shared<LayerNorm>(out, 1e-6));
  auto mlp = register_module("mlp", std::make_shared<torch::nn::Module>());
  auto layers = mlp->register_module("layers", std::make_shared<torch::nn::Module>());
  fc1_ = layers->register_module("0", std::make_shared<Linear>(out, hidden));
  fc2_ = layers->register_module("1", std::make_shared<Linear>(hidden, out));
  if (shape.dim_in != out)
    proj_ = register_module("proj", std::make_shared<Linear>(shape.dim_in, out));
}

at::Tensor HieraBlock::attend(const at::Tensor& windows) {
  const std::int64_t batch = windows.size(0), tokens = windows.size(1) * windows.size(2);
  const auto qkv = qkv_->forward(windows).reshape({batch, tokens, 3, shape_.heads, -1});
  auto q = qkv.select(2, 0);
  std::int64_t h = windows.size(1), w = windows.size(2);
  if (shape_.pool) {
    q = pool_2x2(q.reshape({batch, h, w, shape_.dim_out}));
    h = q.size(1), w = q.size(2);
    q = q.reshape({batch, h * w, shape_.heads, -1});
  }
  const auto out = at::scaled_dot_product_attention(
      q.transpose(1, 2), qkv.select(2, 1).transpose(1, 2), qkv.select(2, 2).transpose(1, 2));
  return attn_proj_->forward(out.transpose(1, 2).reshape({batch, h, w, shape_.dim_out}));
}

at::Tensor HieraBlock::forward(const at::Tensor& x) {
  const auto y = norm1_->forward(x);
  auto shortcut = x;
  if (proj_) {
    shortcut = proj_->forward(y);
    if (shape_.pool) shortcut = pool_2x2(shortcut);
  }
  at::Tensor attended;
  if (shape_.window > 0) {
    attended = unpartition(attend(partition(y, shape_.window)), shortcut.size(1), shortcut.size(2));
  } else {
    attended = attend(y);
  }
  const auto sum = shortcut + attended;
  return sum + fc2_->forward(at::gelu(fc1_->forward(norm2_->forward(sum))));
}

Hiera::Hiera(const config::HieraConfig& config) {
  auto patch_embed = register_module("patch_embed", std::make_shared<torch::nn::Module>());
  patch_ = patch_embed->register_module(
      "proj", std::make_shared<Conv2d>(3, config.embed_dim, Conv2d::Options{7, 4, 3, 1}));
  const std::int64_t window = config.window_spec.front();
  pos_embed_ = register_parameter(
      "pos_embed",
      at::empty({1, config.embed_dim, config.pos_embed_bkg[0], config.pos_embed_bkg[1]}),
      /*requires_grad=*/false);
  pos_embed_window_ =
      register_parameter("pos_embed_window", at::empty({1, config.embed_dim, window, window}),
                         /*requires_grad=*/false);
  auto list = register_module("blocks", std::make_shared<torch::nn::Module>());
  for (const auto& shape : hiera_blocks(config)) {
    blocks_.push_back(list->register_module(std::to_string(blocks_.size()),
                                            std::make_shared<HieraBlock>(shape, config.mlp_ratio)));
  }
  std::size_t end = 0;
  std::int64_t channels = config.embed_dim;
  for (const auto count : config.stages) {
    end += static_cast<std::size_t>(count);
    stage_ends_.push_back(end - 1);
    stage_channels_.push_back(channels);
    channels *= 2;
  }
}

at::Tensor Hiera::position(std::int64_t h, std::int64_t w) const {
  const std::int64_t window = pos_embed_window_.size(2);
  TORCH_CHECK(h % window == 0 && w % window == 0, "the patch grid ", h, "x", w,
              " is not a multiple of the position window ", window,
              "; choose an image size divisible by ", 4 * window);
  const auto background =
      at::upsample_bicubic2d(pos_embed_.to(at::kFloat), {h, w}, /*align_corners=*/false);
  const auto tiled = pos_embed_window_.repeat({1, 1, h / window, w / window});
  return (background + tiled).permute({0, 2, 3, 1}).to(pos_embed_.scalar_type());
}

std::vector<at::Tensor> Hiera::forward(const at::Tensor& images) {
  auto x = patch_->forward(images.to(patch_->weight.scalar_type())).permute({0, 2, 3, 1});
  x = x + position(x.size(1), x.size(2));
  std::vector<at::Tensor> stages;
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    x = blocks_[i]->forward(x);
    if (i == stage_ends_[stages.size()]) stages.push_back(x.permute({0, 3, 1, 2}));
  }
  return stages;
}

}  // namespace desa2va::models::sam2
