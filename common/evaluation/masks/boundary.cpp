#include "common/evaluation/masks/boundary.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace desa2va::evaluation {

namespace {

struct Pixel {
  int x = 0;
  int y = 0;
};

std::vector<Pixel> set_pixels(const Mask& mask) {
  std::vector<Pixel> pixels;
  const std::uint8_t* at = mask.pixels.data();
  for (int y = 0; y < mask.height; ++y)
    for (int x = 0; x < mask.width; ++x, ++at)
      if (*at != 0) pixels.push_back({x, y});
  return pixels;
}

// Whether points lie within `radius` of a set of pixels. Distances down the columns are computed
// once, row by row (which vectorises); a point then looks along its row. That is the exact disk
// for (2 r + 1) steps a point instead of r^2.
class Neighbourhood {
 public:
  Neighbourhood(const Mask& mask, int radius)
      : width_(mask.width), far_(static_cast<std::uint16_t>(radius + 1)) {
    for (int dx = 0; dx <= radius; ++dx) {
      const double reach = std::floor(std::sqrt(static_cast<double>(radius) * radius - dx * dx));
      reach_.push_back(static_cast<std::uint16_t>(reach));
    }
    const auto stride = static_cast<std::size_t>(width_);
    const auto rows = static_cast<std::size_t>(mask.height);
    down_.resize(mask.pixels.size());
    for (std::size_t y = 0; y < rows; ++y) fill_row(mask, y * stride, y > 0 ? stride : 0, y == 0);
    for (std::size_t y = rows; y-- > 1;) {
      std::uint16_t* above = down_.data() + (y - 1) * stride;
      const std::uint16_t* row = down_.data() + y * stride;
      for (std::size_t x = 0; x < stride; ++x)
        above[x] = std::min(above[x], static_cast<std::uint16_t>(row[x] + 1));
    }
  }

  bool holds(Pixel p) const {
    const std::uint16_t* row =
        down_.data() + static_cast<std::size_t>(p.y) * static_cast<std::size_t>(width_);
    const int radius = static_cast<int>(reach_.size()) - 1;
    if (row[p.x] <= reach_[0]) return true;
    for (int dx = 1; dx <= radius; ++dx) {
      const std::uint16_t reach = reach_[static_cast<std::size_t>(dx)];
      if (p.x >= dx && row[p.x - dx] <= reach) return true;
      if (p.x + dx < width_ && row[p.x + dx] <= reach) return true;
    }
    return false;
  }

 private:
  // Distance to the nearest set pixel above or here, at most far_.
  void fill_row(const Mask& mask, std::size_t at, std::size_t back, bool first) {
    const std::uint8_t* in = mask.pixels.data() + at;
    std::uint16_t* out = down_.data() + at;
    const std::uint16_t* above = out - back;
    const auto count = static_cast<std::size_t>(width_);
    for (std::size_t x = 0; x < count; ++x) {
      const auto next = first ? far_ : std::min(far_, static_cast<std::uint16_t>(above[x] + 1));
      out[x] = in[x] != 0 ? std::uint16_t{0} : next;
    }
  }

  int width_;
  std::uint16_t far_;
  std::vector<std::uint16_t> reach_;  // per dx: the largest dy inside the disk
  std::vector<std::uint16_t> down_;
};

double share_within(const std::vector<Pixel>& pixels, const Neighbourhood& near) {
  const auto hits =
      std::count_if(pixels.begin(), pixels.end(), [&](Pixel p) { return near.holds(p); });
  return static_cast<double>(hits) / static_cast<double>(pixels.size());
}

Result<void> same_size(const Mask& truth, const Mask& prediction) {
  if (truth.width == prediction.width && truth.height == prediction.height) return {};
  return fail(Errc::InvalidArgument,
              "the prediction has {}x{} pixels, the truth {}x{}: masks are never resized here",
              prediction.width, prediction.height, truth.width, truth.height);
}

}  // namespace

Mask boundary(const Mask& mask) {
  Mask out = Mask::zeros(mask.width, mask.height);
  if (mask.pixels.empty()) return out;
  const auto width = static_cast<std::size_t>(mask.width);
  const auto height = static_cast<std::size_t>(mask.height);
  for (std::size_t y = 0; y < height; ++y) {
    const std::uint8_t* row = mask.pixels.data() + y * width;
    std::uint8_t* edge = out.pixels.data() + y * width;
    if (y + 1 == height) {
      for (std::size_t x = 0; x + 1 < width; ++x)
        edge[x] = static_cast<std::uint8_t>((row[x] != 0) != (row[x + 1] != 0));
      break;
    }
    const std::uint8_t* below = row + width;
    for (std::size_t x = 0; x + 1 < width; ++x) {
      const bool here = row[x] != 0;
      edge[x] = static_cast<std::uint8_t>((here != (row[x + 1] != 0)) | (here != (below[x] != 0)) |
                                          (here != (below[x + 1] != 0)));
    }
    edge[width - 1] = static_cast<std::uint8_t>((row[width - 1] != 0) != (below[width - 1] != 0));
  }
  return out;
}

int boundary_radius(int width, int height) {
  const double diagonal =
      std::sqrt(static_cast<double>(width) * width + static_cast<double>(height) * height);
  return static_cast<int>(std::ceil(0.008 * diagonal));
}

Result<double> region_j(const Mask& truth, const Mask& prediction) {
  DESA2VA_TRY(same_size(truth, prediction));
  std::int64_t both = 0;
  std::int64_t any = 0;
  for (std::size_t i = 0; i < truth.pixels.size(); ++i) {
    const int a = truth.pixels[i] != 0;
    const int b = prediction.pixels[i] != 0;
    both += a & b;
    any += a | b;
  }
  return any == 0 ? 1.0 : static_cast<double>(both) / static_cast<double>(any);
}

Result<double> boundary_f(const Mask& truth, const Mask& prediction, int radius) {
  DESA2VA_TRY(same_size(truth, prediction));
  constexpr int kMaxRadius = std::numeric_limits<std::uint16_t>::max() - 1;
  if (radius < 0 || radius > kMaxRadius)
    return fail(Errc::InvalidArgument, "boundary radius {}: allowed are 0..{}", radius, kMaxRadius);
  const Mask truth_edge = boundary(truth);
  const Mask predicted_edge = boundary(prediction);
  const auto wanted = set_pixels(truth_edge);
  const auto found = set_pixels(predicted_edge);
  if (wanted.empty() && found.empty()) return 1.0;
  if (wanted.empty() || found.empty()) return 0.0;
  const double precision = share_within(found, Neighbourhood(truth_edge, radius));
  const double recall = share_within(wanted, Neighbourhood(predicted_edge, radius));
  return precision + recall == 0 ? 0.0 : 2 * precision * recall / (precision + recall);
}

Result<JF> region_and_boundary(const Mask& truth, const Mask& prediction) {
  JF out;
  DESA2VA_ASSIGN(out.j, region_j(truth, prediction));
  DESA2VA_ASSIGN(out.f, boundary_f(truth, prediction, boundary_radius(truth.width, truth.height)));
  return out;
}

}  // namespace desa2va::evaluation
