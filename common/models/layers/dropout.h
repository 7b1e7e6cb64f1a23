#pragma once

#include <cstdint>
#include <string_view>

#include <ATen/core/Tensor.h>

#include "common/base/random.h"

// Dropout whose choices are counters (model.md 7): the same for any process, thread count, padding
// and number of passes over a microbatch.
namespace desa2va::models {

// Which numbers a forward pass of one microbatch draws.
struct DropoutPlan {
  double rate = 0;  // 0: no dropout
  std::uint64_t seed = 0;
  std::uint32_t microbatch = 0;    // of the run
  std::int64_t max_length = 8192;  // stride of a row, so that padding does not matter
};

// (rows, length, channels) bool, on the host: what is kept. Element (r, l, c) is iff word
// (r * max_length + l) * channels + c of (seed, "lora_dropout/site", microbatch), times 2^-32, is
// >= rate.
at::Tensor kept_mask(const DropoutPlan& plan, std::string_view site, std::int64_t rows,
                     std::int64_t length, std::int64_t channels);

// x (rows, length, channels): 0 where dropped, else x. What is linear in it takes the missing
// factor 1 / (1 - rate) where that costs less.
at::Tensor drop(const at::Tensor& x, const DropoutPlan& plan, std::string_view site);

}  // namespace desa2va::models
