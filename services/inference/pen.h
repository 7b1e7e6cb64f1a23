#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/preprocess/image/image.h"

namespace desa2va::inference {

// Writes words into pictures with the system's DejaVu Sans; without it pictures have no words.
// Letters that the font lacks are its empty box. Belongs to one thread.
class Pen {
 public:
  Pen();
  ~Pen();
  Pen(Pen&&) noexcept;

  // UTF-8 in letters of `size` pixels, its base line at (x, y); what reaches over the edges is
  // lost.
  void write(preprocess::Image& on, int x, int y, std::string_view text, int size,
             preprocess::Rgb colour = {255, 255, 255}) const;
  // How wide that is, in pixels.
  int width(std::string_view text, int size) const;
  // The text, or as much of its beginning as fits into `room` pixels with "..." after it. Line
  // breaks become blanks.
  std::string fit(std::string_view text, int size, int room) const;

 private:
  struct Face;
  std::unique_ptr<Face> face_;
};

}  // namespace desa2va::inference
