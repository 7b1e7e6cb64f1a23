#include "services/decoupler/adversaries.h"

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/models/desa2va/parts.h"

namespace desa2va::decoupler {
namespace {

constexpr std::int64_t kDim = 8;

config::ModelConfig small_model() {
  config::ModelConfig config;
  config.llm.hidden_size = 12;
  config.sam2.dim = kDim;
  config.decoupler.adv.hidden = {8, 8};
  config.decoupler.club.hidden = 8;
  config.decoupler.club.fifo_size = 6;
  config.decoupler.club.update_every = 2;
  return config;
}

at::Tensor rows(std::int64_t count, const char* name, std::uint32_t step) {
  at::Tensor tensor = at::empty({count, kDim}, at::kFloat);
  Random(5, "test", name, step)
      .fill_normal({tensor.data_ptr<float>(), static_cast<std::size_t>(count * kDim)});
  return tensor;
}

std::vector<Features> step_of(std::uint32_t step) {
  return {{rows(3, "t", step), rows(3, "v", step), rows(3, "r", step), rows(3, "ref", step)}};
}

class AdversariesTest : public ::testing::Test {
 protected:
  AdversariesTest() : model_(config_, models::ModelParts::of("desa2va")) {
    model_.initialise(11);
    adversaries_.emplace(config_.decoupler, model_, "cpu");
  }

  // Every value that a checkpoint would hold of them.
  std::map<std::string, std::string> state() const {
    protocol::Snapshot snapshot;
    adversaries_->snapshot(snapshot);
    std::map<std::string, std::string> all;
    for (const auto& [name, tensor] : snapshot.tensors) all[name] = as_text(tensor.data.bytes());
    for (const auto& [name, blob] : snapshot.blobs) all[name] = blob;
    for (const auto& [name, tensor] : model_.named_parameters()) {
      const at::Tensor values = tensor.detach().contiguous();
      all["model/" + name] = {static_cast<const char*>(values.const_data_ptr()), values.nbytes()};
    }
    return all;
  }

  const config::ModelConfig config_ = small_model();
  models::DecouplerModel model_;
  std::optional<Adversaries> adversaries_;
};

TEST_F(AdversariesTest, AStepChangesDiscriminatorsAndFifoAndEverySecondOneClub) {
  const auto fresh = state();
  EXPECT_EQ(adversaries_->learn(step_of(1)).size(), 1U);
  const auto first = state();
  EXPECT_NE(first.at("model/decoupler.disc_text.layers.0.weight"),
            fresh.at("model/decoupler.disc_text.layers.0.weight"));
  EXPECT_EQ(first.at("model/decoupler.club.pi.weight"), fresh.at("model/decoupler.club.pi.weight"));
  EXPECT_FALSE(adversaries_->club_ready());
  EXPECT_EQ(adversaries_->learn(step_of(2)).size(), 2U);
  EXPECT_NE(state().at("model/decoupler.club.pi.weight"),
            fresh.at("model/decoupler.club.pi.weight"));
  EXPECT_TRUE(adversaries_->club_ready());
}

TEST_F(AdversariesTest, WhatASkippedStepTaughtIsTakenBackToTheLastBit) {
  for (std::uint32_t step = 1; step <= 4; ++step) {  // 2 and 4 refresh CLUB, 3 fills the FIFO
    const auto before = state();
    const bool ready = adversaries_->club_ready();
    const Adversaries::Saved saved = adversaries_->save();
    adversaries_->learn(step_of(100 + step));
    EXPECT_NE(state(), before);
    adversaries_->take_back(saved);
    EXPECT_EQ(state(), before) << "step " << step;
    EXPECT_EQ(adversaries_->club_ready(), ready);
    adversaries_->learn(step_of(step));
  }
}

TEST_F(AdversariesTest, GoOnAsIfTheSkippedStepHadNotBeen) {
  models::DecouplerModel other(config_, models::ModelParts::of("desa2va"));
  other.initialise(11);
  Adversaries straight(config_.decoupler, other, "cpu");
  for (std::uint32_t step = 1; step <= 3; ++step) {
    const auto saved = adversaries_->save();
    adversaries_->learn(step_of(50));
    adversaries_->take_back(saved);
    EXPECT_EQ(adversaries_->learn(step_of(step)), straight.learn(step_of(step)));
  }
}

}  // namespace
}  // namespace desa2va::decoupler
