#include "services/inference/draw.h"

#include <algorithm>

#include <ft2build.h>
#include FT_FREETYPE_H

namespace desa2va::inference {
namespace {

constexpr const char* kFont = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";
constexpr int kTitle = 18;  // pixels of a line's letters
constexpr int kHead = 52;   // pixels above the panels
constexpr int kGap = 6;     // between panels

constexpr preprocess::Rgb kTruth = {40, 220, 90};
constexpr preprocess::Rgb kPredicted = {255, 140, 0};

std::uint8_t mix(std::uint8_t under, std::uint8_t over, double share) {
  return static_cast<std::uint8_t>(under * (1 - share) + over * share);
}

// The frame enlarged at (x0, y0), tinted where the mask is set; its border at full strength.
void paste(preprocess::Image& on, int x0, int y0, const preprocess::Image& frame, const Mask* mask,
           int mask_width, int mask_height, preprocess::Rgb colour, int scale) {
  const auto in = frame.pixels();
  auto out = on.mutable_pixels();
  const auto set = [&](int x, int y) {
    const int mx = std::clamp(x * mask_width / (frame.width * scale), 0, mask_width - 1);
    const int my = std::clamp(y * mask_height / (frame.height * scale), 0, mask_height - 1);
    return (*mask)[static_cast<std::size_t>(my) * static_cast<std::size_t>(mask_width) +
                   static_cast<std::size_t>(mx)] != 0;
  };
  for (int y = 0; y < frame.height * scale; ++y) {
    for (int x = 0; x < frame.width * scale; ++x) {
      const auto from = static_cast<std::size_t>((y / scale) * frame.width + x / scale) * 3;
      const auto to = static_cast<std::size_t>((y0 + y) * on.width + x0 + x) * 3;
      double share = 0;
      if (mask != nullptr && set(x, y)) {
        const bool border = !set(x - 1, y) || !set(x + 1, y) || !set(x, y - 1) || !set(x, y + 1);
        share = border ? 1 : 0.55;
      }
      out[to] = mix(in[from], colour.r, share);
      out[to + 1] = mix(in[from + 1], colour.g, share);
      out[to + 2] = mix(in[from + 2], colour.b, share);
    }
  }
}

}  // namespace

struct Pen::Face {
  FT_Library library = nullptr;
  FT_Face face = nullptr;
  ~Face() {
    if (face != nullptr) FT_Done_Face(face);
    if (library != nullptr) FT_Done_FreeType(library);
  }
};

Pen::Pen() : face_(std::make_unique<Face>()) {
  if (FT_Init_FreeType(&face_->library) != 0) return;
  if (FT_New_Face(face_->library, kFont, 0, &face_->face) != 0) face_->face = nullptr;
}
Pen::~Pen() = default;

void Pen::write(preprocess::Image& on, int x, int y, const std::string& text, int pixels) const {
  if (face_->face == nullptr) return;
  FT_Set_Pixel_Sizes(face_->face, 0, static_cast<FT_UInt>(pixels));
  auto out = on.mutable_pixels();
  for (const char c : text) {
    if (FT_Load_Char(face_->face, static_cast<unsigned char>(c), FT_LOAD_RENDER) != 0) continue;
    const FT_GlyphSlot glyph = face_->face->glyph;
    for (int row = 0; row < static_cast<int>(glyph->bitmap.rows); ++row) {
      for (int column = 0; column < static_cast<int>(glyph->bitmap.width); ++column) {
        const int px = x + glyph->bitmap_left + column;
        const int py = y - glyph->bitmap_top + row;
        if (px < 0 || py < 0 || px >= on.width || py >= on.height) continue;
        const double share = glyph->bitmap.buffer[row * glyph->bitmap.pitch + column] / 255.0;
        const auto at = static_cast<std::size_t>(py * on.width + px) * 3;
        for (std::size_t k = 0; k < 3; ++k) out[at + k] = mix(out[at + k], 255, share);
      }
    }
    x += static_cast<int>(glyph->advance.x >> 6);
  }
}

preprocess::Image Pen::panels(const preprocess::Image& frame, const Mask& truth,
                              const Mask& prediction, int mask_width, int mask_height,
                              const std::string& sentence, const std::string& note,
                              int scale) const {
  const int width = 3 * frame.width * scale + 2 * kGap;
  const int height = kHead + frame.height * scale;
  preprocess::Image out = preprocess::Image::allocate((width + 1) / 2 * 2, (height + 1) / 2 * 2);
  std::ranges::fill(out.mutable_pixels(), std::uint8_t{24});
  const int step = frame.width * scale + kGap;
  paste(out, 0, kHead, frame, nullptr, 1, 1, {}, scale);
  paste(out, step, kHead, frame, &truth, mask_width, mask_height, kTruth, scale);
  paste(out, 2 * step, kHead, frame, &prediction, mask_width, mask_height, kPredicted, scale);
  write(out, 6, 20, sentence, kTitle);
  write(out, 6, 44, "frame", 13);
  write(out, step, 44, "named object", 13);
  write(out, 2 * step, 44, "prediction  " + note, 13);
  return out;
}

}  // namespace desa2va::inference
