#include "launcher/commands/histogram.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace desa2va::launcher {
namespace {

constexpr std::size_t kBins = 16;
constexpr double kWideSpan = 64;
constexpr std::size_t kBarWidth = 40;

// 1, 2 or 5 times a power of ten, at least `width`.
double round_width(double width) {
  const double power = std::pow(10, std::floor(std::log10(width)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (width <= factor * power * (1 + 1e-9)) return factor * power;
  return 10 * power;
}

std::vector<double> edges_of(const std::vector<double>& sorted) {
  const double low = sorted.front();
  const double high = sorted.back();
  const bool whole = std::all_of(sorted.begin(), sorted.end(),
                                 [](double value) { return value == std::floor(value); });
  std::vector<double> edges;
  if (whole && high - low < static_cast<double>(kBins)) {
    for (double edge = low; edge <= high + 1; ++edge) edges.push_back(edge);
    return edges;
  }
  const double positive =
      *std::find_if(sorted.begin(), sorted.end(), [](double v) { return v > 0; });
  if (high / positive > kWideSpan) {
    if (low <= 0) edges.push_back(0);
    const int first = static_cast<int>(std::floor(std::log2(positive)));
    const int last = static_cast<int>(std::floor(std::log2(high))) + 1;
    const int step = (last - first + static_cast<int>(kBins) - 2) / (static_cast<int>(kBins) - 1);
    for (int power = first;; power += std::max(step, 1)) {
      edges.push_back(std::ldexp(1.0, power));
      if (edges.back() > high) break;
    }
    return edges;
  }
  double width = round_width((high - low) / static_cast<double>(kBins - 2));
  if (whole) width = std::max(1.0, width);
  for (double edge = std::floor(low / width) * width;; edge += width) {
    edges.push_back(edge);
    if (edge > high) break;
  }
  return edges;
}

}  // namespace

Histogram make_histogram(std::string name, std::string unit, std::vector<double> values) {
  Histogram histogram;
  histogram.name = std::move(name);
  histogram.unit = std::move(unit);
  const auto known = std::partition(values.begin(), values.end(), [](double v) { return v >= 0; });
  histogram.unknown = static_cast<std::uint64_t>(values.end() - known);
  values.erase(known, values.end());
  histogram.count = values.size();
  if (values.empty()) return histogram;
  std::sort(values.begin(), values.end());
  for (const double value : values) {
    histogram.sum += value;
    histogram.whole = histogram.whole && value == std::floor(value);
  }
  histogram.smallest = values.front();
  histogram.largest = values.back();
  histogram.median = values[values.size() / 2];
  histogram.p95 = values[std::min(values.size() - 1, values.size() * 95 / 100)];
  if (values.back() == 0) {
    histogram.bins = {{0, 1, values.size()}};
    return histogram;
  }
  const auto edges = edges_of(values);
  auto at = values.begin();
  for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
    const auto end = std::lower_bound(at, values.end(), edges[i + 1]);
    histogram.bins.push_back({edges[i], edges[i + 1], static_cast<std::uint64_t>(end - at)});
    at = end;
  }
  return histogram;
}

std::string short_number(double value) {
  if (value >= 1e9) return fmt::format("{:.3g}G", value / 1e9);
  if (value >= 1e6) return fmt::format("{:.3g}M", value / 1e6);
  if (value >= 1e4) return fmt::format("{:.3g}k", value / 1e3);
  if (value == std::floor(value)) return fmt::format("{:.0f}", value);
  return fmt::format("{:.3g}", value);
}

std::string label_of(const Histogram& histogram, std::size_t bin) {
  const auto& one = histogram.bins[bin];
  if (histogram.whole && one.to - one.from == 1) return short_number(one.from);
  return fmt::format("{} - {}", short_number(one.from), short_number(one.to));
}

std::string draw_text(const Histogram& histogram) {
  std::string text = histogram.name;
  if (!histogram.unit.empty()) text += fmt::format(" ({})", histogram.unit);
  if (histogram.count == 0) return text + ": not known\n";
  text += fmt::format(": mean {}, median {}, 95 % below {}, smallest {}, largest {}\n",
                      short_number(histogram.sum / static_cast<double>(histogram.count)),
                      short_number(histogram.median), short_number(histogram.p95),
                      short_number(histogram.smallest), short_number(histogram.largest));
  std::uint64_t most = 1;
  for (const auto& bin : histogram.bins) most = std::max(most, bin.count);
  for (std::size_t i = 0; i < histogram.bins.size(); ++i) {
    const auto count = histogram.bins[i].count;
    std::size_t width = static_cast<std::size_t>(
        std::llround(static_cast<double>(count * kBarWidth) / static_cast<double>(most)));
    if (count > 0) width = std::max<std::size_t>(width, 1);
    text +=
        fmt::format("  {:>16} {:>9}  {}\n", label_of(histogram, i), count, std::string(width, '#'));
  }
  if (histogram.unknown > 0)
    text += fmt::format("  {:>16} {:>9}\n", "not known", histogram.unknown);
  return text;
}

}  // namespace desa2va::launcher
