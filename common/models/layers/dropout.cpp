#include "common/models/layers/dropout.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include <ATen/ops/empty.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

namespace desa2va::models {

at::Tensor kept_mask(const DropoutPlan& plan, std::string_view site, std::int64_t rows,
                     std::int64_t length, std::int64_t channels) {
  TORCH_CHECK(plan.rate > 0 && plan.rate < 1, "a dropout rate lies in (0, 1), not ", plan.rate);
  TORCH_CHECK(length <= plan.max_length, "a row of ", length, " tokens, max_length is ",
              plan.max_length);
  const auto mask = at::empty({rows, length, channels}, at::TensorOptions().dtype(at::kBool));
  // word / 2^32 >= rate as whole numbers.
  const auto threshold = static_cast<std::uint64_t>(std::ceil(plan.rate * 0x1p32));
  const Random random(plan.seed, "lora_dropout", site, plan.microbatch);
  std::array<std::uint32_t, 1024> words;  // not initialised: all that is read is written
  bool* out = mask.mutable_data_ptr<bool>();
  const auto row_size = static_cast<std::size_t>(length * channels);
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto first = static_cast<std::uint64_t>(row * plan.max_length * channels);
    for (std::size_t done = 0; done < row_size;) {
      const auto count = std::min(words.size(), row_size - done);
      random.fill_words(std::span(words).first(count), first + done);
      for (std::size_t i = 0; i < count; ++i) out[i] = words[i] >= threshold;
      out += count;
      done += count;
    }
  }
  return mask;
}

at::Tensor drop(const at::Tensor& x, const DropoutPlan& plan, std::string_view site) {
  const auto kept = kept_mask(plan, site, x.size(0), x.size(1), x.size(2)).to(x.device());
  return at::where(kept, x, at::zeros({}, x.options()));
}

}  // namespace desa2va::models
