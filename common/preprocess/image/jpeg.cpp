#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include <jpeglib.h>

#include <jerror.h>

#include "common/preprocess/image/codecs.h"
#include "common/preprocess/image/encode.h"

namespace desa2va::preprocess {

namespace {

// libjpeg reports by calling back and wants to be left by longjmp, so the functions that may be
// left this way (`run_*`) own nothing: all they touch lives in a context that their caller holds.
struct JpegError {
  jpeg_error_mgr manager;  // first: libjpeg hands out a pointer to it
  std::jmp_buf leave;
  char message[JMSG_LENGTH_MAX];
  bool truncated;
};

[[noreturn]] void leave_jpeg(j_common_ptr codec) {
  auto* error = reinterpret_cast<JpegError*>(codec->err);
  codec->err->format_message(codec, error->message);
  std::longjmp(error->leave, 1);
}

void ignore_warning(j_common_ptr) {}

void install(JpegError& error) {
  jpeg_std_error(&error.manager);
  error.manager.error_exit = leave_jpeg;
  error.manager.output_message = ignore_warning;
  error.message[0] = '\0';
  error.truncated = false;
}

// A progressive file may repeat scans over the whole picture without end: real ones have a dozen.
constexpr int kMostScans = 500;

struct JpegReader {
  jpeg_decompress_struct codec;
  jpeg_progress_mgr progress;
  jpeg_source_mgr source;
  JpegError error;
  ByteSpan file;
  Image image;
  std::string row;  // CMYK
};

// All bytes are given at the start, so being asked for more means that the file ends early. Pillow
// calls that an error even where nothing but the end marker is missing.
boolean fill_nothing(j_decompress_ptr codec) {
  auto* error = reinterpret_cast<JpegError*>(codec->err);
  error->truncated = true;
  codec->err->msg_code = JERR_INPUT_EOF;
  codec->err->error_exit(reinterpret_cast<j_common_ptr>(codec));
  return FALSE;
}

void skip_bytes(j_decompress_ptr codec, long count) {
  if (count <= 0) return;
  if (static_cast<std::size_t>(count) > codec->src->bytes_in_buffer) {
    fill_nothing(codec);
    return;
  }
  codec->src->next_input_byte += count;
  codec->src->bytes_in_buffer -= static_cast<std::size_t>(count);
}

void nothing_to_do(j_decompress_ptr) {}

void count_scans(j_common_ptr codec) {
  const auto* decoder = reinterpret_cast<j_decompress_ptr>(codec);
  if (decoder->input_scan_number <= kMostScans) return;
  auto* error = reinterpret_cast<JpegError*>(codec->err);
  std::snprintf(error->message, sizeof error->message, "a JPEG of more than %d scans", kMostScans);
  std::longjmp(error->leave, 1);
}

void start(JpegReader& reader) {
  jpeg_create_decompress(&reader.codec);
  reader.source.init_source = nothing_to_do;
  reader.source.fill_input_buffer = fill_nothing;
  reader.source.skip_input_data = skip_bytes;
  reader.source.resync_to_restart = jpeg_resync_to_restart;
  reader.source.term_source = nothing_to_do;
  reader.source.next_input_byte = reinterpret_cast<const JOCTET*>(reader.file.data());
  reader.source.bytes_in_buffer = reader.file.size();
  reader.codec.src = &reader.source;
  reader.progress.progress_monitor = count_scans;
  reader.codec.progress = &reader.progress;
}

std::uint8_t multiply_255(int a, int b) {
  const int product = a * b + 128;
  return static_cast<std::uint8_t>(((product >> 8) + product) >> 8);
}

// Pillow inverts what the file holds (Adobe's convention), then takes K from white and CMY from
// the rest.
void cmyk_to_rgb(const std::uint8_t* in, std::uint8_t* out, int width) {
  for (int x = 0; x < width; ++x, in += 4, out += 3) {
    const int white = in[3];
    for (int c = 0; c < 3; ++c)
      out[c] = static_cast<std::uint8_t>(white - multiply_255(255 - in[c], white));
  }
}

bool run_header(JpegReader& reader) {
  if (setjmp(reader.error.leave) != 0) return false;
  start(reader);
  jpeg_read_header(&reader.codec, TRUE);
  return true;
}

bool run_decode(JpegReader& reader) {
  if (setjmp(reader.error.leave) != 0) return false;
  jpeg_decompress_struct& codec = reader.codec;
  const bool cmyk = codec.jpeg_color_space == JCS_CMYK || codec.jpeg_color_space == JCS_YCCK;
  codec.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
  codec.dct_method = JDCT_ISLOW;
  codec.do_fancy_upsampling = TRUE;
  jpeg_start_decompress(&codec);
  auto* pixels = reader.image.mutable_pixels().data();
  const std::size_t stride = static_cast<std::size_t>(reader.image.width) * 3;
  while (codec.output_scanline < codec.output_height) {
    std::uint8_t* target = pixels + codec.output_scanline * stride;
    auto* row = cmyk ? reinterpret_cast<std::uint8_t*>(reader.row.data()) : target;
    jpeg_read_scanlines(&codec, &row, 1);
    if (cmyk) cmyk_to_rgb(row, target, reader.image.width);
  }
  jpeg_finish_decompress(&codec);
  return true;
}

Error jpeg_failure(const JpegReader& reader) {
  if (reader.error.truncated)
    return fail(Errc::Corrupt, "truncated image: the JPEG ends after {} bytes", reader.file.size());
  return fail(Errc::Corrupt, "damaged image: {}", reader.error.message);
}

// Reads the header into `reader`, whose codec the caller destroys.
Result<ImageInfo> read_jpeg_header(JpegReader& reader, ByteSpan file) {
  reader.file = file;
  install(reader.error);
  reader.codec.err = &reader.error.manager;
  if (!run_header(reader)) return jpeg_failure(reader);
  const auto width = static_cast<std::int64_t>(reader.codec.image_width);
  const auto height = static_cast<std::int64_t>(reader.codec.image_height);
  DESA2VA_TRY(check_image_size(width, height));
  const int channels = reader.codec.num_components;
  return ImageInfo{static_cast<int>(width), static_cast<int>(height), ImageFormat::Jpeg,
                   channels == 1   ? "L"
                   : channels == 4 ? "CMYK"
                                   : "RGB"};
}

struct JpegWriter {
  jpeg_compress_struct codec;
  JpegError error;
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
};

bool run_encode(JpegWriter& writer, const Image& image, int quality) {
  if (setjmp(writer.error.leave) != 0) return false;
  jpeg_compress_struct& codec = writer.codec;
  jpeg_create_compress(&codec);
  jpeg_mem_dest(&codec, &writer.bytes, &writer.size);
  codec.image_width = static_cast<JDIMENSION>(image.width);
  codec.image_height = static_cast<JDIMENSION>(image.height);
  codec.input_components = 3;
  codec.in_color_space = JCS_RGB;
  jpeg_set_defaults(&codec);
  codec.dct_method = JDCT_ISLOW;
  jpeg_set_quality(&codec, quality, TRUE);
  jpeg_start_compress(&codec, TRUE);
  const std::size_t stride = static_cast<std::size_t>(image.width) * 3;
  while (codec.next_scanline < codec.image_height) {
    auto* row = const_cast<std::uint8_t*>(image.pixels().data() + codec.next_scanline * stride);
    jpeg_write_scanlines(&codec, &row, 1);
  }
  jpeg_finish_compress(&codec);
  return true;
}

}  // namespace

Result<ImageInfo> probe_jpeg(ByteSpan file) {
  JpegReader reader{};
  auto size = read_jpeg_header(reader, file);
  jpeg_destroy_decompress(&reader.codec);
  return size;
}

Result<Image> decode_jpeg(ByteSpan file) {
  JpegReader reader{};
  auto size = read_jpeg_header(reader, file);
  bool done = false;
  if (size) {
    reader.image = Image::allocate(size->width, size->height);
    reader.row.resize(static_cast<std::size_t>(size->width) * 4);
    done = run_decode(reader);
  }
  jpeg_destroy_decompress(&reader.codec);
  if (!size) return std::move(size.error());
  if (!done) return jpeg_failure(reader);
  return std::move(reader.image);
}

Result<Buffer> encode_jpeg(const Image& image, int quality) {
  if (quality < 1 || quality > 100)
    return fail(Errc::InvalidArgument, "JPEG quality {}: allowed are 1 to 100", quality);
  if (image.width < 1 || image.height < 1 || image.width > JPEG_MAX_DIMENSION ||
      image.height > JPEG_MAX_DIMENSION)
    return fail(Errc::InvalidArgument, "JPEG of {}x{} pixels: sides are 1 to {}", image.width,
                image.height, JPEG_MAX_DIMENSION);
  JpegWriter writer{};
  install(writer.error);
  writer.codec.err = &writer.error.manager;
  const bool done = run_encode(writer, image, quality);
  jpeg_destroy_compress(&writer.codec);
  const std::shared_ptr<unsigned char> owner(writer.bytes, std::free);
  if (!done) return fail(Errc::Internal, "JPEG encoder: {}", writer.error.message);
  return Buffer::copy_of(
      {reinterpret_cast<const std::byte*>(writer.bytes), static_cast<std::size_t>(writer.size)});
}

}  // namespace desa2va::preprocess
