#include "services/inference/overlay.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "common/preprocess/image/encode.h"
#include "common/preprocess/image/resize.h"

namespace desa2va::inference {
namespace {

constexpr int kLargest = 1920;   // pixels a side of the picture shown
constexpr int kSmallest = 256;   // of its longer side
constexpr int kNarrowest = 480;  // of the drawing: room for the legend
constexpr int kLetters = 15;     // pixels
constexpr int kLine = 22;        // pixels
constexpr int kSwatch = 14;      // pixels a side
constexpr int kMargin = 8;
constexpr int kMostLines = 8;

int even(int value) { return (value + 1) / 2 * 2; }

}  // namespace

Overlay::Overlay(int width, int height, std::vector<LegendEntry> legend) {
  const int longest = std::max(width, height);
  double scale = 1;
  if (longest > kLargest) scale = static_cast<double>(kLargest) / longest;
  if (longest < kSmallest) scale = std::ceil(static_cast<double>(kSmallest) / longest);
  shown_width_ = std::max(1, static_cast<int>(std::lround(width * scale)));
  shown_height_ = std::max(1, static_cast<int>(std::lround(height * scale)));
  width_ = even(std::max(shown_width_, kNarrowest));
  lay_out(std::move(legend));
}

// From left to right, a new line where the next entry has no room.
void Overlay::lay_out(std::vector<LegendEntry> legend) {
  int x = kMargin;
  int line = 0;
  std::size_t shown = 0;
  for (; shown < legend.size(); ++shown) {
    LegendEntry entry = legend[shown];
    const int swatch = entry.number > 0 ? kSwatch + 6 : 0;
    if (entry.number > 0) entry.text = std::to_string(entry.number) + "  " + entry.text;
    entry.text = pen_.fit(entry.text, kLetters, width_ - 2 * kMargin - swatch);
    const int needed = swatch + pen_.width(entry.text, kLetters);
    if (x > kMargin && x + needed > width_ - kMargin) {
      x = kMargin;
      ++line;
    }
    if (line == kMostLines - 1 && shown + 1 < legend.size()) break;
    legend_.push_back({std::move(entry), x, shown_height_ + line * kLine + kMargin});
    x += needed + 3 * kMargin;
  }
  if (shown < legend.size())
    legend_.push_back({{0, fmt::format("... and {} more", legend.size() - shown)},
                       kMargin,
                       shown_height_ + line * kLine + kMargin});
  const int lines = legend_.empty() ? 0 : line + 1;
  height_ = even(shown_height_ + (lines > 0 ? lines * kLine + 2 * kMargin : 0));
}

preprocess::Image Overlay::draw(const preprocess::Image& frame,
                                std::span<const std::uint8_t> numbers) const {
  preprocess::Image out = preprocess::Image::allocate(width_, height_);
  std::ranges::fill(out.mutable_pixels(), std::uint8_t{24});
  const bool larger = shown_width_ > frame.width;  // enlarged pixels stay squares
  const preprocess::Image scaled = frame.width == shown_width_ && frame.height == shown_height_ ? frame
                                   : larger ? preprocess::Image()
                                            : preprocess::resize_bicubic(frame, shown_width_, shown_height_);
  const auto source_x = [&](int x) {
    return static_cast<std::size_t>(static_cast<std::int64_t>(x) * frame.width / shown_width_);
  };
  const auto source_y = [&](int y) {
    return static_cast<std::size_t>(static_cast<std::int64_t>(y) * frame.height / shown_height_);
  };
  std::vector<std::uint8_t> shown(static_cast<std::size_t>(shown_width_) *
                                  static_cast<std::size_t>(shown_height_));
  for (int y = 0; y < shown_height_; ++y) {
    const std::size_t row = source_y(y) * static_cast<std::size_t>(frame.width);
    for (int x = 0; x < shown_width_; ++x)
      shown[static_cast<std::size_t>(y) * static_cast<std::size_t>(shown_width_) +
            static_cast<std::size_t>(x)] = numbers[row + source_x(x)];
  }
  const auto in = larger ? frame.pixels() : scaled.pixels();
  auto pixels = out.mutable_pixels();
  const auto w = static_cast<std::size_t>(shown_width_);
  const auto h = static_cast<std::size_t>(shown_height_);
  const std::size_t left = (static_cast<std::size_t>(width_) - w) / 2;
  for (std::size_t y = 0; y < h; ++y) {
    for (std::size_t x = 0; x < w; ++x) {
      const std::size_t from =
          larger ? (source_y(static_cast<int>(y)) * static_cast<std::size_t>(frame.width) +
                    source_x(static_cast<int>(x))) * 3
                 : (y * w + x) * 3;
      const std::size_t to = (y * static_cast<std::size_t>(width_) + left + x) * 3;
      const std::uint8_t number = shown[y * w + x];
      if (number == 0) {
        std::copy_n(&in[from], 3, &pixels[to]);
        continue;
      }
      const bool border = (x > 0 && shown[y * w + x - 1] != number) ||
                          (x + 1 < w && shown[y * w + x + 1] != number) ||
                          (y > 0 && shown[(y - 1) * w + x] != number) ||
                          (y + 1 < h && shown[(y + 1) * w + x] != number);
      const unsigned share = border ? 255 : 128;
      const preprocess::Rgb colour = preprocess::object_color(number);
      const std::uint8_t over[] = {colour.r, colour.g, colour.b};
      for (std::size_t k = 0; k < 3; ++k)
        pixels[to + k] =
            static_cast<std::uint8_t>((in[from + k] * (255 - share) + over[k] * share) / 255);
    }
  }
  for (const Placed& placed : legend_) {
    int x = placed.x;
    if (placed.entry.number > 0) {
      const preprocess::Rgb colour = preprocess::object_color(placed.entry.number);
      for (int dy = 0; dy < kSwatch; ++dy) {
        for (int dx = 0; dx < kSwatch; ++dx) {
          const auto at = (static_cast<std::size_t>(placed.y + dy) * static_cast<std::size_t>(width_) +
                           static_cast<std::size_t>(x + dx)) * 3;
          pixels[at] = colour.r;
          pixels[at + 1] = colour.g;
          pixels[at + 2] = colour.b;
        }
      }
      x += kSwatch + 6;
    }
    pen_.write(out, x, placed.y + kSwatch - 1, placed.entry.text, kLetters);
  }
  return out;
}

}  // namespace desa2va::inference
