#include "common/preprocess/image/decode.h"

#include "common/preprocess/image/codecs.h"

namespace desa2va::preprocess {

namespace {

bool starts_with(ByteSpan file, std::string_view magic) {
  return as_text(file).substr(0, magic.size()) == magic;
}

Error unknown_picture(ByteSpan file) {
  if (file.empty()) return fail(Errc::Corrupt, "empty file");
  return fail(Errc::Corrupt, "not a picture: {} that begin like no JPEG, PNG or GIF",
              format_bytes(file.size()));
}

}  // namespace

std::string_view name(ImageFormat format) {
  switch (format) {
    case ImageFormat::Jpeg:
      return "JPEG";
    case ImageFormat::Png:
      return "PNG";
    case ImageFormat::Gif:
      return "GIF";
    case ImageFormat::Unknown:
      break;
  }
  return "unknown";
}

ImageFormat image_format(ByteSpan file) {
  if (starts_with(file, "\xff\xd8\xff")) return ImageFormat::Jpeg;
  if (starts_with(file, "\x89PNG\r\n\x1a\n")) return ImageFormat::Png;
  if (starts_with(file, "GIF87a") || starts_with(file, "GIF89a")) return ImageFormat::Gif;
  return ImageFormat::Unknown;
}

Result<void> check_image_size(std::int64_t width, std::int64_t height) {
  if (width < 1 || height < 1)
    return fail(Errc::Corrupt, "damaged image: it claims {}x{} pixels", width, height);
  if (width > kMaxImagePixels / height)
    return fail(Errc::InvalidArgument, "picture of {}x{} pixels: allowed are up to {} pixels",
                width, height, kMaxImagePixels);
  return {};
}

Result<Image> decode_image(ByteSpan file) {
  switch (image_format(file)) {
    case ImageFormat::Jpeg:
      return decode_jpeg(file);
    case ImageFormat::Png:
      return decode_png(file);
    case ImageFormat::Gif:
      return decode_gif(file);
    case ImageFormat::Unknown:
      break;
  }
  return unknown_picture(file);
}

Result<ImageInfo> probe_image(ByteSpan file) {
  switch (image_format(file)) {
    case ImageFormat::Jpeg:
      return probe_jpeg(file);
    case ImageFormat::Png:
      return probe_png(file);
    case ImageFormat::Gif:
      return probe_gif(file);
    case ImageFormat::Unknown:
      break;
  }
  return unknown_picture(file);
}

}  // namespace desa2va::preprocess
