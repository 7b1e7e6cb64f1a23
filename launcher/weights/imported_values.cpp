#include "launcher/weights/imported_values.h"

#include <algorithm>
#include <cmath>

#include "common/base/random.h"
#include "common/weights/convert.h"

namespace desa2va::launcher {
namespace {

constexpr double kCovarianceScale = 1e-9;
constexpr std::int64_t kRowsAtOnce = 1024;

bool is_vocabulary_matrix(const std::string& name) {
  return name.ends_with("embed_tokens.weight") || name.ends_with("lm_head.weight");
}

}  // namespace

ImportedValues::ImportedValues(const Match& match, const config::Config& config, bool keep_dtype)
    : match_(match),
      config_(config),
      initial_(config.model, parameters::preset_of(config.preset),
               static_cast<std::uint64_t>(config.run.seed)),
      keep_dtype_(keep_dtype) {}

DType ImportedValues::dtype(const std::string& name) const {
  const Origin& origin = match_.origins.at(name);
  return origin.source != nullptr && keep_dtype_ ? origin.info.dtype : DType::F32;
}

Result<void> ImportedValues::read(const std::string& name, std::uint64_t first,
                                  MutableByteSpan out) {
  const DType type = dtype(name);
  const std::uint64_t element = first / size_of(type);
  const std::uint64_t count = out.size() / size_of(type);
  const Origin& origin = match_.origins.at(name);
  const auto there =
      origin.source == nullptr ? std::uint64_t{0} : static_cast<std::uint64_t>(origin.info.numel());
  const std::uint64_t from_file =
      element >= there ? 0 : std::min<std::uint64_t>(count, there - element);
  if (from_file > 0) {
    const std::uint64_t size = size_of(origin.info.dtype);
    scratch_.resize(from_file * size);
    DESA2VA_TRY(origin.source->read(origin.name, element * size, scratch_));
    weights::convert(scratch_, origin.info.dtype, out.first(from_file * size_of(type)), type);
  }
  if (from_file == count) return {};
  fresh_.resize(count - from_file);
  DESA2VA_TRY(read_fresh(name, origin, element + from_file, fresh_));
  weights::convert(std::as_bytes(std::span(fresh_)), DType::F32,
                   out.subspan(from_file * size_of(type)), type);
  return {};
}

Result<void> ImportedValues::read_fresh(const std::string& name, const Origin& origin,
                                        std::uint64_t element, std::span<float> out) {
  const bool around_mean = config_.model.embed_init == "mean" && origin.source != nullptr &&
                           is_vocabulary_matrix(name) && origin.info.numel() > 0;
  if (!around_mean) return initial_.read(name, element, out);
  auto found = means_.find(name);
  if (found == means_.end()) {
    const std::int64_t added = config_.model.llm.vocab_size - origin.info.shape[0];
    DESA2VA_ASSIGN(
        std::vector<float> rows,
        rows_around_mean(origin, added, static_cast<std::uint64_t>(config_.run.seed), name));
    found = means_.emplace(name, std::move(rows)).first;
  }
  const auto at =
      static_cast<std::ptrdiff_t>(element - static_cast<std::uint64_t>(origin.info.numel()));
  std::copy_n(found->second.begin() + at, out.size(), out.begin());
  return {};
}

Result<std::vector<float>> rows_around_mean(const Origin& old, std::int64_t count,
                                            std::uint64_t seed, std::string_view name) {
  const std::int64_t rows = old.info.shape[0];
  const auto width = static_cast<std::size_t>(old.info.shape[1]);
  const auto added = static_cast<std::size_t>(count);
  const Random random(seed, "init", std::string(name) + "/mean");
  const std::uint64_t row_bytes = width * size_of(old.info.dtype);
  std::vector<std::byte> bytes;
  std::vector<float> values;
  std::vector<float> normal(static_cast<std::size_t>(kRowsAtOnce));
  std::vector<double> sum(width), weighted(added * width), weights(added);
  for (std::int64_t begin = 0; begin < rows; begin += kRowsAtOnce) {
    const auto here = static_cast<std::size_t>(std::min(kRowsAtOnce, rows - begin));
    bytes.resize(here * row_bytes);
    values.resize(here * width);
    DESA2VA_TRY(old.source->read(old.name, static_cast<std::uint64_t>(begin) * row_bytes, bytes));
    weights::convert(bytes, old.info.dtype, std::as_writable_bytes(std::span(values)), DType::F32);
    for (std::size_t row = 0; row < here; ++row) {
      for (std::size_t i = 0; i < width; ++i) sum[i] += values[row * width + i];
    }
    for (std::size_t made = 0; made < added; ++made) {
      random.fill_normal(std::span(normal).first(here), made * static_cast<std::uint64_t>(rows) +
                                                            static_cast<std::uint64_t>(begin));
      for (std::size_t row = 0; row < here; ++row) {
        weights[made] += normal[row];
        for (std::size_t i = 0; i < width; ++i)
          weighted[made * width + i] += static_cast<double>(normal[row]) * values[row * width + i];
      }
    }
  }
  // sum_r z_r (x_r - mean) / sqrt(rows) has the covariance of the old rows.
  const double scale = std::sqrt(kCovarianceScale / static_cast<double>(rows));
  std::vector<float> out(added * width);
  for (std::size_t made = 0; made < added; ++made) {
    for (std::size_t i = 0; i < width; ++i) {
      const double mean = sum[i] / static_cast<double>(rows);
      const double noise = weighted[made * width + i] - weights[made] * mean;
      out[made * width + i] = static_cast<float>(mean + scale * noise);
    }
  }
  return out;
}

}  // namespace desa2va::launcher
