#include "services/data/work.h"

#include <algorithm>

namespace desa2va::data {

namespace {

constexpr std::int64_t kBytesPerToken = 4;    // of English text, about
constexpr std::int64_t kTokensPerTurn = 24;   // a question template, an answer, the words around
constexpr std::int64_t kSamPatch = 16;        // pixels a side of what Hiera attends over
constexpr std::int64_t kPatchesPerToken = 4;  // a frozen encoder's patch against a trained token

// Tiles as counted at import, or as many as there may be; none for text alone.
std::int64_t tiles_of(const config::Config& config, bool video, const auto& cost) {
  const auto& vit = config.model.vit;
  if (video) return config.data.frames_per_sample;
  if (cost.pixels <= 0) return 0;
  if (vit.max_tiles <= 1) return 1;
  const std::int64_t most = vit.max_tiles + (vit.use_thumbnail ? 1 : 0);
  if constexpr (requires { cost.tiles; }) {
    if (cost.tiles >= 0) return std::min<std::int64_t>(most, cost.tiles);
  }
  return most;
}

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

  // Bytes even where tokens were counted: whether an import had a tokenizer must not change the
  // order.
  std::int64_t text = cost.text_bytes / kBytesPerToken + cost.objects * kTokensPerTurn;
  if (refers && cost.objects > 0) {  // of all that it has, some are drawn
    text = text * config.data.objects_per_sample / cost.objects;
  }
  const std::int64_t tokens = std::min(tiles_of(config, video, cost) * vit.tokens_per_tile() + text,
                                       config.model.llm.max_length);
  const std::int64_t frames = masks ? (video ? config.data.frames_per_sample : 1) : 0;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(1, tokens + frames * frame));
}

}  // namespace desa2va::data
