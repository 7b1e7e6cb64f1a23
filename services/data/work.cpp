#include "services/data/work.h"

#include <algorithm>

namespace desa2va::data {

namespace {

constexpr std::int64_t kBytesPerToken = 4;    // of English text, about
constexpr std::int64_t kTokensPerTurn = 24;   // a question template, an answer, the words around
constexpr std::int64_t kSamPatch = 16;        // pixels a side of what Hiera attends over
constexpr std::int64_t kPatchesPerToken = 4;  // a frozen encoder's patch against a trained token

}  // namespace

std::uint64_t work_of(const config::Config& config, datasets::SampleKind kind,
                      const shards::SampleCost& cost) {
  using datasets::SampleKind;
  const auto& vit = config.model.vit;
  const std::int64_t side = config.model.sam2.image_size / kSamPatch;
  const std::int64_t frame = side * side / kPatchesPerToken;
  const bool video = kind == SampleKind::VideoRef || kind == SampleKind::VideoQa;
  const bool refers = kind == SampleKind::ImageRef || kind == SampleKind::VideoRef;
  const bool masks = refers || kind == SampleKind::Gcg;

  std::int64_t tiles = 0;
  if (video) {
    tiles = config.data.frames_per_sample;
  } else if (cost.pixels > 0) {  // else text alone
    tiles = vit.max_tiles > 1 ? vit.max_tiles + (vit.use_thumbnail ? 1 : 0) : 1;
  }
  std::int64_t text = cost.text_bytes / kBytesPerToken + cost.objects * kTokensPerTurn;
  if (refers && cost.objects > 0) {  // of all that it has, some are drawn
    text = text * config.data.objects_per_sample / cost.objects;
  }
  const std::int64_t tokens =
      std::min(tiles * vit.tokens_per_tile() + text, config.model.llm.max_length);
  const std::int64_t frames = masks ? (video ? config.data.frames_per_sample : 1) : 0;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(1, tokens + frames * frame));
}

}  // namespace desa2va::data
