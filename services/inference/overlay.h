#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/preprocess/image/image.h"
#include "services/inference/pen.h"

// Pictures with their objects in colour and a legend below: what `desa2va segment` draws.
namespace desa2va::inference {

// Strong colours, told apart by eye on photographs; numbers from 1, twelve and then again.
preprocess::Rgb drawing_color(int number);

// One line of the legend. Number 0: words without a colour ("... : no object found").
struct LegendEntry {
  int number = 0;
  std::string text;
};

// Lays out once; then every frame of a video gets the same size. Belongs to one thread.
class Overlay {
 public:
  // `width`, `height`: of the first frame. Pictures above 1920 pixels a side are shown smaller,
  // those below 256 larger.
  Overlay(int width, int height, std::vector<LegendEntry> legend);

  // Sides of what `draw` returns; even.
  int width() const { return width_; }
  int height() const { return height_; }

  // `numbers`: (height, width) of the frame, the object of each pixel, 0: none. A frame of another
  // size than the first is fitted to it.
  preprocess::Image draw(const preprocess::Image& frame,
                         std::span<const std::uint8_t> numbers) const;

 private:
  struct Placed {
    LegendEntry entry;
    int x = 0, y = 0;
  };
  void lay_out(std::vector<LegendEntry> legend);
  void paint(preprocess::Image& out, std::span<const std::uint8_t> picture) const;
  void write_legend(preprocess::Image& out) const;

  int letters_ = 0;  // pixels, as all of these
  int border_ = 1;
  int shown_width_ = 0, shown_height_ = 0;
  int width_ = 0, height_ = 0;
  mutable std::vector<std::uint8_t> shown_;  // the numbers at the size shown; of the last `draw`
  std::vector<Placed> legend_;
  Pen pen_;
};

}  // namespace desa2va::inference
