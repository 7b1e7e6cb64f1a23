#include <fmt/format.h>

#include "common/preprocess/masks/rle.h"

namespace desa2va::preprocess {

namespace {

Result<void> check_size(int height, int width) {
  if (height < 0 || width < 0 || static_cast<std::int64_t>(height) * width > kMaxMaskPixels)
    return fail(Errc::Corrupt, "mask of {}x{} pixels: allowed are up to {} pixels", width, height,
                kMaxMaskPixels);
  return {};
}

// Adds runs and sees that they fill the picture exactly.
class RunCollector {
 public:
  RunCollector(int height, int width)
      : rle_{width, height, {}}, pixels_(static_cast<std::int64_t>(width) * height) {}

  Result<void> add(std::int64_t run) {
    if (run < 0 || run > pixels_ - sum_)
      return fail(Errc::Corrupt, "run {} of the mask is {}: {} of {} pixels are left",
                  rle_.runs.size(), run, pixels_ - sum_, pixels_);
    sum_ += run;
    rle_.runs.push_back(static_cast<std::uint32_t>(run));
    return {};
  }
  std::uint32_t at(std::size_t i) const { return rle_.runs[i]; }
  std::size_t size() const { return rle_.runs.size(); }

  Result<Rle> finish() && {
    if (sum_ != pixels_)
      return fail(Errc::Corrupt, "the runs of the mask cover {} of its {} pixels", sum_, pixels_);
    return std::move(rle_);
  }

 private:
  Rle rle_;
  std::int64_t pixels_;
  std::int64_t sum_ = 0;
};

}  // namespace

std::string rle_to_string(const Rle& rle) {
  std::string text;
  for (std::size_t i = 0; i < rle.runs.size(); ++i) {
    std::int64_t rest = rle.runs[i];
    if (i > 2) rest -= rle.runs[i - 2];
    for (bool more = true; more;) {
      auto group = static_cast<int>(rest & 0x1f);
      rest >>= 5;
      more = (group & 0x10) != 0 ? rest != -1 : rest != 0;
      if (more) group |= 0x20;
      text.push_back(static_cast<char>(group + 48));
    }
  }
  return text;
}

Result<Rle> rle_from_string(int height, int width, std::string_view counts) {
  DESA2VA_TRY(check_size(height, width));
  RunCollector runs(height, width);
  std::size_t at = 0;
  while (at < counts.size()) {
    std::int64_t value = 0;
    unsigned shift = 0;
    for (bool more = true; more; ++at) {
      if (at == counts.size())
        return fail(Errc::Corrupt, "the mask's text ends within run {}", runs.size());
      const int group = static_cast<unsigned char>(counts[at]) - 48;
      if (group < 0 || group > 63)
        return fail(Errc::Corrupt, "byte {} of the mask's text is {}: allowed are 48..111", at,
                    group + 48);
      if (shift > 35)
        return fail(Errc::Corrupt, "run {} of the mask has more than 8 groups", runs.size());
      value |= static_cast<std::int64_t>(group & 0x1f) << shift;
      shift += 5;
      more = (group & 0x20) != 0;
      if (!more && (group & 0x10) != 0) value |= -(std::int64_t{1} << shift);
    }
    if (runs.size() > 2) value += runs.at(runs.size() - 2);
    DESA2VA_TRY(runs.add(value));
  }
  return std::move(runs).finish();
}

Result<Rle> rle_from_runs(int height, int width, std::span<const std::int64_t> runs) {
  DESA2VA_TRY(check_size(height, width));
  RunCollector collector(height, width);
  for (const std::int64_t run : runs) DESA2VA_TRY(collector.add(run));
  return std::move(collector).finish();
}

}  // namespace desa2va::preprocess
