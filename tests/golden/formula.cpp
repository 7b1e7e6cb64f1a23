#include "tests/golden/formula.h"

#include <cmath>
#include <cstdint>
#include <utility>

#include <ATen/ops/empty.h>

#include "common/base/random.h"

namespace desa2va::golden {

at::Tensor formula(const std::string& name, const std::vector<std::int64_t>& shape, double a,
                   double b) {
  auto out = at::empty(shape, at::TensorOptions().dtype(at::kFloat));
  float* values = out.mutable_data_ptr<float>();
  const std::uint64_t start = fnv1a64(name);
  for (std::int64_t i = 0; i < out.numel(); ++i) {
    std::uint64_t z = start + (static_cast<std::uint64_t>(i) + 1) * 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    z ^= z >> 31U;
    const double u = static_cast<double>(z >> 40U) * 0x1p-24;
    values[i] = static_cast<float>((2 * u - 1) * a + b);
  }
  return out;
}

at::Tensor formula_weight(const std::string& name, const std::vector<std::int64_t>& shape) {
  const auto ends = [&](const char* tail) { return name.ends_with(tail); };
  const auto contains = [&](const char* part) { return name.find(part) != std::string::npos; };
  std::int64_t numel = 1;
  for (const auto side : shape) numel *= side;
  std::pair<double, double> ab{0.05, 0};
  if (ends("ls1") || ends("ls2") || ends("gamma") || ends("g_weight")) {
    ab = {0.02, 0.1};
  } else if (ends("positional_encoding_gaussian_matrix")) {
    ab = {1, 0};
  } else if (contains("pos_embed") || contains("position_embedding") ||
             contains("class_embedding")) {
    ab = {0.1, 0};
  } else if (ends("embed_tokens.weight")) {
    ab = {0.05, 0};
  } else if (shape.size() >= 2) {
    ab = {std::sqrt(3.0 / (static_cast<double>(numel) / static_cast<double>(shape[0]))), 0};
  } else if (ends(".weight")) {
    ab = {0.1, 1};
  }
  return formula(name, shape, ab.first, ab.second);
}

}  // namespace desa2va::golden
