#include "common/models/desa2va/decoupler.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include "common/models/weights/initialise.h"
#include "common/parameters/inventory.h"
#include "common/tensor/gradients.h"

namespace desa2va::models {
namespace {

config::ModelConfig small_config() {
  config::ModelConfig config;
  config.llm.hidden_size = 12;
  config.sam2.dim = 8;
  config.decoupler.adv.hidden = {6, 4};
  config.decoupler.club.hidden = 6;
  config.decoupler.club.mixture_k = 2;
  return config;
}

at::Tensor numbers(const std::string& name, at::IntArrayRef shape) {
  auto x = at::empty(shape);
  fill(x, name, 11, Fill::normal(1));
  return x;
}

DecouplerModel small_decoupler(std::string_view preset = "desa2va") {
  DecouplerModel model(small_config(), ModelParts::of(preset));
  model.initialise(5);
  return model;
}

TEST(Decoupler, StartsAsSa2vaInTheVisualBranch) {
  auto model = small_decoupler();
  const auto prompts = model.forward(numbers("hidden", {3, 12}), numbers("x", {3, 12}));
  EXPECT_TRUE(at::equal(prompts.h_v, prompts.z));
  EXPECT_FALSE(at::allclose(prompts.h_t, prompts.z));
}

TEST(Decoupler, BaselineHasNothingButTheProjector) {
  auto model = small_decoupler("baseline");
  const auto prompts = model.forward(numbers("hidden", {3, 12}), {});
  EXPECT_TRUE(prompts.z.defined());
  EXPECT_FALSE(prompts.h_t.defined() || prompts.h_v.defined() || prompts.h_r.defined());
  EXPECT_FALSE(model.feature_losses(prompts, {}).total.defined());
}

TEST(Decoupler, ParametersAreThoseOfTheInventory) {
  for (const auto preset :
       {config::Preset::Desa2va, config::Preset::Baseline, config::Preset::BaselinePretrain}) {
    const auto kind = parameters::preset_of(preset);
    DecouplerModel model(small_config(), {kind.phase_a || kind.decoupler, kind.decoupler});
    auto own = model.named_parameters();
    for (const auto& parameter : parameters::inventory(small_config(), kind)) {
      if (parameters::owner(parameter.name) != Role::Decoupler) continue;
      ASSERT_TRUE(own.contains(parameter.name)) << parameter.name;
      EXPECT_EQ(own.at(parameter.name).sizes(), at::IntArrayRef(parameter.shape)) << parameter.name;
      own.erase(parameter.name);
    }
    EXPECT_TRUE(own.empty()) << own.begin()->first;
  }
}

TEST(FeatureLosses, AdversarialGradientDoesNotNeedTheVisualReference) {
  auto model = small_decoupler();
  const auto h_t = numbers("t", {4, 8}).requires_grad_(true);
  const auto h_v = numbers("v", {4, 8}).requires_grad_(true);
  const auto gradient = [&](const at::Tensor& v_ref) {
    FeatureContext context;
    context.v_ref = v_ref;
    const auto losses = model.feature_losses({{}, h_t, h_v, numbers("r", {4, 8})}, context);
    return tensor::gradients({losses.total}, {losses.total.detach().clone().fill_(1)}, {h_t})[0];
  };
  EXPECT_TRUE(at::equal(gradient({}), gradient(numbers("ref", {4, 8}))));
}

TEST(FeatureLosses, LeaveNoGradientInTheEstimators) {
  auto model = small_decoupler();
  std::set<std::string> names;
  for (const auto& [name, tensor] : model.named_parameters()) names.insert(name);
  enable_gradients(model.named_parameters(), names);
  const auto prompts = model.forward(numbers("hidden", {4, 12}), numbers("x", {4, 12}));
  FeatureContext context;
  context.fifo_t = numbers("fifo", {5, 8});
  model.feature_losses(prompts, context).total.backward();
  const auto parameters = model.named_parameters();
  for (const auto& name : model.discriminator_names()) {
    EXPECT_FALSE(parameters.at(name).grad().defined()) << name;
  }
  for (const auto& name : model.club_names()) {
    EXPECT_FALSE(parameters.at(name).grad().defined()) << name;
  }
  EXPECT_TRUE(parameters.at("decoupler.linear_text.weight").grad().defined());
  EXPECT_FALSE(parameters.at("decoupler.linear_real_text.weight").grad().defined());
}

TEST(FeatureLosses, MutualInformationWaitsForTheFirstRefresh) {
  auto model = small_decoupler();
  const auto prompts = model.forward(numbers("hidden", {4, 12}), numbers("x", {4, 12}));
  FeatureContext context;
  context.mi_active = false;
  EXPECT_FALSE(model.feature_losses(prompts, context).values.contains("mi"));
  context.mi_active = true;
  EXPECT_TRUE(model.feature_losses(prompts, context).values.contains("mi"));
}

TEST(FeatureLosses, NoRowsGiveNothing) {
  auto model = small_decoupler();
  const auto prompts = model.forward(numbers("hidden", {0, 12}), numbers("x", {0, 12}));
  const auto losses = model.feature_losses(prompts, {});
  EXPECT_FALSE(losses.total.defined());
  EXPECT_TRUE(losses.values.empty());
}

TEST(PushRows, KeepsTheLastRows) {
  const auto rows = at::arange(8).view({4, 2});
  const auto first = push_rows({}, rows, 3);
  EXPECT_TRUE(at::equal(first, rows.slice(0, 1)));
  EXPECT_TRUE(at::equal(push_rows(first, rows.slice(0, 0, 1), 3),
                        at::tensor({4, 5, 6, 7, 0, 1}, at::kLong).view({3, 2})));
}

TEST(AlignWeight, FadesLinearlyAndStaysAtZero) {
  config::DecouplerConfig config;
  config.align_weight = 0.5;
  config.align_until = 0.5;
  EXPECT_DOUBLE_EQ(align_weight(config, 0), 0.5);
  EXPECT_DOUBLE_EQ(align_weight(config, 0.25), 0.25);
  EXPECT_DOUBLE_EQ(align_weight(config, 0.75), 0);
}

TEST(GrlLambda, RisesFromZeroTowardsOneAsInDann) {
  EXPECT_DOUBLE_EQ(grl_lambda({}, 0), 0);
  EXPECT_GT(grl_lambda({}, 1), 0.9999);
  config::AdversarialConfig constant;
  constant.grl_schedule = "constant";
  constant.grl_lambda = 0.3;
  EXPECT_DOUBLE_EQ(grl_lambda(constant, 0.9), 0.3);
}

}  // namespace
}  // namespace desa2va::models
