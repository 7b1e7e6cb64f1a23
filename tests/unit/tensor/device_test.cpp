#include "common/tensor/device.h"

#include <gmock/gmock.h>

namespace desa2va::tensor {
namespace {

using testing::HasSubstr;

TEST(OpenDevice, TheCpuIsAlwaysThere) {
  EXPECT_EQ(open_device({Role::Sam2, 3}, "cpu").value(), "cpu");
}

TEST(OpenDevice, ADeviceThatIsNotThereIsNamedWithWhatIs) {
  const std::string beyond = "cuda:" + std::to_string(cuda_devices());
  const auto refused = open_device({Role::Mllm, 0}, beyond);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("services.mllm.device: " + beyond));
  EXPECT_THAT(refused.error().message(), HasSubstr("allowed: cpu"));
  EXPECT_EQ(refused.error().exit_code(), 2);
}

TEST(OpenDevice, OtherWordsAreRefused) {
  for (const char* word : {"", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1x"})
    EXPECT_FALSE(open_device({Role::Mllm, 0}, word)) << word;
}

TEST(OpenDevice, PlainCudaIsTheReplicasOwn) {
  if (cuda_devices() == 0) {
    EXPECT_FALSE(open_device({Role::Sam2, 0}, "cuda"));
    return;
  }
  EXPECT_EQ(open_device({Role::Sam2, 0}, "cuda").value(), "cuda:0");
}

}  // namespace
}  // namespace desa2va::tensor
