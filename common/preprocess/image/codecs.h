#pragma once

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/preprocess/image/decode.h"
#include "common/preprocess/image/image.h"

// One decoder per kind of file; for decode.cpp alone.
namespace desa2va::preprocess {

Result<Image> decode_jpeg(ByteSpan file);
Result<ImageInfo> probe_jpeg(ByteSpan file);
Result<Image> decode_png(ByteSpan file);
Result<ImageInfo> probe_png(ByteSpan file);
Result<Image> decode_gif(ByteSpan file);
Result<ImageInfo> probe_gif(ByteSpan file);

// Refuses sizes that nobody should allocate for.
Result<void> check_image_size(std::int64_t width, std::int64_t height);

}  // namespace desa2va::preprocess
