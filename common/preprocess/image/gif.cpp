#include <algorithm>
#include <array>
#include <vector>

#include "common/preprocess/image/codecs.h"

// GIF87a/89a, first picture only: a block structure and an LZW code of up to 12 bits.
namespace desa2va::preprocess {

namespace {

using Palette = std::array<Rgb, 256>;

class GifBytes {
 public:
  explicit GifBytes(ByteSpan file) : file_(file) {}

  Result<std::uint8_t> byte() {
    if (at_ == file_.size())
      return fail(Errc::Corrupt, "truncated image: the GIF ends after {} bytes", file_.size());
    return std::to_integer<std::uint8_t>(file_[at_++]);
  }
  Result<int> word() {  // 16 bits, low byte first
    DESA2VA_ASSIGN(const int low, byte());
    DESA2VA_ASSIGN(const int high, byte());
    return low | high << 8;
  }
  Result<void> skip(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) DESA2VA_TRY(byte());
    return {};
  }
  Result<void> palette(int colors, Palette& out) {
    for (int i = 0; i < colors; ++i) {
      DESA2VA_ASSIGN(out[static_cast<std::size_t>(i)].r, byte());
      DESA2VA_ASSIGN(out[static_cast<std::size_t>(i)].g, byte());
      DESA2VA_ASSIGN(out[static_cast<std::size_t>(i)].b, byte());
    }
    return {};
  }
  // Data comes in blocks of up to 255 bytes, ended by an empty one.
  Result<std::vector<std::uint8_t>> sub_blocks() {
    std::vector<std::uint8_t> data;
    for (;;) {
      DESA2VA_ASSIGN(const std::size_t size, byte());
      if (size == 0) return data;
      for (std::size_t i = 0; i < size; ++i) {
        DESA2VA_ASSIGN(const std::uint8_t value, byte());
        data.push_back(value);
      }
    }
  }

 private:
  ByteSpan file_;
  std::size_t at_ = 0;
};

constexpr int kNoCode = -1;

// Palette indices of the picture, in the order stored; at most `wanted`.
Result<std::vector<std::uint8_t>> expand_lzw(const std::vector<std::uint8_t>& data, int min_bits,
                                             std::size_t wanted) {
  struct Entry {
    std::int16_t prefix;
    std::uint8_t last;
  };
  std::array<Entry, 4096> table{};
  const int clear = 1 << min_bits;
  std::vector<std::uint8_t> out;
  std::vector<std::uint8_t> reversed;
  int next = clear + 2;
  int bits = min_bits + 1;
  int previous = kNoCode;
  std::uint8_t first = 0;  // first index of what the previous code stood for
  std::size_t at = 0;      // in bits
  while (out.size() < wanted) {
    if (at + static_cast<std::size_t>(bits) > data.size() * 8)
      return fail(Errc::Corrupt, "truncated image: the GIF holds {} of {} pixels", out.size(),
                  wanted);
    int code = 0;
    for (int b = 0; b < bits; ++b, ++at) code |= ((data[at / 8] >> (at % 8)) & 1) << b;
    if (code == clear) {
      next = clear + 2;
      bits = min_bits + 1;
      previous = kNoCode;
      continue;
    }
    if (code == clear + 1) break;
    if (code > next || (code == next && previous == kNoCode) ||
        (previous == kNoCode && code >= clear))
      return fail(Errc::Corrupt, "damaged image: GIF code {} of {} known", code, next);
    reversed.clear();
    int walk = code;
    if (code == next) {  // the entry that is just being made: previous and its own first index
      reversed.push_back(first);
      walk = previous;
    }
    for (; walk >= clear; walk = table[static_cast<std::size_t>(walk)].prefix)
      reversed.push_back(table[static_cast<std::size_t>(walk)].last);
    reversed.push_back(static_cast<std::uint8_t>(walk));
    first = reversed.back();
    out.insert(out.end(), reversed.rbegin(), reversed.rend());
    if (previous != kNoCode && next < 4096) {
      table[static_cast<std::size_t>(next++)] = {static_cast<std::int16_t>(previous), first};
      if (next == 1 << bits && bits < 12) ++bits;
    }
    previous = code;
  }
  if (out.size() < wanted)
    return fail(Errc::Corrupt, "truncated image: the GIF holds {} of {} pixels", out.size(),
                wanted);
  out.resize(wanted);
  return out;
}

// The stored rows of an interlaced picture, as row numbers.
std::vector<int> row_order(int height, bool interlaced) {
  std::vector<int> rows;
  const std::array<std::array<int, 2>, 4> passes = {{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};
  if (interlaced) {
    for (const auto& [begin, step] : passes)
      for (int y = begin; y < height; y += step) rows.push_back(y);
  } else {
    for (int y = 0; y < height; ++y) rows.push_back(y);
  }
  return rows;
}

Result<ImageInfo> gif_screen(GifBytes& in, Palette& palette) {
  DESA2VA_TRY(in.skip(6));
  DESA2VA_ASSIGN(const int width, in.word());
  DESA2VA_ASSIGN(const int height, in.word());
  DESA2VA_ASSIGN(const int flags, in.byte());
  DESA2VA_TRY(in.skip(2));  // background, aspect
  if ((flags & 0x80) != 0) DESA2VA_TRY(in.palette(2 << (flags & 7), palette));
  DESA2VA_TRY(check_image_size(width, height));
  return ImageInfo{width, height, ImageFormat::Gif, "P"};
}

Result<void> paint_frame(GifBytes& in, Palette palette, int transparent, Image& image) {
  DESA2VA_ASSIGN(const int left, in.word());
  DESA2VA_ASSIGN(const int top, in.word());
  DESA2VA_ASSIGN(const int width, in.word());
  DESA2VA_ASSIGN(const int height, in.word());
  DESA2VA_ASSIGN(const int flags, in.byte());
  if ((flags & 0x80) != 0) DESA2VA_TRY(in.palette(2 << (flags & 7), palette));
  if (width < 1 || height < 1 || left + width > image.width || top + height > image.height)
    return fail(Errc::Corrupt, "damaged image: a frame of {}x{} at {},{} on a screen of {}x{}",
                width, height, left, top, image.width, image.height);
  DESA2VA_ASSIGN(const int min_bits, in.byte());
  if (min_bits < 1 || min_bits > 8)
    return fail(Errc::Corrupt, "damaged image: GIF codes of {} bits", min_bits);
  DESA2VA_ASSIGN(const auto data, in.sub_blocks());
  const std::size_t pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  DESA2VA_ASSIGN(const auto indices, expand_lzw(data, min_bits, pixels));

  const auto out = image.mutable_pixels();
  const auto put = [&](std::size_t pixel, std::uint8_t index) {
    out[3 * pixel] = palette[index].r;
    out[3 * pixel + 1] = palette[index].g;
    out[3 * pixel + 2] = palette[index].b;
  };
  const auto outside = static_cast<std::uint8_t>(std::max(transparent, 0));
  for (std::size_t i = 0; i < out.size() / 3; ++i) put(i, outside);
  std::size_t at = 0;
  for (const int row : row_order(height, (flags & 0x40) != 0)) {
    const auto start = static_cast<std::size_t>(top + row) * static_cast<std::size_t>(image.width) +
                       static_cast<std::size_t>(left);
    for (int x = 0; x < width; ++x) put(start + static_cast<std::size_t>(x), indices[at++]);
  }
  return {};
}

}  // namespace

Result<ImageInfo> probe_gif(ByteSpan file) {
  GifBytes in(file);
  Palette palette{};
  return gif_screen(in, palette);
}

Result<Image> decode_gif(ByteSpan file) {
  GifBytes in(file);
  Palette palette{};
  DESA2VA_ASSIGN(const ImageInfo size, gif_screen(in, palette));
  Image image = Image::allocate(size.width, size.height);
  int transparent = -1;
  for (;;) {
    DESA2VA_ASSIGN(const int block, in.byte());
    if (block == 0x2c) {
      DESA2VA_TRY(paint_frame(in, palette, transparent, image));
      return image;
    }
    if (block != 0x21)
      return fail(Errc::Corrupt, "damaged image: GIF block {} before the first picture", block);
    DESA2VA_ASSIGN(const int label, in.byte());
    DESA2VA_ASSIGN(const auto extension, in.sub_blocks());
    if (label == 0xf9 && extension.size() >= 4 && (extension[0] & 1) != 0)
      transparent = extension[3];
  }
}

}  // namespace desa2va::preprocess
