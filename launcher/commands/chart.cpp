#include "launcher/commands/chart.h"

#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <ft2build.h>
#include FT_FREETYPE_H

namespace desa2va::launcher {
namespace {

using preprocess::Rgb;

constexpr const char* kFont = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";
constexpr Rgb kInk = {30, 34, 42};
constexpr Rgb kFaint = {110, 118, 130};
constexpr Rgb kBar = {62, 118, 188};
constexpr Rgb kLine = {214, 218, 224};
constexpr int kPanelWidth = 560;
constexpr int kRow = 17;        // of a bin
constexpr int kPanelHead = 46;  // name and summary
constexpr int kMargin = 16;
constexpr int kTitle = 44;
constexpr int kLabelWidth = 120;
constexpr int kCountWidth = 64;

class Canvas {
 public:
  Canvas(int width, int height) : image_(preprocess::Image::allocate(width, height)) {
    std::ranges::fill(image_.mutable_pixels(), std::uint8_t{255});
    if (FT_Init_FreeType(&library_) == 0 && FT_New_Face(library_, kFont, 0, &face_) != 0)
      face_ = nullptr;
  }
  Canvas(const Canvas&) = delete;
  Canvas& operator=(const Canvas&) = delete;
  ~Canvas() {
    if (face_ != nullptr) FT_Done_Face(face_);
    if (library_ != nullptr) FT_Done_FreeType(library_);
  }

  void fill(int x, int y, int width, int height, Rgb colour) {
    for (int row = y; row < y + height; ++row)
      for (int column = x; column < x + width; ++column) blend(column, row, colour, 255);
  }

  // The base line begins at (x, y), or ends there.
  void write(int x, int y, const std::string& text, int pixels, Rgb colour, bool ends = false) {
    if (face_ == nullptr) return;
    FT_Set_Pixel_Sizes(face_, 0, static_cast<FT_UInt>(pixels));
    if (ends) x -= width_of(text);
    for (const char c : text) {
      if (FT_Load_Char(face_, static_cast<unsigned char>(c), FT_LOAD_RENDER) != 0) continue;
      const FT_GlyphSlot glyph = face_->glyph;
      for (int row = 0; row < static_cast<int>(glyph->bitmap.rows); ++row)
        for (int column = 0; column < static_cast<int>(glyph->bitmap.width); ++column)
          blend(x + glyph->bitmap_left + column, y - glyph->bitmap_top + row, colour,
                glyph->bitmap.buffer[row * glyph->bitmap.pitch + column]);
      x += static_cast<int>(glyph->advance.x >> 6);
    }
  }

  preprocess::Image take() { return std::move(image_); }

 private:
  int width_of(const std::string& text) {
    int width = 0;
    for (const char c : text)
      if (FT_Load_Char(face_, static_cast<unsigned char>(c), FT_LOAD_DEFAULT) == 0)
        width += static_cast<int>(face_->glyph->advance.x >> 6);
    return width;
  }

  void blend(int x, int y, Rgb colour, int share) {
    if (x < 0 || y < 0 || x >= image_.width || y >= image_.height) return;
    auto* pixel = &image_.mutable_pixels()[static_cast<std::size_t>(y * image_.width + x) * 3];
    const std::uint8_t over[3] = {colour.r, colour.g, colour.b};
    for (int k = 0; k < 3; ++k)
      pixel[k] = static_cast<std::uint8_t>((pixel[k] * (255 - share) + over[k] * share) / 255);
  }

  preprocess::Image image_;
  FT_Library library_ = nullptr;
  FT_Face face_ = nullptr;
};

int height_of(const Histogram& histogram) {
  return kPanelHead + kRow * static_cast<int>(std::max<std::size_t>(histogram.bins.size(), 1)) + 18;
}

void draw_panel(Canvas& canvas, int x, int y, const Histogram& histogram) {
  std::string name = histogram.name;
  if (!histogram.unit.empty()) name += fmt::format(" ({})", histogram.unit);
  canvas.write(x, y + 16, name, 15, kInk);
  if (histogram.count == 0) return canvas.write(x, y + 36, "not known", 12, kFaint);
  canvas.write(x, y + 34,
               fmt::format("mean {}   median {}   95 % below {}   {} to {}",
                           short_number(histogram.sum / static_cast<double>(histogram.count)),
                           short_number(histogram.median), short_number(histogram.p95),
                           short_number(histogram.smallest), short_number(histogram.largest)),
               11, kFaint);
  std::uint64_t most = 1;
  for (const auto& bin : histogram.bins) most = std::max(most, bin.count);
  const int room = kPanelWidth - kLabelWidth - kCountWidth - kMargin;
  for (std::size_t i = 0; i < histogram.bins.size(); ++i) {
    const int top = y + kPanelHead + kRow * static_cast<int>(i);
    const auto count = histogram.bins[i].count;
    const int width = static_cast<int>(static_cast<double>(room) * static_cast<double>(count) /
                                       static_cast<double>(most));
    canvas.write(x + kLabelWidth - 8, top + 12, label_of(histogram, i), 11, kInk, true);
    canvas.fill(x + kLabelWidth - 2, top, 1, kRow, kLine);
    canvas.fill(x + kLabelWidth, top + 2, std::max(width, count > 0 ? 1 : 0), kRow - 4, kBar);
    canvas.write(x + kLabelWidth + width + 6, top + 12, fmt::format("{}", count), 11, kFaint);
  }
}

}  // namespace

preprocess::Image draw_chart(const std::string& title, const std::vector<Histogram>& histograms) {
  int height = kTitle + kMargin;
  for (std::size_t i = 0; i < histograms.size(); i += 2) {
    const int right = i + 1 < histograms.size() ? height_of(histograms[i + 1]) : 0;
    height += std::max(height_of(histograms[i]), right);
  }
  Canvas canvas(2 * kPanelWidth + 3 * kMargin, height);
  canvas.write(kMargin, 30, title, 18, kInk);
  int y = kTitle;
  for (std::size_t i = 0; i < histograms.size(); i += 2) {
    draw_panel(canvas, kMargin, y, histograms[i]);
    int taken = height_of(histograms[i]);
    if (i + 1 < histograms.size()) {
      draw_panel(canvas, kPanelWidth + 2 * kMargin, y, histograms[i + 1]);
      taken = std::max(taken, height_of(histograms[i + 1]));
    }
    y += taken;
  }
  return canvas.take();
}

}  // namespace desa2va::launcher
