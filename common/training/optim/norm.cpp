#include "common/training/optim/norm.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace desa2va::training {
namespace {

constexpr std::int64_t kChunk = 65536;

// Eight running sums that are added in a fixed order: the compiler may use vectors, the bits stay.
double chunk_sum(const float* x, std::int64_t count) {
  std::array<double, 8> lanes{};
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (std::size_t lane = 0; lane < 8; ++lane) {
      const double value = x[i + static_cast<std::int64_t>(lane)];
      lanes[lane] += value * value;
    }
  }
  double sum = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
               ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
  for (; i < count; ++i) sum += static_cast<double>(x[i]) * x[i];
  return sum;
}

}  // namespace

double squared_norm(const at::Tensor& gradient) {
  // A device computes nothing here: the same loop on the same values gives the same bits.
  const auto host = gradient.detach().to(at::kCPU, at::kFloat).contiguous();
  const float* x = host.const_data_ptr<float>();
  double sum = 0;
  for (std::int64_t i = 0; i < host.numel(); i += kChunk) {
    sum += chunk_sum(x + i, std::min(kChunk, host.numel() - i));
  }
  return sum;
}

std::map<std::string, double> squared_norms(const std::map<std::string, at::Tensor>& gradients) {
  std::map<std::string, double> out;
  for (const auto& [name, gradient] : gradients) {
    if (gradient.defined()) out.emplace(name, squared_norm(gradient));
  }
  return out;
}

double global_norm(const std::map<std::string, double>& squared_norms) {
  double sum = 0;
  for (const auto& [name, square] : squared_norms) sum += square;
  return std::sqrt(sum);
}

double clip_factor(double norm, double max_norm) {
  return std::min(1.0, max_norm / (norm + 1e-6));
}

}  // namespace desa2va::training
