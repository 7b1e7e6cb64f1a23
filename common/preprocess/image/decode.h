#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/preprocess/image/image.h"

// Encoded pictures to RGB, byte for byte as Pillow's `Image.open(file).convert("RGB")`: JPEG by
// libjpeg-turbo with the accurate integer IDCT and fancy upsampling, PNG by libpng, GIF (first
// picture) by our own reader. EXIF orientation is ignored, alpha is dropped, grey is repeated, CMYK
// is converted as Pillow does. The kind of file is read from its first bytes, never from its name.
namespace desa2va::preprocess {

enum class ImageFormat : std::uint8_t { Unknown, Jpeg, Png, Gif };
std::string_view name(ImageFormat format);  // "JPEG", "PNG", "GIF", "unknown"
ImageFormat image_format(ByteSpan file);

// Larger pictures are refused before anything is allocated for them; Pillow refuses the same.
inline constexpr std::int64_t kMaxImagePixels = 178'956'970;

// Corrupt, with a reason that starts with one of "empty file", "not a picture", "truncated image",
// "damaged image"; InvalidArgument for pictures above the limit. Pure; any thread.
Result<Image> decode_image(ByteSpan file);

struct ImageInfo {
  int width = 0;
  int height = 0;
  ImageFormat format = ImageFormat::Unknown;
  std::string_view mode;  // as Pillow calls it: "RGB", "L", "CMYK", "RGBA", "P", "LA", "I;16", "1"
};
// From the header alone.
Result<ImageInfo> probe_image(ByteSpan file);

// The palette indices of an 8-bit (or smaller) indexed or grey PNG, not its colours.
Result<IndexedImage> decode_indices(ByteSpan png);

}  // namespace desa2va::preprocess
