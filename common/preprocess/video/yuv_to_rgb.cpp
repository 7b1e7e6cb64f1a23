#include "common/preprocess/video/yuv_to_rgb.h"

#include <algorithm>
#include <cstdlib>

namespace desa2va::preprocess {

namespace {

constexpr int kMostTaps = 5;  // a cubic reaches four samples; one more for where it begins
constexpr int kColumnOne = 1 << 14;
constexpr int kRowOne = 1 << 12;

// Cubic with B = 0, C = 0.6 at a distance with 30 fractional bits; the result has 54.
std::int64_t cubic(std::int64_t distance) {
  constexpr std::int64_t kC = static_cast<std::int64_t>(0.6 * (1 << 24));
  constexpr std::int64_t kUnit = std::int64_t{1} << 24;
  constexpr std::int64_t kOne = std::int64_t{1} << 30;
  if (distance >= 2 * kOne) return 0;
  const std::int64_t square = (distance * distance) >> 30;
  const std::int64_t cube = (square * distance) >> 30;
  if (distance < kOne)
    return (12 * kUnit - 6 * kC) * cube + (6 * kC - 18 * kUnit) * square + 6 * kUnit * kOne;
  return -6 * kC * cube + 30 * kC * square - 48 * kC * distance + 24 * kC * kOne;
}

std::int64_t rounded_quotient(std::int64_t a, std::int64_t b) {
  return (a >= 0 ? a + (b >> 1) : a - (b >> 1)) / b;
}

struct Row {
  int first = 0;
  std::vector<std::int64_t> weights;
};

// The candidates: `size` samples around each output position, in steps of 2^-17 samples.
std::vector<Row> cubic_rows(int in, int out, int size) {
  const std::int64_t step = ((std::int64_t{in} << 16) + (out >> 1)) / out;
  std::int64_t center = step - 0x10000;
  std::vector<Row> rows;
  for (int o = 0; o < out; ++o, center += 2 * step) {
    Row row;
    row.first = static_cast<int>((center - (size - 2) * (std::int64_t{1} << 16)) / (1 << 17));
    for (int t = 0; t < size; ++t)
      row.weights.push_back(
          cubic(std::abs((std::int64_t{row.first} + t) * (1 << 17) - center) << 13));
    rows.push_back(std::move(row));
  }
  return rows;
}

// Leaves out weights that are next to nothing: on the left of each position (as long as positions
// do not overtake the next one), on the right those that no position needs. Gives the size left.
int drop_tiny_weights(std::vector<Row>& rows) {
  const double tiny = 0.002 * static_cast<double>(std::int64_t{1} << 54);
  int needed = 0;
  for (std::size_t i = rows.size(); i-- > 0;) {
    std::vector<std::int64_t>& weights = rows[i].weights;
    std::int64_t dropped = 0;
    for (std::size_t n = 0; n < weights.size(); ++n) {
      dropped += std::abs(weights.front());
      if (static_cast<double>(dropped) > tiny) break;
      if (i + 1 < rows.size() && rows[i].first >= rows[i + 1].first) break;
      weights.erase(weights.begin());
      weights.push_back(0);
      ++rows[i].first;
    }
    dropped = 0;
    std::size_t size = weights.size();
    for (; size > 1; --size) {
      dropped += std::abs(weights[size - 1]);
      if (static_cast<double>(dropped) > tiny) break;
    }
    needed = std::max(needed, static_cast<int>(size));
  }
  return needed;
}

// Samples outside take the value of the edge; rounding errors go to the next weight.
void store(const Row& row, int in, int size, int one, ChromaTaps& taps) {
  const int first = std::clamp(row.first, 0, in - 1);
  std::vector<std::int64_t> folded(static_cast<std::size_t>(size), 0);
  std::int64_t sum = 0;
  int shift = first;  // where folded[0] lies; moved left so that all edge samples fit
  shift = std::max(0, std::min(shift, in - size));
  for (int t = 0; t < size; ++t) {
    const int at = std::clamp(row.first + t, 0, in - 1);
    folded[static_cast<std::size_t>(at - shift)] += row.weights[static_cast<std::size_t>(t)];
    sum += row.weights[static_cast<std::size_t>(t)];
  }
  sum = std::max<std::int64_t>((sum + one / 2) / one, 1);
  taps.first.push_back(shift);
  std::int64_t error = 0;
  for (const std::int64_t exact : folded) {
    const std::int64_t value = exact + error;
    const std::int64_t weight = rounded_quotient(value, sum);
    taps.weights.push_back(static_cast<std::int16_t>(weight));
    error = value - weight * sum;
  }
}

// Two lines are not mixed by their weights but by halves: the first alone, or the mean of both.
void halve(ChromaTaps& rows) {
  for (std::size_t i = 0; rows.size == 2 && i < rows.weights.size(); i += 2) {
    const int second = rows.weights[i + 1];
    if (rows.weights[i] + second != kRowOne || second < 0 || second > kRowOne) continue;
    rows.weights[i + 1] = second < kRowOne / 2 ? 0 : kRowOne / 2;
    rows.weights[i] = static_cast<std::int16_t>(kRowOne - rows.weights[i + 1]);
  }
}

}  // namespace

ChromaTaps chroma_taps(int in, int out, int one) {
  ChromaTaps taps;
  if (in == out) {
    for (int i = 0; i < out; ++i) {
      taps.first.push_back(i);
      taps.weights.push_back(static_cast<std::int16_t>(one));
    }
    return taps;
  }
  std::vector<Row> rows = cubic_rows(in, out, std::clamp(in - 2, 1, kMostTaps));
  taps.size = drop_tiny_weights(rows);
  for (const Row& row : rows) store(row, in, taps.size, one, taps);
  return taps;
}

YuvColors yuv_colors(const int (&matrix)[4], bool full_range) {
  std::int64_t y = 1 << 16;
  std::int64_t offset = 0;
  std::int64_t v_to_r = matrix[0];
  std::int64_t u_to_b = matrix[1];
  std::int64_t u_to_g = -matrix[2];
  std::int64_t v_to_g = -matrix[3];
  if (full_range) {
    for (std::int64_t* chroma : {&v_to_r, &u_to_b, &u_to_g, &v_to_g}) *chroma = *chroma * 224 / 255;
  } else {
    y = y * 255 / 219;
    offset = 16 << 9;
  }
  const auto rounded = [](std::int64_t value) {
    return static_cast<std::int32_t>(
        std::clamp<std::int64_t>((value * (1 << 13) + (1 << 15)) >> 16, -0x7fff, 0x7fff));
  };
  return {static_cast<std::int32_t>(offset),
          rounded(y),
          rounded(v_to_r),
          rounded(v_to_g),
          rounded(u_to_g),
          rounded(u_to_b)};
}

const YuvKernels& YuvToRgb::best_kernels() {
  if (const YuvKernels* fastest = avx512_yuv_kernels()) return *fastest;
  const YuvKernels* fast = avx2_yuv_kernels();
  return fast != nullptr ? *fast : portable_yuv_kernels();
}

void YuvToRgb::prepare(const YuvLayout& layout) {
  if (layout != layout_) {
    layout_ = layout;
    const auto chroma = [](int size, int shift) { return (size + (1 << shift) - 1) >> shift; };
    columns_ = chroma_taps(chroma(layout.width, layout.chroma_shift_x), layout.width, kColumnOne);
    rows_ = chroma_taps(chroma(layout.height, layout.chroma_shift_y), layout.height, kRowOne);
    halve(rows_);
    slots_ = rows_.size;
    for (auto& lines : lines_)
      lines.resize(static_cast<std::size_t>(slots_) * static_cast<std::size_t>(layout.width));
  }
  for (auto& held : held_) held.assign(static_cast<std::size_t>(slots_), -1);
}

const std::int16_t* YuvToRgb::line(const YuvPlanes& planes, int plane, int number) {
  const int in_width =
      (layout_.width + (1 << layout_.chroma_shift_x) - 1) >> layout_.chroma_shift_x;
  const auto slot = static_cast<std::size_t>(number % slots_);
  std::int16_t* line = lines_[plane].data() + slot * static_cast<std::size_t>(layout_.width);
  if (held_[plane][slot] != number) {
    held_[plane][slot] = number;
    kernels_->widen(columns_, planes.planes[plane + 1] + number * planes.strides[plane + 1],
                    in_width, line);
  }
  return line;
}

Image YuvToRgb::convert(const YuvPlanes& planes, const YuvLayout& layout, const YuvColors& colors) {
  prepare(layout);
  Image image = Image::allocate(layout.width, layout.height);
  std::uint8_t* out = image.mutable_pixels().data();
  const int chroma_height =
      (layout.height + (1 << layout.chroma_shift_y) - 1) >> layout.chroma_shift_y;
  for (int y = 0; y < layout.height; ++y, out += static_cast<std::ptrdiff_t>(layout.width) * 3) {
    const std::int16_t* u[kMostTaps];
    const std::int16_t* v[kMostTaps];
    const int first = rows_.first[static_cast<std::size_t>(y)];
    const int taps = std::min(rows_.size, chroma_height - first);
    for (int t = 0; t < taps; ++t) {
      u[t] = line(planes, 0, first + t);
      v[t] = line(planes, 1, first + t);
    }
    const std::size_t weights = static_cast<std::size_t>(y) * static_cast<std::size_t>(rows_.size);
    kernels_->row({planes.planes[0] + y * planes.strides[0], u, v, rows_.weights.data() + weights,
                   taps, layout.width},
                  colors, out);
  }
  return image;
}

}  // namespace desa2va::preprocess
