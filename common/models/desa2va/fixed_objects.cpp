#include "common/models/desa2va/fixed_objects.h"

#include <algorithm>
#include <numeric>

#include "common/base/random.h"

namespace desa2va::models {

DecoderEntries fix_objects(std::span<const SampleCounts> samples, std::int64_t fixed_objects,
                           const DrawObjects& draw) {
  DecoderEntries entries;
  std::int64_t prompt_base = 0, mask_base = 0, frame_base = 0, draws = 0;
  for (std::size_t sample = 0; sample < samples.size(); ++sample) {
    const auto& counts = samples[sample];
    const std::int64_t usable = std::min(counts.prompts, counts.objects);
    for (std::int64_t frame = 0; frame < counts.frames && usable > 0; ++frame) {
      std::vector<std::int64_t> kept;
      if (usable > fixed_objects) {
        kept = draw(draws++, static_cast<std::int64_t>(sample), frame, usable);
      } else {
        kept.resize(static_cast<std::size_t>(usable));
        std::iota(kept.begin(), kept.end(), 0);
      }
      for (std::int64_t i = 0; i < fixed_objects; ++i) {
        const std::int64_t object = kept[static_cast<std::size_t>(i) % kept.size()];
        entries.prompt_index.push_back(prompt_base + object);
        entries.mask_index.push_back(mask_base + object * counts.frames + frame);
        entries.frame_index.push_back(frame_base + frame);
      }
    }
    prompt_base += counts.prompts;
    mask_base += counts.objects * counts.frames;
    frame_base += counts.frames;
  }
  return entries;
}

DrawObjects counter_draws(std::uint64_t seed, std::uint32_t microbatch) {
  return [seed, microbatch](std::int64_t, std::int64_t sample, std::int64_t frame,
                            std::int64_t objects) {
    const Random random(seed, "objects", std::to_string(sample), microbatch);
    std::vector<std::int64_t> order(static_cast<std::size_t>(objects));
    std::iota(order.begin(), order.end(), 0);
    random.shuffle(std::span(order), static_cast<std::uint64_t>(frame * objects));
    return order;
  };
}

}  // namespace desa2va::models
