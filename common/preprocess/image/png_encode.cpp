#include <algorithm>
#include <array>
#include <csetjmp>
#include <string>
#include <vector>

#include <png.h>

#include "common/preprocess/image/encode.h"

namespace desa2va::preprocess {

namespace {

struct PngWriter {
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::string message;
  std::vector<std::byte> bytes;
  // What to write.
  const std::uint8_t* pixels = nullptr;
  int width = 0;
  int height = 0;
  int channels = 0;
  std::vector<png_color> palette;
};

[[noreturn]] void leave_png_writer(png_structp png, png_const_charp message) {
  static_cast<PngWriter*>(png_get_error_ptr(png))->message = message;
  png_longjmp(png, 1);
}
void ignore_writer_warning(png_structp, png_const_charp) {}

void append_bytes(png_structp png, png_bytep data, std::size_t count) {
  auto& bytes = static_cast<PngWriter*>(png_get_io_ptr(png))->bytes;
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  bytes.insert(bytes.end(), begin, begin + count);
}
void flush_nothing(png_structp) {}

// Left by longjmp on failure; owns nothing.
bool run_png_writer(PngWriter& writer) {
  if (setjmp(png_jmpbuf(writer.png)) != 0) return false;
  png_set_write_fn(writer.png, &writer, append_bytes, flush_nothing);
  png_set_IHDR(writer.png, writer.info, static_cast<png_uint_32>(writer.width),
               static_cast<png_uint_32>(writer.height), 8,
               writer.channels == 3     ? PNG_COLOR_TYPE_RGB
               : writer.palette.empty() ? PNG_COLOR_TYPE_GRAY
                                        : PNG_COLOR_TYPE_PALETTE,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!writer.palette.empty())
    png_set_PLTE(writer.png, writer.info, writer.palette.data(),
                 static_cast<int>(writer.palette.size()));
  png_write_info(writer.png, writer.info);
  const std::size_t stride =
      static_cast<std::size_t>(writer.width) * static_cast<std::size_t>(writer.channels);
  for (int y = 0; y < writer.height; ++y)
    png_write_row(writer.png, writer.pixels + static_cast<std::size_t>(y) * stride);
  png_write_end(writer.png, writer.info);
  return true;
}

Result<Buffer> write_png(PngWriter& writer) {
  if (writer.width < 1 || writer.height < 1)
    return fail(Errc::InvalidArgument, "PNG of {}x{} pixels: sides must be positive", writer.width,
                writer.height);
  writer.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &writer, leave_png_writer,
                                       ignore_writer_warning);
  writer.info = png_create_info_struct(writer.png);
  const bool done = run_png_writer(writer);
  png_destroy_write_struct(&writer.png, &writer.info);
  if (!done) return fail(Errc::Internal, "PNG encoder: {}", writer.message);
  return Buffer::copy_of(writer.bytes);
}

}  // namespace

Rgb object_color(int number) {
  // Bit k of r, g, b comes from bits 3k, 3k+1, 3k+2 of the number, highest first: the PASCAL VOC
  // colour map.
  Rgb color;
  auto rest = static_cast<unsigned>(number) & 0xffU;
  for (unsigned bit = 8; bit-- > 0; rest >>= 3U) {
    color.r = static_cast<std::uint8_t>(color.r | ((rest & 1U) << bit));
    color.g = static_cast<std::uint8_t>(color.g | (((rest >> 1U) & 1U) << bit));
    color.b = static_cast<std::uint8_t>(color.b | (((rest >> 2U) & 1U) << bit));
  }
  return color;
}

Result<Buffer> encode_png(const Image& image) {
  PngWriter writer;
  writer.pixels = image.pixels().data();
  writer.width = image.width;
  writer.height = image.height;
  writer.channels = 3;
  return write_png(writer);
}

Result<Buffer> encode_png(const IndexedImage& image, std::span<const Rgb> palette) {
  PngWriter writer;
  if (palette.empty()) {
    for (int i = 0; i < 256; ++i) {
      const Rgb color = object_color(i);
      writer.palette.push_back({color.r, color.g, color.b});
    }
  }
  for (const Rgb& color : palette) writer.palette.push_back({color.r, color.g, color.b});
  const std::size_t highest =
      image.indices.empty() ? 0 : *std::max_element(image.indices.begin(), image.indices.end());
  if (writer.palette.size() > 256 || highest >= writer.palette.size())
    return fail(Errc::InvalidArgument, "palette of {} colours for an index of {}: up to 256",
                writer.palette.size(), highest);
  writer.pixels = image.indices.data();
  writer.width = image.width;
  writer.height = image.height;
  writer.channels = 1;
  return write_png(writer);
}

Result<Buffer> encode_grey_png(const IndexedImage& image) {
  PngWriter writer;
  writer.pixels = image.indices.data();
  writer.width = image.width;
  writer.height = image.height;
  writer.channels = 1;
  return write_png(writer);
}

}  // namespace desa2va::preprocess
