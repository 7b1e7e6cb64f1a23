#include "common/models/internvit/mlp1.h"

#include <ATen/ops/gelu.h>

namespace desa2va::models {

at::Tensor pixel_shuffle(const at::Tensor& x, std::int64_t rows, std::int64_t columns) {
  TORCH_CHECK(rows % 2 == 0 && columns % 2 == 0, "pixel shuffle needs even sides, the grid is ",
              rows, " x ", columns);
  TORCH_CHECK(x.dim() == 3 && x.size(1) == rows * columns, "a grid of ", rows, " x ", columns,
              " does not fit ", x.sizes());
  const auto n = x.size(0), channels = x.size(2);
  return x.reshape({n, rows / 2, 2, columns / 2, 2, channels})
      .permute({0, 1, 3, 2, 4, 5})
      .reshape({n, rows * columns / 4, 4 * channels});
}

Mlp1::Mlp1(std::int64_t vit_hidden_size, std::int64_t llm_hidden_size)
    : norm_(register_module("0", std::make_shared<LayerNorm>(4 * vit_hidden_size))),
      up_(register_module("1", std::make_shared<Linear>(4 * vit_hidden_size, llm_hidden_size))),
      out_(register_module("3", std::make_shared<Linear>(llm_hidden_size, llm_hidden_size))) {}

at::Tensor Mlp1::forward(const at::Tensor& shuffled) const {
  return out_->forward(at::gelu(up_->forward(norm_->forward(shuffled))));
}

}  // namespace desa2va::models
