#include "common/config/layers.h"

namespace desa2va::config {
namespace {

// Sa2VA: one prompt, one decoder, none of the method's losses.
constexpr std::string_view kBaseline = R"(
loss: {w_text: 0, w_fused: 0}
adv: {objective: "off", weight: 0}
club: {weight: 0}
ortho: {weight: 0}
fusion: {mode: visual}
reprompt: {enabled: false}
)";

constexpr std::string_view kHieraTiny = R"(
sam2:
  hiera: {embed_dim: 96, num_heads: 1, stages: [1, 2, 7, 2], window_spec: [8, 4, 14, 7],
          global_att_blocks: [5, 7, 9]}
)";
constexpr std::string_view kHieraSmall = R"(
sam2:
  hiera: {embed_dim: 96, num_heads: 1, stages: [1, 2, 11, 2], window_spec: [8, 4, 14, 7],
          global_att_blocks: [7, 10, 13]}
)";
constexpr std::string_view kHieraBasePlus = R"(
sam2:
  hiera: {embed_dim: 112, num_heads: 2, stages: [2, 3, 16, 3], window_spec: [8, 4, 14, 7],
          global_att_blocks: [12, 16, 20], pos_embed_bkg: [14, 14]}
)";

}  // namespace

std::string_view preset_layer(std::string_view preset) {
  return preset.starts_with("baseline") ? kBaseline : std::string_view();
}

std::string_view variant_layer(std::string_view variant) {
  if (variant == "hiera_t") return kHieraTiny;
  if (variant == "hiera_s") return kHieraSmall;
  if (variant == "hiera_b+") return kHieraBasePlus;
  return {};
}

}  // namespace desa2va::config
