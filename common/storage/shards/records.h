#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/checksum.h"
#include "common/base/result.h"
#include "common/storage/shards/catalog.h"

// The values in a shard and their bytes (schemas/shard.capnp).
namespace desa2va::shards {

// One sample as the store sees it. `payload` is opaque here: a serialised datasets::Sample.
struct SampleRecord {
  std::string key;                 // unique in the dataset, stable over imports: for people
  std::vector<ContentHash> media;  // what the payload points to, in its order; already stored
  std::string broken;              // empty: usable; else why training must not draw it
  Buffer payload;
};

// The displayable frames of one video in the order of presentation, from decoding it at import.
struct FrameIndex {
  std::int32_t time_base_num = 0;  // seconds = pts * num / den
  std::int32_t time_base_den = 1;
  std::int32_t width = 0;  // pixels, as displayed
  std::int32_t height = 0;
  std::int32_t rotation = 0;           // degrees clockwise, a multiple of 90
  std::vector<std::int64_t> pts;       // ascending
  std::vector<std::uint8_t> keyframe;  // 1 where decoding may start; as long as pts
};

Buffer encode(const SampleRecord& sample);
Buffer encode(const FrameIndex& index);
Buffer encode(std::span<const SampleCost> costs);

// Corrupt when the bytes are no such message or contradict themselves.
Result<SampleRecord> decode_sample(ByteSpan bytes);
Result<FrameIndex> decode_frame_index(ByteSpan bytes);
Result<std::vector<SampleCost>> decode_costs(ByteSpan bytes);

}  // namespace desa2va::shards
