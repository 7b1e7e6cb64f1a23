#include "services/inference/overlay.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "common/preprocess/image/resize.h"

namespace desa2va::inference {
namespace {

constexpr int kLargest = 1920;   // pixels a side of the picture shown
constexpr int kSmallest = 256;   // of its longer side
constexpr int kNarrowest = 480;  // of the drawing: room for the legend
constexpr int kMargin = 8;
constexpr int kMostLines = 8;
constexpr unsigned kInside = 128;  // of 255: share of the colour

constexpr std::array<preprocess::Rgb, 12> kColours = {{{255, 64, 64},
                                                       {64, 220, 90},
                                                       {60, 130, 255},
                                                       {255, 215, 0},
                                                       {235, 70, 235},
                                                       {0, 220, 220},
                                                       {255, 140, 0},
                                                       {160, 90, 255},
                                                       {150, 255, 60},
                                                       {255, 130, 180},
                                                       {0, 160, 130},
                                                       {190, 150, 90}}};

int even(int value) {
  return (value + 1) / 2 * 2;
}

std::size_t size(int value) {
  return static_cast<std::size_t>(value);
}

}  // namespace

preprocess::Rgb drawing_color(int number) {
  return kColours[static_cast<std::size_t>(std::max(number, 1) - 1) % kColours.size()];
}

Overlay::Overlay(int width, int height, std::vector<LegendEntry> legend) {
  const int longest = std::max(width, height);
  double scale = 1;
  if (longest > kLargest) scale = static_cast<double>(kLargest) / longest;
  if (longest < kSmallest) scale = std::ceil(static_cast<double>(kSmallest) / longest);
  shown_width_ = std::max(1, static_cast<int>(std::lround(width * scale)));
  shown_height_ = std::max(1, static_cast<int>(std::lround(height * scale)));
  width_ = even(std::max(shown_width_, kNarrowest));
  letters_ = std::clamp(width_ / 64, 15, 28);
  border_ = std::max(1, std::max(shown_width_, shown_height_) / 500);
  lay_out(std::move(legend));
}

// From left to right, a new line where the next entry has no room.
void Overlay::lay_out(std::vector<LegendEntry> legend) {
  const int line_height = letters_ + 8;
  const int top = shown_height_ + kMargin;
  int x = kMargin;
  int line = 0;
  std::size_t placed = 0;
  for (; placed < legend.size(); ++placed) {
    LegendEntry entry = legend[placed];
    const int swatch = entry.number > 0 ? letters_ + 6 : 0;
    if (entry.number > 0) entry.text = fmt::format("{}  {}", entry.number, entry.text);
    entry.text = pen_.fit(entry.text, letters_, width_ - 2 * kMargin - swatch);
    const int needed = swatch + pen_.width(entry.text, letters_);
    if (x > kMargin && x + needed > width_ - kMargin) {
      x = kMargin;
      ++line;
    }
    if (line == kMostLines - 1 && placed + 1 < legend.size()) break;
    legend_.push_back({std::move(entry), x, top + line * line_height});
    x += needed + 3 * kMargin;
  }
  if (placed < legend.size())
    legend_.push_back({{0, fmt::format("... and {} more", legend.size() - placed)},
                       kMargin,
                       top + line * line_height});
  height_ = even(shown_height_ + (legend_.empty() ? 0 : (line + 1) * line_height + 2 * kMargin));
}

preprocess::Image Overlay::draw(const preprocess::Image& frame,
                                std::span<const std::uint8_t> numbers) const {
  // Where each pixel shown comes from; a small picture keeps its pixels as squares.
  std::vector<std::size_t> columns(size(shown_width_));
  for (int x = 0; x < shown_width_; ++x)
    columns[size(x)] =
        static_cast<std::size_t>(static_cast<std::int64_t>(x) * frame.width / shown_width_);
  const bool same = frame.width == shown_width_ && frame.height == shown_height_;
  const bool larger = frame.width < shown_width_ && frame.height <= shown_height_;
  preprocess::Image picture = frame;
  if (!same && larger) picture = preprocess::Image::allocate(shown_width_, shown_height_);
  if (!same && !larger) picture = preprocess::resize_bicubic(frame, shown_width_, shown_height_);
  shown_.resize(size(shown_width_) * size(shown_height_));
  for (int y = 0; y < shown_height_; ++y) {
    const auto row =
        static_cast<std::size_t>(static_cast<std::int64_t>(y) * frame.height / shown_height_) *
        size(frame.width);
    for (int x = 0; x < shown_width_; ++x) {
      const std::size_t from = row + columns[size(x)];
      const std::size_t to = size(y) * size(shown_width_) + size(x);
      shown_[to] = numbers[from];
      if (!same && larger)
        std::copy_n(&frame.pixels()[from * 3], 3, &picture.mutable_pixels()[to * 3]);
    }
  }
  preprocess::Image out = preprocess::Image::allocate(width_, height_);
  std::ranges::fill(out.mutable_pixels(), std::uint8_t{24});
  paint(out, picture.pixels());
  write_legend(out);
  return out;
}

void Overlay::paint(preprocess::Image& out, std::span<const std::uint8_t> picture) const {
  auto pixels = out.mutable_pixels();
  const int left = (width_ - shown_width_) / 2;
  for (int y = 0; y < shown_height_; ++y) {
    const std::uint8_t* row = &shown_[size(y) * size(shown_width_)];
    for (int x = 0; x < shown_width_; ++x) {
      const std::size_t from = (size(y) * size(shown_width_) + size(x)) * 3;
      const std::size_t to = (size(y) * size(width_) + size(left + x)) * 3;
      const std::uint8_t number = row[x];
      if (number == 0) {
        std::copy_n(&picture[from], 3, &pixels[to]);
        continue;
      }
      const auto other = [&](int dx, int dy) {
        const int px = x + dx;
        const int py = y + dy;
        if (px < 0 || py < 0 || px >= shown_width_ || py >= shown_height_) return false;
        return shown_[size(py) * size(shown_width_) + size(px)] != number;
      };
      const bool edge =
          other(-border_, 0) || other(border_, 0) || other(0, -border_) || other(0, border_);
      const unsigned share = edge ? 255 : kInside;
      const preprocess::Rgb colour = drawing_color(number);
      const std::array<std::uint8_t, 3> over = {colour.r, colour.g, colour.b};
      for (std::size_t k = 0; k < 3; ++k)
        pixels[to + k] =
            static_cast<std::uint8_t>((picture[from + k] * (255 - share) + over[k] * share) / 255);
    }
  }
}

void Overlay::write_legend(preprocess::Image& out) const {
  auto pixels = out.mutable_pixels();
  for (const Placed& placed : legend_) {
    int x = placed.x;
    if (placed.entry.number > 0) {
      const preprocess::Rgb colour = drawing_color(placed.entry.number);
      for (int dy = 0; dy < letters_; ++dy) {
        for (int dx = 0; dx < letters_; ++dx) {
          const std::size_t at = (size(placed.y + dy) * size(width_) + size(x + dx)) * 3;
          pixels[at] = colour.r;
          pixels[at + 1] = colour.g;
          pixels[at + 2] = colour.b;
        }
      }
      x += letters_ + 6;
    }
    pen_.write(out, x, placed.y + letters_ - 2, placed.entry.text, letters_);
  }
}

}  // namespace desa2va::inference
