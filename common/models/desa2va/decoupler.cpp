#include "common/models/desa2va/decoupler.h"

#include <algorithm>
#include <cmath>

#include <ATen/Functions.h>

#include "common/models/desa2va/adversarial.h"
#include "common/models/desa2va/club.h"
#include "common/models/desa2va/ortho.h"
#include "common/models/weights/initialise.h"
#include "common/tensor/gradients.h"

namespace desa2va::models {
namespace {

void add_weighted(at::Tensor& total, const at::Tensor& term, double weight) {
  if (weight == 0) return;
  const auto weighted = term * weight;
  total = total.defined() ? total + weighted : weighted;
}

}  // namespace

struct DecouplerModel::Impl {
  Impl(const config::ModelConfig& model, ModelParts which);

  config::DecouplerConfig config;
  ModelParts parts;
  std::shared_ptr<torch::nn::Module> root = std::make_shared<torch::nn::Module>();
  std::shared_ptr<Linear> fc1, fc2;  // text_hidden_fcs; absent with stem = none
  std::shared_ptr<Linear> linear_text, linear_vision, linear_real_text;
  std::shared_ptr<Discriminator> disc_text, disc_vision;
  std::shared_ptr<Club> club;
};

DecouplerModel::Impl::Impl(const config::ModelConfig& model, ModelParts which)
    : config(model.decoupler), parts(which) {
  const std::int64_t width = model.llm.hidden_size, dim = model.sam2.dim;
  const bool stem = !parts.decoupler || config.stem == "mlp";
  TORCH_CHECK(config.stem == "mlp" || config.stem == "none", "decoupler.stem is '", config.stem,
              "'; choose mlp or none");
  if (stem) {
    auto fcs = root->register_module("text_hidden_fcs", std::make_shared<torch::nn::Module>());
    fc1 = fcs->register_module("0", std::make_shared<Linear>(width, width));
    fc2 = fcs->register_module("2", std::make_shared<Linear>(width, dim));
  }
  if (!parts.text_branch && !parts.decoupler) return;
  auto own = root->register_module("decoupler", std::make_shared<torch::nn::Module>());
  linear_real_text = own->register_module("linear_real_text", std::make_shared<Linear>(width, dim));
  if (!parts.decoupler) return;
  const std::int64_t input = stem ? dim : width;
  linear_text = own->register_module("linear_text", std::make_shared<Linear>(input, dim));
  linear_vision = own->register_module("linear_vision", std::make_shared<Linear>(input, dim));
  const auto& adv = config.adv;
  disc_text = own->register_module(
      "disc_text", std::make_shared<Discriminator>(dim, adv.hidden, adv.leaky_slope));
  disc_vision = own->register_module(
      "disc_vision", std::make_shared<Discriminator>(dim, adv.hidden, adv.leaky_slope));
  club = own->register_module("club", std::make_shared<Club>(dim, dim, config.club));
}

DecouplerModel::DecouplerModel(const config::ModelConfig& config, ModelParts parts)
    : impl_(std::make_unique<Impl>(config, parts)) {}
DecouplerModel::~DecouplerModel() = default;
DecouplerModel::DecouplerModel(DecouplerModel&&) noexcept = default;
DecouplerModel& DecouplerModel::operator=(DecouplerModel&&) noexcept = default;

at::Tensor DecouplerModel::project(const at::Tensor& hidden) {
  const auto& m = *impl_;
  const auto state = hidden.to(at::kFloat);
  return m.fc1 ? m.fc2->forward(at::relu(m.fc1->forward(state))) : state;
}

Prompts DecouplerModel::forward(const at::Tensor& hidden, const at::Tensor& x_real) {
  return split(hidden.defined() ? project(hidden) : at::Tensor(), x_real);
}

Prompts DecouplerModel::split(const at::Tensor& z, const at::Tensor& x_real) {
  const auto& m = *impl_;
  Prompts prompts;
  if (x_real.defined() && m.linear_real_text) {
    prompts.h_r = m.linear_real_text->forward(standardize(x_real.to(at::kFloat)));
  }
  if (!z.defined()) return prompts;
  if (m.parts.decoupler) {
    prompts.h_t = m.linear_text->forward(z);
    prompts.h_v = m.linear_vision->forward(z);
  }
  if (m.fc1) prompts.z = z;
  return prompts;
}

FeatureLosses DecouplerModel::feature_losses(const Prompts& prompts,
                                             const FeatureContext& context) {
  const auto& m = *impl_;
  const auto estimator = context.train_estimators ? Estimator::Trained : Estimator::Frozen;
  FeatureLosses losses;
  const auto& first = m.parts.decoupler ? prompts.h_t : prompts.z;
  if (!first.defined() || first.size(0) == 0) return losses;
  const auto note = [&](const char* name, const at::Tensor& value) {
    losses.values[name] = value.item<double>();
  };

  if (m.parts.decoupler && m.config.adv.objective != "off") {
    const auto adv = adversarial_loss(
        *m.disc_text, *m.disc_vision,
        {reverse_gradient(prompts.h_t, context.grl_lambda),
         reverse_gradient(prompts.h_v, context.grl_lambda), context.v_ref, prompts.h_r},
        m.config.adv.objective, estimator);
    add_weighted(losses.total, adv.loss, m.config.adv.weight);
    note("adv", adv.loss);
    const auto probability = [&](const char* name, const at::Tensor& logit) {
      if (logit.defined()) note(name, at::sigmoid(logit.detach()).mean());
    };
    probability("disc_h_t", adv.logit_h_t);
    probability("disc_h_v", adv.logit_h_v);
    probability("disc_v_ref", adv.logit_v_ref);
    probability("disc_r_ref", adv.logit_r_ref);
  }
  if (m.parts.decoupler) {
    if (context.mi_active) {
      const auto mi = m.club->mi(prompts.h_v, prompts.h_t, context.fifo_t, estimator);
      add_weighted(losses.total, mi.value, m.config.club.weight);
      note("mi_raw", mi.raw);
      note("mi", mi.value);
    }
    if (m.config.ortho_features == "prompt") {
      const auto ortho = ortho_loss(prompts.h_t, prompts.h_v, m.config.ortho_form);
      add_weighted(losses.total, ortho, m.config.ortho_weight);
      note("ortho", ortho);
    }
    note("cos", at::cosine_similarity(prompts.h_t.detach(), prompts.h_v.detach(), 1).abs().mean());
  }
  if (context.align_weight > 0 && prompts.h_r.defined()) {
    const auto target = prompts.h_r.detach();
    auto align = (first - target).square().mean();
    if (m.parts.decoupler && m.config.align_on == "both") {
      align = (align + (prompts.h_v - target).square().mean()) / 2;
    }
    add_weighted(losses.total, align, context.align_weight);
    note("align", align);
  }
  return losses;
}

at::Tensor DecouplerModel::discriminator_loss(const at::Tensor& h_t, const at::Tensor& h_v,
                                              const at::Tensor& v_ref, const at::Tensor& h_r) {
  TORCH_CHECK(impl_->parts.decoupler, "this preset has no discriminators");
  return adversarial_loss(*impl_->disc_text, *impl_->disc_vision,
                          {h_t.detach(), h_v.detach(), v_ref, h_r}, impl_->config.adv.objective,
                          Estimator::Trained)
      .loss;
}

at::Tensor DecouplerModel::club_fit_loss(const at::Tensor& fifo_t, const at::Tensor& fifo_v) {
  TORCH_CHECK(impl_->parts.decoupler, "this preset has no CLUB network");
  return impl_->club->fit_loss(fifo_v, fifo_t);
}

NamedTensors DecouplerModel::named_parameters() const {
  return named_tensors(*impl_->root);
}

void DecouplerModel::initialise(std::uint64_t seed) {
  models::initialise(named_parameters(), seed);
  const tensor::NoGradient no_gradient;
  const auto& m = *impl_;
  if (m.fc2 && m.config.prompt_gain != 1) m.fc2->weight.mul_(m.config.prompt_gain);
  if (m.linear_real_text && m.config.real_text_gain != 1)
    m.linear_real_text->weight.mul_(m.config.real_text_gain);
  if (!m.linear_vision || m.config.init != "identity_vision") return;
  if (m.linear_vision->weight.size(0) == m.linear_vision->weight.size(1)) {
    m.linear_vision->weight.copy_(at::eye(m.linear_vision->weight.size(0)));
    m.linear_vision->bias.zero_();
  }
}

void DecouplerModel::to(const std::string& device) {
  impl_->root->to(at::Device(device));
}

std::vector<std::string> DecouplerModel::discriminator_names() const {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : named_parameters()) {
    if (name.starts_with("decoupler.disc_")) names.push_back(name);
  }
  return names;
}

std::vector<std::string> DecouplerModel::club_names() const {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : named_parameters()) {
    if (name.starts_with("decoupler.club.")) names.push_back(name);
  }
  return names;
}

double grl_lambda(const config::AdversarialConfig& config, double progress) {
  if (config.grl_schedule == "constant") return config.grl_lambda;
  return 2 / (1 + std::exp(-10 * progress)) - 1;
}

double align_weight(const config::DecouplerConfig& config, double progress) {
  if (config.align_until <= 0) return 0;
  return config.align_weight * std::max(0.0, 1 - progress / config.align_until);
}

at::Tensor push_rows(const at::Tensor& old, const at::Tensor& added, std::int64_t capacity) {
  const auto rows = old.defined() ? at::cat({old, added.detach()}, 0) : added.detach();
  const std::int64_t first = std::max<std::int64_t>(0, rows.size(0) - capacity);
  return rows.slice(0, first).clone(at::MemoryFormat::Contiguous);
}

}  // namespace desa2va::models
