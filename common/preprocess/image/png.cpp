#include <csetjmp>
#include <string>
#include <vector>

#include <png.h>

#include "common/preprocess/image/codecs.h"

namespace desa2va::preprocess {

namespace {

// Like libjpeg, libpng leaves by longjmp: `run_*` own nothing, their caller holds it all.
struct PngReader {
  ByteSpan file;
  std::size_t at = 0;
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::string message;
  bool truncated = false;

  std::uint32_t width = 0;
  std::uint32_t height = 0;
  int depth = 0;
  int color = 0;
  std::size_t row_bytes = 0;
  std::vector<std::uint8_t> pixels;
  std::vector<png_bytep> rows;
};

[[noreturn]] void leave_png(png_structp png, png_const_charp message) {
  static_cast<PngReader*>(png_get_error_ptr(png))->message = message;
  png_longjmp(png, 1);
}
void ignore_png_warning(png_structp, png_const_charp) {}

void read_png_bytes(png_structp png, png_bytep out, std::size_t count) {
  auto& reader = *static_cast<PngReader*>(png_get_io_ptr(png));
  if (count > reader.file.size() - reader.at) {
    reader.truncated = true;
    png_error(png, "the file ends early");
  }
  std::copy_n(reinterpret_cast<const std::uint8_t*>(reader.file.data()) + reader.at, count, out);
  reader.at += count;
}

bool run_png_header(PngReader& reader) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_set_read_fn(reader.png, &reader, read_png_bytes);
  png_set_user_limits(reader.png, 1U << 24U, 1U << 24U);
  png_read_info(reader.png, reader.info);
  png_get_IHDR(reader.png, reader.info, &reader.width, &reader.height, &reader.depth, &reader.color,
               nullptr, nullptr, nullptr);
  return true;
}

// After the transforms the caller asked for.
bool run_png_layout(PngReader& reader) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  reader.row_bytes = png_get_rowbytes(reader.png, reader.info);
  return true;
}

bool run_png_pixels(PngReader& reader) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_read_image(reader.png, reader.rows.data());
  png_read_end(reader.png, nullptr);
  return true;
}

class PngDecoder {
 public:
  explicit PngDecoder(ByteSpan file) {
    reader_.file = file;
    reader_.png =
        png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader_, leave_png, ignore_png_warning);
    reader_.info = png_create_info_struct(reader_.png);
  }
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;
  ~PngDecoder() { png_destroy_read_struct(&reader_.png, &reader_.info, nullptr); }

  Result<ImageInfo> header() {
    if (!run_png_header(reader_)) return failure();
    DESA2VA_TRY(check_image_size(reader_.width, reader_.height));
    return ImageInfo{static_cast<int>(reader_.width), static_cast<int>(reader_.height),
                     ImageFormat::Png, mode()};
  }

  // 8-bit RGB, or 16-bit grey (two bytes, high first), as the transforms below leave it.
  Result<void> pixels_as_rgb() {
    png_structp png = reader_.png;
    const bool grey16 = reader_.color == PNG_COLOR_TYPE_GRAY && reader_.depth == 16;
    if (!grey16) {
      if (reader_.color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
      if (reader_.color == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png);
      png_set_strip_16(png);
      png_set_strip_alpha(png);
      png_set_gray_to_rgb(png);
    }
    return read_rows();
  }

  Result<void> pixels_as_indices() {
    png_set_packing(reader_.png);  // one byte a pixel, values unchanged
    return read_rows();
  }

  const PngReader& reader() const { return reader_; }

 private:
  Result<void> read_rows() {
    if (!run_png_layout(reader_)) return failure();
    reader_.pixels.resize(reader_.row_bytes * reader_.height);
    reader_.rows.resize(reader_.height);
    for (std::size_t y = 0; y < reader_.height; ++y)
      reader_.rows[y] = reader_.pixels.data() + y * reader_.row_bytes;
    if (!run_png_pixels(reader_)) return failure();
    return {};
  }

  std::string_view mode() const {
    switch (reader_.color) {
      case PNG_COLOR_TYPE_PALETTE:
        return "P";
      case PNG_COLOR_TYPE_GRAY:
        return reader_.depth == 1 ? "1" : reader_.depth == 16 ? "I;16" : "L";
      case PNG_COLOR_TYPE_GRAY_ALPHA:
        return "LA";
      case PNG_COLOR_TYPE_RGB_ALPHA:
        return "RGBA";
      default:
        return "RGB";
    }
  }

  Error failure() const {
    if (reader_.truncated)
      return fail(Errc::Corrupt, "truncated image: the PNG ends after {} bytes",
                  reader_.file.size());
    return fail(Errc::Corrupt, "damaged image: {}", reader_.message);
  }

  PngReader reader_;
};

}  // namespace

Result<ImageInfo> probe_png(ByteSpan file) {
  return PngDecoder(file).header();
}

Result<Image> decode_png(ByteSpan file) {
  PngDecoder decoder(file);
  DESA2VA_ASSIGN(const ImageInfo size, decoder.header());
  DESA2VA_TRY(decoder.pixels_as_rgb());
  Image image = Image::allocate(size.width, size.height);
  const auto out = image.mutable_pixels();
  const auto& in = decoder.reader().pixels;
  if (in.size() == out.size()) {
    std::copy(in.begin(), in.end(), out.begin());
    return image;
  }
  // 16-bit grey: Pillow cuts such values off at 255 instead of scaling them.
  for (std::size_t i = 0; i < out.size() / 3; ++i) {
    const std::uint8_t value = in[2 * i] != 0 ? 255 : in[2 * i + 1];
    out[3 * i] = out[3 * i + 1] = out[3 * i + 2] = value;
  }
  return image;
}

Result<IndexedImage> decode_indices(ByteSpan file) {
  if (image_format(file) != ImageFormat::Png)
    return fail(Errc::Corrupt, "not a picture: a mask must be a PNG, this is {}",
                file.empty() ? "an empty file" : name(image_format(file)));
  PngDecoder decoder(file);
  DESA2VA_ASSIGN(const ImageInfo size, decoder.header());
  const PngReader& reader = decoder.reader();
  if ((reader.color != PNG_COLOR_TYPE_PALETTE && reader.color != PNG_COLOR_TYPE_GRAY) ||
      reader.depth > 8)
    return fail(Errc::Corrupt,
                "a mask must be an indexed or grey PNG of up to 8 bits, this one has colour type "
                "{} with {} bits",
                reader.color, reader.depth);
  DESA2VA_TRY(decoder.pixels_as_indices());
  return IndexedImage{size.width, size.height, reader.pixels};
}

}  // namespace desa2va::preprocess
