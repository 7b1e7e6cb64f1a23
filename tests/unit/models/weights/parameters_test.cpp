#include "common/models/weights/parameters.h"

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include "common/models/layers/layers.h"
#include "common/tensor/bridge.h"
#include "common/tensor/guarded.h"

namespace desa2va::models {
namespace {

TEST(NamedTensors, AreHandlesIntoTheModule) {
  const Linear linear(2, 3);
  const auto tensors = named_tensors(linear, "x.");
  ASSERT_EQ(tensors.size(), 2U);
  EXPECT_EQ(tensors.at("x.weight").const_data_ptr(), linear.weight.const_data_ptr());
}

TEST(EnableGradients, IsForExactlyTheNamesGiven) {
  const Linear linear(2, 3);
  const auto tensors = named_tensors(linear);
  for (const auto& [name, tensor] : tensors) EXPECT_FALSE(tensor.requires_grad()) << name;
  enable_gradients(tensors, {"weight", "bias"});
  enable_gradients(tensors, {"bias"});
  EXPECT_FALSE(linear.weight.requires_grad());
  EXPECT_TRUE(linear.bias.requires_grad());
  EXPECT_THROW(enable_gradients(tensors, {"wieght"}), c10::Error);
}

TEST(Load, NamesEverythingThatDoesNotFitAndChangesNothing) {
  const Linear linear(2, 3);
  linear.weight.fill_(1);
  linear.bias.fill_(1);
  const std::map<std::string, HostTensor> from = {
      {"weight", tensor::to_host(at::full({3, 4}, 2.0))}, {"extra", HostTensor{}}};
  const auto result = tensor::guarded([&] { load(named_tensors(linear), from); });
  ASSERT_FALSE(result.has_value());
  for (const char* part : {"missing bias", "unexpected extra", "weight is f32[3, 4]"}) {
    EXPECT_NE(result.error().message().find(part), std::string::npos) << result.error().message();
  }
  EXPECT_EQ(linear.weight.sum().item<float>(), 6.0F);
}

TEST(Load, ConvertsTheElementType) {
  const Linear linear(1, 1, false);
  load(named_tensors(linear),
       {{"weight", tensor::to_host(at::full({1, 1}, 0.5).to(at::kBFloat16))}});
  EXPECT_EQ(linear.weight.item<float>(), 0.5F);
}

}  // namespace
}  // namespace desa2va::models
