#include <algorithm>

#include <ATen/ops/argmax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>

#include "common/models/qwen2/qwen2.h"
#include "common/tensor/gradients.h"

namespace desa2va::models {

Generated generate(const Qwen2& model, const at::Tensor& prompt_embeds,
                   const GenerateOptions& options) {
  TORCH_CHECK(prompt_embeds.dim() == 3 && prompt_embeds.size(0) == 1 && prompt_embeds.size(1) > 0,
              "generation starts from one prompt (1, L, D), not ", prompt_embeds.sizes());
  const tensor::NoGradient no_gradient;
  const LoraPass pass;
  KvCache cache;
  Generated out;
  std::vector<at::Tensor> states, logits;
  auto hidden = model.forward(prompt_embeds, pass, &cache);
  out.prompt_hidden = hidden[0];
  auto last = hidden.slice(1, hidden.size(1) - 1);  // (1, 1, D)
  for (std::int64_t n = 0; n < options.max_new_tokens; ++n) {
    const auto scores = model.logits(last).view({-1});
    const auto id = at::argmax(scores).item<std::int64_t>();
    out.ids.push_back(id);
    if (options.keep_logits) logits.push_back(scores);
    if (options.on_token && !options.on_token(id)) break;
    if (std::find(options.stop_ids.begin(), options.stop_ids.end(), id) != options.stop_ids.end() ||
        n + 1 == options.max_new_tokens) {
      break;
    }
    const auto token = at::full({1, 1}, id, prompt_embeds.options().dtype(at::kLong));
    last = model.forward(model.embed(token), pass, &cache);
    states.push_back(last[0]);
  }
  out.hidden = states.empty() ? out.prompt_hidden.slice(0, 0, 0) : at::cat(states, 0);
  if (!logits.empty()) out.logits = at::stack(logits, 0);
  return out;
}

}  // namespace desa2va::models
