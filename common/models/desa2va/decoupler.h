#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "common/config/model.h"
#include "common/models/desa2va/parts.h"
#include "common/models/weights/parameters.h"

// What the decoupler role holds and computes: [SEG] states to prompts, and the losses that pull the
// two prompts apart. Every function throws c10::Error on wrong shapes.
namespace desa2va::models {

// (n, C) each; undefined where the preset has none. `z` is the baseline's prompt.
struct Prompts {
  at::Tensor z, h_t, h_v, h_r;
};

// What the losses of one microbatch read besides its own features: all as of the last commit.
struct FeatureContext {
  at::Tensor v_ref;           // (n, C) or undefined: then the adversarial value lacks that term,
                              // its gradient is the same
  at::Tensor fifo_t, fifo_v;  // (m, C) raw rows, m >= 0, or undefined
  double grl_lambda = 1;      // see `grl_lambda(config, progress)`
  bool mi_active = true;      // false until CLUB's first refresh
  double align_weight = 0;    // as faded; see `align_weight(config, progress)`
  bool train_estimators = false;  // let discriminators and CLUB receive gradients (tests only)
};

// Names: adv, mi_raw, mi, ortho, align (unweighted), disc_{h_t,h_v,v_ref,r_ref} (mean
// probabilities), cos (mean |cos(h_t, h_v)|). `total` carries the weights; undefined when n = 0 or
// nothing is on.
struct FeatureLosses {
  std::map<std::string, double> values;
  at::Tensor total;
};

// Belongs to one thread. Parameter names: text_hidden_fcs.{0,2}.*, decoupler.linear_{text,vision,
// real_text}.*, decoupler.disc_{text,vision}.layers.{0,1,2}.*,
// decoupler.club.{trunk,pi,mu,logvar}.*
class DecouplerModel {
 public:
  DecouplerModel(const config::ModelConfig& config, ModelParts parts);
  ~DecouplerModel();
  DecouplerModel(DecouplerModel&&) noexcept;
  DecouplerModel& operator=(DecouplerModel&&) noexcept;

  // hidden: (n, D) states at the [SEG] positions; x_real: (n, D) or undefined (baseline). Phase A:
  // hidden undefined, x_real (texts, D), and only h_r comes out.
  Prompts forward(const at::Tensor& hidden, const at::Tensor& x_real);
  // The same in two steps: the [SEG] projector, then the linears. With stem = none the first is the
  // identity.
  at::Tensor project(const at::Tensor& hidden);
  Prompts split(const at::Tensor& z, const at::Tensor& x_real);

  // Weighted sum of the feature losses of one microbatch; differentiable in h_t, h_v (align: z).
  // The discriminators and CLUB are frozen in it.
  FeatureLosses feature_losses(const Prompts& prompts, const FeatureContext& context);

  // L_D with gradients into the discriminators only; all rows of an update, detached here.
  at::Tensor discriminator_loss(const at::Tensor& h_t, const at::Tensor& h_v,
                                const at::Tensor& v_ref, const at::Tensor& h_r);
  // -mean log q(t | v) with gradients into CLUB only.
  at::Tensor club_fit_loss(const at::Tensor& fifo_t, const at::Tensor& fifo_v);

  // Handles under full checkpoint names. A new model holds uninitialised memory and asks for no
  // gradients: `initialise` or `load`, then `enable_gradients`.
  NamedTensors named_parameters() const;
  // First weights (model.md 5.15): defaults, W_v = I, init.prompt_gain on the projector,
  // init.real_text_gain on linear_real_text.
  void initialise(std::uint64_t seed);
  // Moves everything ("cuda:0"); float32 always.
  void to(const std::string& device);
  // Names of the parameters that have their own optimizers.
  std::vector<std::string> discriminator_names() const;
  std::vector<std::string> club_names() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// DANN: 2 / (1 + exp(-10 p)) - 1, or the constant; p = training progress in [0, 1).
double grl_lambda(const config::AdversarialConfig& config, double progress);
// align.weight, falling linearly to 0 at p = align.until.
double align_weight(const config::DecouplerConfig& config, double progress);

// The last `capacity` rows of [old; added]; `old` may be undefined. Detached, contiguous.
at::Tensor push_rows(const at::Tensor& old, const at::Tensor& added, std::int64_t capacity);

}  // namespace desa2va::models
