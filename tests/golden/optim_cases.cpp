#include <ATen/ops/tensor.h>

#include "common/training/optim/adamw.h"
#include "common/training/optim/norm.h"
#include "common/training/schedule/schedule.h"
#include "tests/golden/registry.h"

// AdamW, clipping and the schedule.
namespace desa2va::golden {
namespace {

void run_optim(Case& c) {
  const auto& config = c.config();
  training::AdamWOptions options;
  options.beta1 = config.at("betas").at(0);
  options.beta2 = config.at("betas").at(1);
  options.eps = config.at("eps");
  options.weight_decay = config.at("weight_decay");
  training::ScheduleConfig schedule;
  schedule.lr = config.at("lr");
  schedule.warmup_ratio = config.at("warmup_ratio");
  schedule.start_factor = config.at("start_factor");
  schedule.accumulation = config.at("accumulation");
  TORCH_CHECK(config.at("eta_min") == 0.0, "the cosine ends at 0");
  const std::int64_t total = config.at("total_iters");
  const bool narrow = config.at("precision") == "bf16_master_fp32";

  training::AdamW::Tensors parameters;  // float32; with bf16 the masters
  for (const auto& [name, value] : c.tensors()) {
    if (!name.starts_with("in/w.")) continue;
    const auto x = name.substr(std::string("in/w.").size());
    parameters[x] = c.stored(name).to(narrow ? at::kBFloat16 : at::kFloat).to(at::kFloat);
  }
  std::vector<double> rates, norms;
  for (std::int64_t t = 0; t < total; ++t) {
    rates.push_back(training::learning_rate(schedule, t, total));
  }
  training::AdamW optimizer(options);
  for (std::int64_t step = 1; step <= config.at("updates").get<std::int64_t>(); ++step) {
    const auto key = std::to_string(step) + ".";
    training::AdamW::Tensors gradients;
    for (const auto& [x, parameter] : parameters) {
      if (c.has("in/grad." + key + x)) gradients[x] = c.stored("in/grad." + key + x);
    }
    norms.push_back(training::global_norm(training::squared_norms(gradients)));
    optimizer.step(parameters, gradients,
                   rates.at(static_cast<std::size_t>(step * schedule.accumulation - 1)),
                   training::clip_factor(norms.back(), config.at("clip_norm")));
    for (const auto& [x, parameter] : parameters) {
      c.out("w." + key + x, parameter.clone());
      if (narrow) c.out("param." + key + x, parameter.to(at::kBFloat16).to(at::kFloat));
    }
  }
  c.out("lr", at::tensor(rates, at::kDouble));
  c.out("grad_norm", at::tensor(norms, at::kDouble));
  for (const auto& [name, value] : optimizer.state()) c.out(name, value);
}

}  // namespace

void add_optim_cases(Registry& registry) {
  registry.module("optim", run_optim);
}

}  // namespace desa2va::golden
