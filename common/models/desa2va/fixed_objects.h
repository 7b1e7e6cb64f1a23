#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

// Which prompt meets which mask on which frame: the fixed-object rule, a function of integers.
// No LibTorch here, so that any process may know how many entries a microbatch has.
namespace desa2va::models {

// Only samples that have SAM frames, in batch order.
struct SampleCounts {
  std::int64_t prompts = 0;  // [SEG] tokens of the sample
  std::int64_t objects = 0;  // masks on each of its frames
  std::int64_t frames = 0;
};

// Decoder entries, frame-major and object-minor; every frame has `fixed_objects` of them.
struct DecoderEntries {
  std::vector<std::int64_t> prompt_index;  // row of the concatenated [SEG] list
  std::vector<std::int64_t> mask_index;    // row of the concatenated object-major mask rows
  std::vector<std::int64_t> frame_index;   // frame of the microbatch

  std::int64_t size() const { return static_cast<std::int64_t>(frame_index.size()); }
};

// A permutation of 0 .. objects-1 for the `draw`-th frame that has more objects than fit; draws
// count from 0 over the microbatch, in order, so different frames of a video may differ.
// At least the first `fixed_objects` numbers of the permutation are read.
using DrawObjects = std::function<std::vector<std::int64_t>(
    std::int64_t draw, std::int64_t sample, std::int64_t frame, std::int64_t objects)>;

// Per sample, m = min(prompts, objects); a frame with more than `fixed_objects` keeps the first of
// its permutation, one with fewer repeats the whole list and cuts it. m = 0 gives no entries.
DecoderEntries fix_objects(std::span<const SampleCounts> samples, std::int64_t fixed_objects,
                           const DrawObjects& draw);

// The permutations of a run: Philox with site = sample, element = frame (model, "Counter-based
// randomness").
DrawObjects counter_draws(std::uint64_t seed, std::uint32_t microbatch);

}  // namespace desa2va::models
