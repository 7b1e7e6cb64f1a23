#pragma once

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/preprocess/video/index.h"

namespace desa2va::datasets {

// The frame index of a video as a shard keeps it (schemas/shard.capnp, StoredVideoIndex): equal
// indexes give equal bytes. Reading is Corrupt when frames do not ascend or name no packet.
Buffer encode_frame_index(const preprocess::VideoIndex& index);
Result<preprocess::VideoIndex> decode_frame_index(ByteSpan bytes);

}  // namespace desa2va::datasets
