#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "launcher/weights/stored_tensors.h"

// The arithmetic of an export, without LibTorch.
namespace desa2va::launcher {

// rows += scale * (b a): rows (n, width), b (n, rank), a (rank, width), all row-major. Float32,
// products added in order of rank, so the bits do not depend on threads or processor. Rows whose b
// is zero throughout keep their bits.
void add_product(std::span<float> rows, std::span<const float> b, std::span<const float> a,
                 std::size_t rank, float scale);

// W + scaling * B A of one linear, any stretch of it; A stays in memory. Belongs to one thread.
class MergedLinear {
 public:
  // `base`: canonical name, "...q_proj.base_layer.weight"; LoRA's beside it must be there.
  static Result<MergedLinear> open(const StoredTensors& tensors, const std::string& base,
                                   double scaling);
  Result<void> read(std::uint64_t first, std::span<float> out);

 private:
  MergedLinear(const StoredTensors& tensors, std::string base)
      : tensors_(&tensors), base_(std::move(base)) {}
  const StoredTensors* tensors_;
  std::string base_, b_name_;
  std::vector<float> a_;
  std::uint64_t width_ = 0, rank_ = 0;
  float scaling_ = 0;
};

struct Folded {
  std::vector<float> weight, bias;
};
// The linear `outer` after the linear `inner` as one: outer.weight inner.weight, outer.weight
// inner.bias + outer.bias, added in double. Where outer is the identity, inner's bits.
Folded fold(std::span<const float> outer_weight, std::span<const float> outer_bias,
            std::span<const float> inner_weight, std::span<const float> inner_bias);

}  // namespace desa2va::launcher
