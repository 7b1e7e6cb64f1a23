#pragma once

#include <functional>
#include <vector>

#include <ATen/core/Tensor.h>

// Activation checkpointing: memory for time.
namespace desa2va::models {

// f(x), of which only x is kept; the backward runs f again and differentiates that. `parameters` is
// what f reads besides x; those of them that ask for gradients get them. f must give the same bits
// each time it is called (dropout by counters does), read nothing that changes before the backward,
// and record no graph elsewhere. Where no graph is recorded it is f(x) alone.
at::Tensor recompute(std::function<at::Tensor(const at::Tensor&)> f, const at::Tensor& x,
                     const std::vector<at::Tensor>& parameters);

}  // namespace desa2va::models
