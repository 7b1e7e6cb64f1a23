#include "common/training/state/trained_state.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <gtest/gtest.h>

#include "common/training/state/options.h"
#include "tests/support/tensor_matchers.h"

namespace desa2va::training {
namespace {

constexpr double kLr = 1e-4;

// "a" trains in A and is frozen after; "b" trains from B on; "c" never.
bool trains(const std::string& name, Phase phase) {
  return phase == Phase::A ? name == "a" : name == "b";
}

models::NamedTensors three(double value) {
  return {{"a", at::full({3}, value)}, {"b", at::full({2}, value)}, {"c", at::full({1}, value)}};
}

config::TrainConfig narrow() {
  config::TrainConfig train;
  train.precision = config::Precision::Bf16MasterFp32;
  train.weight_decay = 0;
  return train;
}

// As a model's `to` does: the handles stay, what they hold changes.
TrainedState make(const models::NamedTensors& tensors, const config::TrainConfig& train) {
  return make_state(tensors, trains, train, "cpu", [&](const std::string&, at::ScalarType type) {
    for (const auto& [name, tensor] : tensors) tensor.set_data(tensor.to(type));
  });
}

void one_step(TrainedState& state, double gradient) {
  state.begin_step();
  std::vector<at::Tensor> gradients;
  for (const auto& tensor : state.trained()) gradients.push_back(at::full_like(tensor, gradient));
  state.add(gradients);
  state.finish();
  state.commit(kLr, 1);
}

std::map<std::string, HostTensor> saved(const TrainedState& state) {
  const auto snapshot = state.snapshot();
  return {snapshot.begin(), snapshot.end()};
}

TEST(TrainedState, MastersMoveWhereTheRoundedCopyCannot) {
  const auto tensors = three(1.0);
  auto state = make(tensors, narrow());
  state.enter(Phase::A);
  // Each update is far below bfloat16's spacing near 1; only the master sees them add up.
  for (int i = 0; i < 100; ++i) one_step(state, 1.0);
  const auto master = saved(state).at("a");
  EXPECT_EQ(master.dtype, DType::F32);
  EXPECT_NEAR(master.values<float>()[0], 0.99, 1e-3);
  EXPECT_EQ(tensors.at("a").scalar_type(), at::kBFloat16);
  EXPECT_EQ(tensors.at("a")[0].item<float>(),
            at::full({1}, master.values<float>()[0]).to(at::kBFloat16).item<float>());
}

TEST(TrainedState, MastersStartFromTheFullValue) {
  const double fine = 1.0 + 1.0 / 1024;  // not a bfloat16
  auto state = make(three(fine), narrow());
  const auto before = saved(state);
  EXPECT_EQ(before.at("a").values<float>()[0], static_cast<float>(fine));
  EXPECT_EQ(before.at("b").values<float>()[0], static_cast<float>(fine));
  EXPECT_EQ(before.at("c").dtype, DType::BF16);  // never trains: no master
}

TEST(TrainedState, RestoredMastersGoOnWithTheSameBits) {
  const auto first = three(1.0), second = three(3.0);
  auto straight = make(first, narrow());
  straight.enter(Phase::B);
  one_step(straight, 0.3);
  auto resumed = make(second, narrow());
  resumed.restore(Phase::B, saved(straight));
  one_step(straight, -0.7);
  one_step(resumed, -0.7);
  const auto a = saved(straight), b = saved(resumed);
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a) {
    EXPECT_TRUE(std::ranges::equal(tensor.data.bytes(), b.at(name).data.bytes())) << name;
  }
  EXPECT_TRUE(test::is_equal(first.at("b"), second.at("b")));
}

TEST(TrainedState, ANarrowTensorThatTrainsNeedsAMaster) {
  const models::NamedTensors tensors = {
      {"a", at::full({3}, 1.0, at::TensorOptions().dtype(at::kBFloat16))}};
  EXPECT_THROW(TrainedState(tensors, trains, {}, Sum::Fast), c10::Error);
}

TEST(TrainedState, FloatModelsHaveNoMasters) {
  const auto tensors = three(1.0);
  config::TrainConfig train;
  auto state = make(tensors, train);
  state.enter(Phase::B);
  one_step(state, 1.0);
  EXPECT_TRUE(masters_of(three(1.0), trains, "cpu").contains("a"));
  EXPECT_EQ(saved(state).at("b").values<float>()[0], tensors.at("b")[0].item<float>());
  EXPECT_LT(tensors.at("b")[0].item<float>(), 1.0F);
}

TEST(TrainedState, CopiedValuesBringTheirMasters) {
  const models::NamedTensors tensors = {{"from.x", at::full({1}, 1.0 + 1.0 / 1024)},
                                        {"to.x", at::full({1}, 5.0)}};
  const auto all = [](const std::string&, Phase) { return true; };
  auto state =
      make_state(tensors, all, narrow(), "cpu", [&](const std::string&, at::ScalarType type) {
        for (const auto& [name, tensor] : tensors) tensor.set_data(tensor.to(type));
      });
  state.copy_values("from.", "to.");
  EXPECT_EQ(saved(state).at("to.x").values<float>()[0], static_cast<float>(1.0 + 1.0 / 1024));
  EXPECT_EQ(tensors.at("to.x").item<float>(), 1.0F);
}

// Gradients of a microbatch are narrow; their sum is not.
TEST(TrainedState, NarrowGradientsAddUpInFloat) {
  for (const auto reduction : {config::Reduction::Fast, config::Reduction::Reproducible}) {
    auto train = narrow();
    train.reduction = reduction;
    auto state = make(three(1.0), train);
    state.enter(Phase::A);
    state.begin_step();
    for (const double part : {1.0, 1.0 / 1024})
      state.add({at::full({3}, part, at::TensorOptions().dtype(at::kBFloat16))});
    state.finish();
    const auto norms = state.norms(0, 1);
    ASSERT_EQ(norms.squared.size(), 1U);
    EXPECT_NEAR(norms.squared[0].second, 3 * std::pow(1.0 + 1.0 / 1024, 2), 1e-9);
  }
}

}  // namespace
}  // namespace desa2va::training
