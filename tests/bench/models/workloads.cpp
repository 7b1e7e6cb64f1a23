#include <ATen/Functions.h>

#include "common/models/internvit/internvit.h"
#include "common/models/qwen2/qwen2.h"
#include "common/models/sam2/sam2_model.h"
#include "common/models/sam2/tracker.h"
#include "common/models/weights/initialise.h"
#include "common/tensor/gradients.h"
#include "tests/bench/models/worker.h"

// The modules at the sizes of the published models. Weights are PyTorch's defaults.
namespace desa2va::bench {
namespace {

using Iteration = std::function<void()>;

at::ScalarType type_of(const std::string& dtype) {
  return dtype == "bf16" ? at::kBFloat16 : at::kFloat;
}

at::Tensor noise(at::IntArrayRef shape) {
  auto x = at::empty(shape);
  models::fill(x, "noise", 1, models::Fill::uniform(1));
  return x;
}

// Fills what no rule of PyTorch's covers with small numbers.
void give_weights(const torch::nn::Module& module) {
  for (const auto& [name, tensor] : models::named_tensors(module))
    models::fill(tensor, name, 3, models::Fill::uniform(tensor.dim() > 1 ? 0.02 : 1));
}

Iteration internvit(const std::string& dtype) {
  auto vit = std::make_shared<models::InternVit>(config::VitConfig{});
  give_weights(*vit);
  vit->to(type_of(dtype));
  const auto pixels = noise({1, 3, 448, 448});
  return [vit, pixels] {
    const tensor::NoGradient no_gradient;
    vit->forward(pixels);
  };
}

Iteration qwen2(const std::string& dtype, bool recompute) {
  constexpr std::int64_t kLength = 1024, kLabels = 128;
  const config::LlmConfig config;
  auto llm = std::make_shared<models::Qwen2>(config);
  give_weights(*llm);
  llm->to(type_of(dtype));
  std::set<std::string> names;
  std::vector<at::Tensor> trained;
  const auto tensors = models::named_tensors(*llm);
  for (const auto& [name, tensor] : tensors) {
    if (name.find("lora_") == std::string::npos) continue;
    names.insert(name);
    trained.push_back(tensor);
  }
  models::enable_gradients(tensors, names);
  const auto ids = at::arange(kLength).view({1, kLength});
  auto labels = ids.clone();
  labels.slice(1, 0, kLength - kLabels).fill_(-100);
  const models::LoraPass pass{true, {config.lora.dropout, 42, 1, config.max_length}, recompute};
  return [=] {
    const auto loss = llm->loss(llm->forward(llm->embed(ids), pass), labels);
    tensor::gradients({loss}, {at::ones({})}, trained);
  };
}

Iteration hiera(const std::string& dtype) {
  auto encoder = std::make_shared<models::sam2::ImageEncoder>(config::HieraConfig{}, 256);
  give_weights(*encoder);
  encoder->to(type_of(dtype));
  const auto image = noise({1, 3, 1024, 1024});
  return [encoder, image] {
    const tensor::NoGradient no_gradient;
    encoder->forward(image);
  };
}

// Five frames with five prompts each, as a step of the recipe has them.
Iteration mask_decoder(const std::string& dtype) {
  constexpr std::int64_t kFrames = 5, kObjects = 5;
  auto decoder = std::make_shared<models::sam2::MaskDecoder>(config::SamConfig{});
  give_weights(*decoder);
  const auto type = type_of(dtype);
  decoder->compute_in(type);
  std::vector<at::Tensor> trained;
  for (const auto& [name, tensor] : models::named_tensors(*decoder)) {
    if (name.find("_head.") != std::string::npos) continue;  // no gradient reaches the scores
    trained.push_back(tensor.requires_grad_(true));
  }
  models::sam2::DecoderInput input;
  input.src = noise({kFrames, 256, 64, 64}).to(type);
  input.p1 = noise({kFrames, 256, 256, 256}).to(type);
  input.p2 = noise({kFrames, 256, 128, 128}).to(type);
  input.image_pe = noise({1, 256, 64, 64});
  input.sparse = noise({kFrames * kObjects, 3, 256}).requires_grad_(true);
  input.dense = noise({1, 256, 1, 1});
  input.frame_index = at::arange(kFrames).repeat_interleave(kObjects);
  trained.push_back(input.sparse);
  return [=] {
    const auto selected = decoder->select(decoder->forward(input), /*argmax_iou=*/true);
    tensor::gradients({selected.logits.mean()}, {at::ones({})}, trained);
  };
}

// Hiera-T, one object, memories full: one frame after another.
Iteration tracking(const std::string&) {
  config::SamConfig config;
  config.hiera.embed_dim = 96;
  config.hiera.num_heads = 1;
  config.hiera.stages = {1, 2, 7, 2};
  config.hiera.global_att_blocks = {5, 7, 9};
  config.hiera.window_spec = {8, 4, 14, 7};
  auto model = std::make_shared<models::sam2::Sam2Model>(config);
  give_weights(*model);
  const auto image = noise({1, 3, 1024, 1024});
  const auto features = [model, image](std::int64_t) {
    return model->image_encoder->forward(image).levels;
  };
  auto tracker = std::make_shared<models::sam2::Tracker>(
      *model, config, models::sam2::TrackerOptions{}, 1000, features);
  const tensor::NoGradient no_gradient;
  tracker->prompt_points(0, at::full({1, 1, 2}, 512.0), at::ones({1, 1}, at::kLong));
  tracker->encode_prompted();
  auto frame = std::make_shared<std::int64_t>(1);
  const auto next = [model, tracker, frame] {
    const tensor::NoGradient inside;
    tracker->track((*frame)++);
  };
  for (int i = 0; i < 7; ++i) next();
  return next;
}

}  // namespace

const std::map<std::string, Workload>& workloads() {
  static const std::map<std::string, Workload> all = {
      {"internvit", internvit},
      {"qwen2", [](const std::string& dtype) { return qwen2(dtype, false); }},
      {"qwen2_recompute", [](const std::string& dtype) { return qwen2(dtype, true); }},
      {"hiera", hiera},
      {"mask_decoder", mask_decoder},
      {"tracking", tracking}};
  return all;
}

}  // namespace desa2va::bench
