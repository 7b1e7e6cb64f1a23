#include "services/inference/pen.h"

#include <algorithm>
#include <vector>

#include <ft2build.h>
#include FT_FREETYPE_H

#include "common/preprocess/text/unicode.h"

namespace desa2va::inference {
namespace {

constexpr const char* kFont = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";
constexpr std::size_t kLongest = 1024;  // characters of a line that anyone could see

template <class F>
void each_character(std::string_view text, F&& f) {
  for (std::size_t count = 0; !text.empty() && count < kLongest; ++count) {
    const auto decoded = text::decode_utf8(text);
    text.remove_prefix(static_cast<std::size_t>(decoded.length));
    f(decoded.code);
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
Pen::Pen(Pen&&) noexcept = default;

void Pen::write(preprocess::Image& on, int x, int y, std::string_view text, int size,
                preprocess::Rgb colour) const {
  if (face_->face == nullptr) return;
  FT_Set_Pixel_Sizes(face_->face, 0, static_cast<FT_UInt>(size));
  auto out = on.mutable_pixels();
  const auto mix = [](std::uint8_t under, std::uint8_t over, unsigned share) {
    return static_cast<std::uint8_t>((under * (255 - share) + over * share + 127) / 255);
  };
  each_character(text, [&](char32_t c) {
    if (FT_Load_Char(face_->face, c, FT_LOAD_RENDER) != 0) return;
    const FT_GlyphSlot glyph = face_->face->glyph;
    for (int row = 0; row < static_cast<int>(glyph->bitmap.rows); ++row) {
      for (int column = 0; column < static_cast<int>(glyph->bitmap.width); ++column) {
        const int px = x + glyph->bitmap_left + column;
        const int py = y - glyph->bitmap_top + row;
        if (px < 0 || py < 0 || px >= on.width || py >= on.height) continue;
        const unsigned share = glyph->bitmap.buffer[row * glyph->bitmap.pitch + column];
        const auto at = (static_cast<std::size_t>(py) * static_cast<std::size_t>(on.width) +
                         static_cast<std::size_t>(px)) *
                        3;
        out[at] = mix(out[at], colour.r, share);
        out[at + 1] = mix(out[at + 1], colour.g, share);
        out[at + 2] = mix(out[at + 2], colour.b, share);
      }
    }
    x += static_cast<int>(glyph->advance.x >> 6);
  });
}

int Pen::width(std::string_view text, int size) const {
  if (face_->face == nullptr) return 0;
  FT_Set_Pixel_Sizes(face_->face, 0, static_cast<FT_UInt>(size));
  int width = 0;
  each_character(text, [&](char32_t c) {
    if (FT_Load_Char(face_->face, c, FT_LOAD_DEFAULT) == 0)
      width += static_cast<int>(face_->face->glyph->advance.x >> 6);
  });
  return width;
}

std::string Pen::fit(std::string_view text, int size, int room) const {
  std::string line;
  std::vector<std::size_t> ends;  // of its characters
  each_character(text, [&](char32_t c) {
    text::append_utf8(line, c == U'\n' || c == U'\r' || c == U'\t' ? U' ' : c);
    ends.push_back(line.size());
  });
  if (line.size() >= text.size() && width(line, size) <= room) return line;
  const auto cut = std::ranges::partition_point(
      ends, [&](std::size_t end) { return width(line.substr(0, end) + "...", size) <= room; });
  return line.substr(0, cut == ends.begin() ? 0 : *(cut - 1)) + "...";
}

}  // namespace desa2va::inference
