#include <cstdlib>

#include "common/datasets/frame_index.h"
#include "common/datasets/sample.h"
#include "common/storage/shards/layout.h"
#include "common/storage/shards/records.h"

namespace {

using namespace desa2va;

// What was read once is written and read again as the same.
void check_sample(ByteSpan bytes) {
  const auto sample = datasets::decode_sample(bytes);
  if (!sample) return;
  const Buffer canonical = datasets::encode_sample(*sample);
  const auto again = datasets::decode_sample(canonical.bytes());
  if (!again) std::abort();
  if (as_text(datasets::encode_sample(*again).bytes()) != as_text(canonical.bytes())) std::abort();
}

void check_record(ByteSpan bytes) {
  const auto record = shards::decode_sample(bytes);
  if (!record) return;
  const auto again = shards::decode_sample(shards::encode(*record).bytes());
  if (!again || again->key != record->key || again->media != record->media) std::abort();
}

void check_frame_index(ByteSpan bytes) {
  const auto index = datasets::decode_frame_index(bytes);
  if (!index) return;
  const Buffer canonical = datasets::encode_frame_index(*index);
  if (!datasets::decode_frame_index(canonical.bytes())) std::abort();
}

}  // namespace

// The first byte chooses which value of a shard the rest claims to be.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
  switch (data[0] % 5) {
    case 0:
      check_sample(bytes);
      break;
    case 1:
      check_record(bytes);
      break;
    case 2:
      static_cast<void>(shards::decode_costs(bytes));
      break;
    case 3:
      static_cast<void>(shards::decode_location(bytes));
      break;
    default:
      check_frame_index(bytes);
  }
  return 0;
}
