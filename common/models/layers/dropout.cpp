#include "common/models/layers/dropout.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <ATen/ops/empty.h>

namespace desa2va::models {

at::Tensor dropout_mask(const DropoutPlan& plan, std::string_view site, std::int64_t rows,
                        std::int64_t length, std::int64_t channels) {
  TORCH_CHECK(plan.rate > 0 && plan.rate < 1, "a dropout rate lies in (0, 1), not ", plan.rate);
  TORCH_CHECK(length <= plan.max_length, "a row of ", length, " tokens, max_length is ",
              plan.max_length);
  const auto mask = at::empty({rows, length, channels}, at::TensorOptions().dtype(at::kFloat));
  // Random's counters, four words a block; word / 2^32 >= rate as whole numbers.
  const auto threshold = static_cast<std::uint64_t>(std::ceil(plan.rate * 0x1p32));
  const auto kept = static_cast<float>(1.0 / (1.0 - plan.rate));
  const std::array<std::uint32_t, 2> key = {static_cast<std::uint32_t>(plan.seed),
                                            static_cast<std::uint32_t>(plan.seed >> 32U)};
  const auto stream = fnv1a32(std::string("lora_dropout/").append(site));
  float* out = mask.mutable_data_ptr<float>();
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto first = static_cast<std::uint64_t>(row * plan.max_length * channels);
    const auto last = first + static_cast<std::uint64_t>(length * channels);
    for (std::uint64_t i = first; i < last;) {
      const auto block = i / 4;
      const auto words =
          philox4x32({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32U),
                      stream, plan.microbatch},
                     key);
      for (const auto end = std::min(block * 4 + 4, last); i < end; ++i) {
        *out++ = words[i % 4] >= threshold ? kept : 0.0F;
      }
    }
  }
  return mask;
}

}  // namespace desa2va::models
