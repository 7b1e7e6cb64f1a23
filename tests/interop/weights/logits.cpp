#include <cstdio>
#include <filesystem>

#include <ATen/core/Tensor.h>
#include <ATen/ops/linear.h>

#include "common/config/load.h"
#include "common/models/desa2va/decoupler.h"
#include "common/models/mllm/mllm.h"
#include "common/storage/checkpoint/catalog.h"
#include "common/storage/checkpoint/checkpoint_reader.h"
#include "common/storage/checkpoint/compare.h"
#include "common/tensor/bridge.h"
#include "common/tensor/gradients.h"
#include "common/tensor/guarded.h"
#include "common/weights/safetensors.h"
#include "common/weights/safetensors_writer.h"

// weights_logits RUN INPUT.safetensors FOLDER: what the model of a run computes, LoRA unmerged.
// INPUT has ids (B, L), lengths (B), tiles (N, 3, S, S) normalised, tiles_per_sample (B), all rows
// without labels, and tokens [img_context, seg]. FOLDER/model.safetensors gets logits (B, L, V),
// image_embeds, seg_hidden and h_v, the visual prompts of the [SEG] states.
namespace {

using namespace desa2va;

void load(const models::NamedTensors& into, const checkpoint::CheckpointReader& reader) {
  std::map<std::string, HostTensor> values;
  for (const auto& [name, tensor] : into) {
    auto value = reader.read(name);
    TORCH_CHECK(value.has_value(), value ? "" : value.error().message());
    values.emplace(name, std::move(*value));
  }
  models::load(into, values);
}

std::vector<weights::TensorToWrite> compute(const config::Config& config,
                                            const checkpoint::CheckpointReader& reader,
                                            const std::map<std::string, HostTensor>& in) {
  const tensor::NoGradient no_gradient;
  const auto tokens = in.at("tokens").values<std::int64_t>();
  models::Mllm mllm(config.model.vit, config.model.llm, {tokens[0], tokens[1]});
  load(mllm.named_tensors(), reader);
  models::DecouplerModel decoupler(config.model, models::ModelParts::of("desa2va"));
  load(decoupler.named_parameters(), reader);
  const auto counts = in.at("tiles_per_sample").values<std::int64_t>();
  const at::Tensor ids = tensor::from_host(in.at("ids"));
  const auto out = mllm.forward({ids,
                                 ids.new_full(ids.sizes(), -100),
                                 tensor::from_host(in.at("lengths")),
                                 tensor::from_host(in.at("tiles")),
                                 {counts.begin(), counts.end()}},
                                {});
  const auto head =
      mllm.named_tensors().at("mllm.model.language_model.base_model.model.lm_head.weight");
  const auto prompts = decoupler.forward(out.seg_hidden, out.seg_hidden);
  std::vector<weights::TensorToWrite> results;
  const auto add = [&](const char* name, const at::Tensor& value) {
    results.push_back(weights::to_write(name, tensor::copy_to_host(value.contiguous())));
  };
  add("logits", at::linear(out.hidden, head));
  add("image_embeds", out.image_embeds);
  add("seg_hidden", out.seg_hidden);
  add("h_v", prompts.h_v);
  return results;
}

Result<void> run(const std::string& run, const std::string& input, const std::string& folder) {
  DESA2VA_ASSIGN(const auto address, checkpoint::parse_address(run));
  DESA2VA_ASSIGN(auto manifest, checkpoint::load(address));
  DESA2VA_ASSIGN(const auto loaded, config::load_text(manifest.config, run, {}, ""));
  DESA2VA_ASSIGN(const auto reader,
                 checkpoint::CheckpointReader::open(address.store, std::move(manifest)));
  DESA2VA_ASSIGN(const auto file, weights::read_safetensors(input));
  DESA2VA_ASSIGN(const auto results,
                 tensor::guarded([&] { return compute(loaded.config, reader, file.tensors); }));
  std::filesystem::create_directories(folder);
  DESA2VA_ASSIGN([[maybe_unused]] const auto written, weights::write_safetensors(folder, results));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: weights_logits RUN INPUT.safetensors FOLDER\n", stderr);
    return 2;
  }
  const auto done = run(argv[1], argv[2], argv[3]);
  if (done) return 0;
  std::fprintf(stderr, "weights_logits: %s\n", done.error().message().c_str());
  return 70;
}
