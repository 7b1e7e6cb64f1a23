#include "launcher/weights/merge.h"

#include <algorithm>
#include <array>
#include <thread>

namespace desa2va::launcher {
namespace {

constexpr std::size_t kTile = 2048;  // columns whose four rows of A stay in the first cache
constexpr std::size_t kRowsOfAThread = 8;

std::string beside(const std::string& base, std::string_view part) {
  constexpr std::string_view kBase = "base_layer.weight";
  return base.substr(0, base.size() - kBase.size()) + std::string(part);
}

// sum += b[0] a[0] + b[1] a[1] + ..., in this order for every column.
void add_four(float* __restrict sum, const float* __restrict a, std::size_t stride, const float* b,
              std::size_t columns) {
  const float b0 = b[0], b1 = b[1], b2 = b[2], b3 = b[3];
  const float* a1 = a + stride;
  const float* a2 = a1 + stride;
  const float* a3 = a2 + stride;
#pragma GCC ivdep
  for (std::size_t j = 0; j < columns; ++j)
    sum[j] = (((sum[j] + b0 * a[j]) + b1 * a1[j]) + b2 * a2[j]) + b3 * a3[j];
}

void add_one(float* __restrict sum, const float* __restrict a, float b, std::size_t columns) {
#pragma GCC ivdep
  for (std::size_t j = 0; j < columns; ++j) sum[j] += b * a[j];
}

void add_row(float* row, const float* b, std::span<const float> a, std::size_t rank,
             std::size_t width, float scale) {
  if (std::all_of(b, b + rank, [](float x) { return x == 0; })) return;
  std::array<float, kTile> sum;
  for (std::size_t at = 0; at < width; at += kTile) {
    const std::size_t columns = std::min(kTile, width - at);
    std::fill_n(sum.begin(), columns, 0.0F);
    std::size_t k = 0;
    for (; k + 4 <= rank; k += 4)
      add_four(sum.data(), a.data() + k * width + at, width, b + k, columns);
    for (; k < rank; ++k) add_one(sum.data(), a.data() + k * width + at, b[k], columns);
    for (std::size_t j = 0; j < columns; ++j) row[at + j] += scale * sum[j];
  }
}

bool is_identity(std::span<const float> weight, std::span<const float> bias) {
  const std::size_t side = bias.size();
  for (std::size_t i = 0; i < weight.size(); ++i) {
    if (weight[i] != (i / side == i % side ? 1.0F : 0.0F)) return false;
  }
  return weight.size() == side * side &&
         std::all_of(bias.begin(), bias.end(), [](float x) { return x == 0; });
}

}  // namespace

void add_product(std::span<float> rows, std::span<const float> b, std::span<const float> a,
                 std::size_t rank, float scale) {
  if (rank == 0 || a.empty()) return;
  const std::size_t width = a.size() / rank;
  const std::size_t count = rows.size() / width;
  const auto work = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i)
      add_row(rows.data() + i * width, b.data() + i * rank, a, rank, width, scale);
  };
  const std::size_t most = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t threads = std::clamp<std::size_t>(count / kRowsOfAThread, 1, most);
  const std::size_t share = (count + threads - 1) / threads;
  std::vector<std::jthread> others;
  for (std::size_t from = share; from < count; from += share)
    others.emplace_back(work, from, std::min(count, from + share));
  work(0, std::min(share, count));
}

Result<MergedLinear> MergedLinear::open(const StoredTensors& tensors, const std::string& base,
                                        double scaling) {
  MergedLinear merged(tensors, base);
  const std::string a_name = beside(base, "lora_A.default.weight");
  merged.b_name_ = beside(base, "lora_B.default.weight");
  DESA2VA_ASSIGN(merged.a_, tensors.all(a_name));
  if (!tensors.has(merged.b_name_) || !tensors.has(base))
    return fail(Errc::NotFound, "the checkpoint lacks '{}' or its LoRA", base);
  const auto& a = tensors.shape(a_name);
  const auto& b = tensors.shape(merged.b_name_);
  const auto& w = tensors.shape(base);
  if (a.size() != 2 || b.size() != 2 || w.size() != 2 || a[0] != b[1] || a[1] != w[1] ||
      b[0] != w[0])
    return fail(Errc::Corrupt, "the shapes of '{}' and its LoRA do not fit", base);
  merged.rank_ = static_cast<std::uint64_t>(a[0]);
  merged.width_ = static_cast<std::uint64_t>(a[1]);
  merged.scaling_ = static_cast<float>(scaling);
  return merged;
}

Result<void> MergedLinear::read(std::uint64_t first, std::span<float> out) {
  const std::uint64_t begin = first / width_;
  const std::uint64_t end = (first + out.size() + width_ - 1) / width_;
  std::vector<float> rows((end - begin) * width_), b((end - begin) * rank_);
  DESA2VA_TRY(tensors_->read(base_, begin * width_, rows));
  DESA2VA_TRY(tensors_->read(b_name_, begin * rank_, b));
  add_product(rows, b, a_, rank_, scaling_);
  std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(first - begin * width_), out.size(),
              out.begin());
  return {};
}

Folded fold(std::span<const float> outer_weight, std::span<const float> outer_bias,
            std::span<const float> inner_weight, std::span<const float> inner_bias) {
  if (is_identity(outer_weight, outer_bias))
    return {{inner_weight.begin(), inner_weight.end()}, {inner_bias.begin(), inner_bias.end()}};
  const std::size_t out = outer_bias.size(), mid = inner_bias.size();
  const std::size_t in = mid == 0 ? 0 : inner_weight.size() / mid;
  Folded folded;
  folded.weight.resize(out * in);
  folded.bias.resize(out);
  std::vector<double> sum(in);
  for (std::size_t i = 0; i < out; ++i) {
    std::fill(sum.begin(), sum.end(), 0.0);
    double bias = outer_bias[i];
    for (std::size_t k = 0; k < mid; ++k) {
      const double factor = outer_weight[i * mid + k];
      bias += factor * inner_bias[k];
      for (std::size_t j = 0; j < in; ++j) sum[j] += factor * inner_weight[k * in + j];
    }
    for (std::size_t j = 0; j < in; ++j) folded.weight[i * in + j] = static_cast<float>(sum[j]);
    folded.bias[i] = static_cast<float>(bias);
  }
  return folded;
}

}  // namespace desa2va::launcher
