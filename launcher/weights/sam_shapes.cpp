#include "launcher/weights/sam_shapes.h"

#include <algorithm>
#include <numeric>

#include <fmt/ranges.h>

#include "common/config/load.h"

namespace desa2va::launcher {
namespace {

using Tensors = std::map<std::string, weights::TensorInfo>;

class Shapes {
 public:
  explicit Shapes(const Tensors& tensors) : tensors_(tensors) {}

  bool has(const std::string& name) const { return tensors_.contains(name); }
  // Side `at` of the tensor; 0, and `missing` set, where it is not there or has fewer.
  std::int64_t side(const std::string& name, std::size_t at) {
    const auto found = tensors_.find(name);
    if (found != tensors_.end() && at < found->second.shape.size()) return found->second.shape[at];
    if (missing.empty()) missing = name;
    return 0;
  }
  // How many of prefix0suffix, prefix1suffix, ... are there.
  std::int64_t count(const std::string& prefix, const std::string& suffix) const {
    std::int64_t n = 0;
    while (tensors_.contains(prefix + std::to_string(n) + suffix)) ++n;
    return n;
  }

  std::string missing;

 private:
  const Tensors& tensors_;
};

// Blocks of each of the stages; a stage begins where the width doubles.
std::vector<std::int64_t> stages_of(Shapes& shapes) {
  std::vector<std::int64_t> stages;
  std::int64_t width = 0;
  const std::string prefix = "image_encoder.trunk.blocks.";
  const std::int64_t blocks = shapes.count(prefix, ".norm2.weight");
  for (std::int64_t b = 0; b < blocks; ++b) {
    const std::int64_t own = shapes.side(fmt::format("{}{}.norm2.weight", prefix, b), 0);
    if (own != width) stages.push_back(0);
    width = own;
    ++stages.back();
  }
  return stages;
}

const config::HieraConfig* published(const config::HieraConfig& sizes, std::string& variant) {
  static const auto table = [] {
    std::map<std::string, config::HieraConfig> all;
    for (const char* name : {"hiera_t", "hiera_s", "hiera_b+", "hiera_l"}) {
      const auto loaded =
          config::load_text(fmt::format("sam2: {{variant: {}}}", name), "variant", {}, "");
      if (loaded) all.emplace(name, loaded->config.model.sam2.hiera);
    }
    return all;
  }();
  for (const auto& [name, hiera] : table) {
    if (hiera.embed_dim != sizes.embed_dim || hiera.stages != sizes.stages) continue;
    variant = name;
    return &hiera;
  }
  return nullptr;
}

// Attention to the whole picture lies in the third stage, spread over its end.
std::vector<std::int64_t> guess_global_blocks(const std::vector<std::int64_t>& stages) {
  if (stages.size() < 3) return {};
  const std::int64_t last = stages[0] + stages[1] + stages[2] - 1;
  const std::int64_t apart = (stages[2] + 2) / 4;
  if (stages[2] < 7) return {last};
  return {last - 2 * apart, last - apart, last};
}

void hiera_keys(const config::HieraConfig& hiera, std::vector<std::string>& keys) {
  const auto key = [&](const std::string& name, const auto& value) {
    keys.push_back(fmt::format("sam2.hiera.{}={}", name, value));
  };
  const auto list = [&](const std::string& name, const auto& value) {
    keys.push_back(fmt::format("sam2.hiera.{}=[{}]", name, fmt::join(value, ", ")));
  };
  key("embed_dim", hiera.embed_dim);
  key("num_heads", hiera.num_heads);
  list("stages", hiera.stages);
  list("window_spec", hiera.window_spec);
  list("global_att_blocks", hiera.global_att_blocks);
  list("pos_embed_bkg", hiera.pos_embed_bkg);
  key("q_pool", hiera.q_pool);
  key("mlp_ratio", hiera.mlp_ratio);
}

}  // namespace

Result<SamShapes> detect_sam(const Tensors& tensors, const config::SamConfig& given) {
  Shapes shapes(tensors);
  config::HieraConfig hiera = given.hiera;
  const std::string trunk = "image_encoder.trunk.";
  hiera.embed_dim = shapes.side(trunk + "pos_embed", 1);
  hiera.pos_embed_bkg = {shapes.side(trunk + "pos_embed", 2), shapes.side(trunk + "pos_embed", 3)};
  const std::int64_t window = shapes.side(trunk + "pos_embed_window", 2);
  hiera.stages = stages_of(shapes);
  const std::int64_t width = shapes.side(trunk + "blocks.0.norm2.weight", 0);
  if (width > 0)
    hiera.mlp_ratio = static_cast<double>(shapes.side(trunk + "blocks.0.mlp.layers.0.weight", 0)) /
                      static_cast<double>(width);
  SamShapes out;
  const auto key = [&](const std::string& name, std::int64_t value) {
    out.keys.push_back(fmt::format("sam2.{}={}", name, value));
  };
  const std::string decoder = "sam_mask_decoder.";
  key("dim", shapes.side("no_mem_embed", 2));
  key("decoder_layers", shapes.count(decoder + "transformer.layers.", ".norm1.weight"));
  key("decoder_mlp_dim", shapes.side(decoder + "transformer.layers.0.mlp.layers.0.weight", 0));
  key("iou_head_depth", shapes.count(decoder + "iou_prediction_head.layers.", ".weight"));
  key("iou_head_hidden_dim", shapes.side(decoder + "iou_prediction_head.layers.0.weight", 0));
  key("mask_in_chans", shapes.side("sam_prompt_encoder.mask_downscaling.3.weight", 0));
  key("mem_dim", shapes.side("maskmem_tpos_enc", 3));
  key("num_maskmem", shapes.side("maskmem_tpos_enc", 0));
  key("mem_layers", shapes.count("memory_attention.layers.", ".norm1.weight"));
  key("mem_mlp_dim", shapes.side("memory_attention.layers.0.linear1.weight", 0));
  out.keys.push_back(shapes.has("obj_ptr_tpos_proj.weight") ? "sam2.version=\"2.1\""
                                                            : "sam2.version=\"2.0\"");
  if (!shapes.missing.empty() || hiera.stages.size() != 4)
    return fail(Errc::InvalidArgument, "is no SAM-2: {}",
                shapes.missing.empty()
                    ? fmt::format("its trunk has {} stages, 4 are known", hiera.stages.size())
                    : fmt::format("tensor '{}' is missing or has fewer sides", shapes.missing));
  std::string variant = "custom";
  if (const auto* known = published(hiera, variant)) {
    hiera = *known;
  } else if (given.variant != "custom" || given.hiera.embed_dim != hiera.embed_dim ||
             given.hiera.stages != hiera.stages || given.hiera.window_spec.empty() ||
             given.hiera.window_spec[0] != window) {
    hiera.num_heads = 1;
    hiera.window_spec = {window, std::max<std::int64_t>(1, window / 2), window, window};
    hiera.global_att_blocks = guess_global_blocks(hiera.stages);
    hiera.q_pool = 3;
    out.guessed = {"sam2.hiera.num_heads", "sam2.hiera.window_spec", "sam2.hiera.global_att_blocks",
                   "sam2.image_size"};
  }
  out.keys.push_back("sam2.variant=" + variant);
  hiera_keys(hiera, out.keys);
  return out;
}

}  // namespace desa2va::launcher
