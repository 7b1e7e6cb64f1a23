#pragma once

#include <cstdint>
#include <span>
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

Buffer encode(const SampleRecord& sample);
Buffer encode(std::span<const SampleCost> costs);

// Corrupt when the bytes are no such message or contradict themselves.
Result<SampleRecord> decode_sample(ByteSpan bytes);
Result<std::vector<SampleCost>> decode_costs(ByteSpan bytes);

}  // namespace desa2va::shards
