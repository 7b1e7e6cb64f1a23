#include "common/preprocess/masks/polygon.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace desa2va::preprocess {

namespace {

constexpr double kPolygonScale = 5;
// Keeps five times a coordinate and a boundary's length within 32 bits.
constexpr double kMaxCoordinate = 1e6;

struct FinePoint {
  int x;
  int y;
};

// Every point of the closed boundary on the fine grid.
std::vector<FinePoint> trace_boundary(std::span<const double> xy) {
  const std::size_t corners = xy.size() / 2;
  const auto fine = [&](std::size_t i) {
    return static_cast<int>(kPolygonScale * xy[i] + 0.5);  // truncates, as the reference does
  };
  std::vector<FinePoint> points;
  for (std::size_t i = 0; i < corners; ++i) {
    const std::size_t next = (i + 1) % corners;
    FinePoint from{fine(2 * i), fine(2 * i + 1)};
    FinePoint to{fine(2 * next), fine(2 * next + 1)};
    const int dx = std::abs(to.x - from.x);
    const int dy = std::abs(to.y - from.y);
    const bool along_x = dx >= dy;
    const bool flip = along_x ? from.x > to.x : from.y > to.y;
    if (flip) std::swap(from, to);
    const int length = along_x ? dx : dy;
    const double slope =
        length == 0 ? 0.0 : static_cast<double>(along_x ? to.y - from.y : to.x - from.x) / length;
    for (int d = 0; d <= length; ++d) {
      const int t = flip ? length - d : d;
      if (along_x) {
        points.push_back({from.x + t, static_cast<int>(from.y + slope * t + 0.5)});
      } else {
        points.push_back({static_cast<int>(from.x + slope * t + 0.5), from.y + t});
      }
    }
  }
  return points;
}

// Where the boundary crosses the middle of a pixel column, as positions down the columns.
std::vector<std::uint32_t> column_crossings(const std::vector<FinePoint>& points, int height,
                                            int width) {
  std::vector<std::uint32_t> crossings;
  for (std::size_t i = 1; i < points.size(); ++i) {
    const FinePoint& a = points[i - 1];
    const FinePoint& b = points[i];
    if (a.x == b.x) continue;
    const double x = ((b.x < a.x ? b.x : b.x - 1) + 0.5) / kPolygonScale - 0.5;
    if (std::floor(x) != x || x < 0 || x > width - 1) continue;
    double y = (std::min(a.y, b.y) + 0.5) / kPolygonScale - 0.5;
    y = std::ceil(std::clamp(y, 0.0, static_cast<double>(height)));
    crossings.push_back(
        static_cast<std::uint32_t>(static_cast<int>(x) * height + static_cast<int>(y)));
  }
  return crossings;
}

}  // namespace

Result<Rle> rasterize_polygon(std::span<const double> xy, int height, int width) {
  if (xy.size() < 6 || xy.size() % 2 != 0)
    return fail(Errc::InvalidArgument, "a polygon of {} numbers: at least three x, y pairs needed",
                xy.size());
  if (height < 1 || width < 1 || static_cast<std::int64_t>(height) * width > kMaxMaskPixels)
    return fail(Errc::InvalidArgument, "polygon on {}x{} pixels: allowed are 1 to {} pixels", width,
                height, kMaxMaskPixels);
  for (const double value : xy) {
    if (!(std::abs(value) <= kMaxCoordinate))
      return fail(Errc::InvalidArgument, "polygon coordinate {}: allowed are -1e6 to 1e6", value);
  }
  std::vector<std::uint32_t> ends = column_crossings(trace_boundary(xy), height, width);
  ends.push_back(static_cast<std::uint32_t>(height) * static_cast<std::uint32_t>(width));
  std::sort(ends.begin(), ends.end());

  // Differences are the runs; two crossings at one place cancel each other.
  Rle rle{width, height, {ends[0]}};
  for (std::size_t i = 1; i < ends.size(); ++i) {
    const std::uint32_t run = ends[i] - ends[i - 1];
    if (run > 0) {
      rle.runs.push_back(run);
    } else if (++i < ends.size()) {
      rle.runs.back() += ends[i] - ends[i - 1];
    }
  }
  return rle;
}

Result<Rle> rasterize_polygons(std::span<const std::vector<double>> polygons, int height,
                               int width) {
  if (polygons.empty()) return empty_rle(height, width);
  std::vector<Rle> parts;
  for (const std::vector<double>& polygon : polygons) {
    DESA2VA_ASSIGN(Rle part, rasterize_polygon(polygon, height, width));
    parts.push_back(std::move(part));
  }
  return unite(parts);
}

}  // namespace desa2va::preprocess
