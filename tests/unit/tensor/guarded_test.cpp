#include "common/tensor/guarded.h"

#include <new>
#include <stdexcept>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

namespace desa2va::tensor {
namespace {

TEST(Guarded, ValuesPassThrough) {
  EXPECT_EQ(guarded([] { return 7; }).value(), 7);
  EXPECT_TRUE(guarded([] {}).has_value());
}

TEST(Guarded, AFailedCheckIsInternalWithItsFirstLineOnly) {
  const auto result = guarded([] { TORCH_CHECK(false, "rows differ: 3 and 4"); });
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), Errc::Internal);
  EXPECT_EQ(result.error().message(), "rows differ: 3 and 4");
}

TEST(Guarded, OtherExceptionsAreInternalToo) {
  const auto result = guarded([]() -> int { throw std::runtime_error("no\nsecond line"); });
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().message(), "no");
  EXPECT_FALSE(guarded([] { throw 3; }).has_value());
}

TEST(Guarded, MemoryThatRanOutIsNamed) {
  const auto huge = guarded([] { return at::empty({std::int64_t{1} << 50U}); });
  ASSERT_FALSE(huge.has_value());
  EXPECT_NE(huge.error().message().find("out of memory"), std::string::npos)
      << huge.error().message();
  const auto other = guarded([] { throw std::bad_alloc(); });
  EXPECT_NE(other.error().message().find("out of memory"), std::string::npos);
}

TEST(Guarded, ThreadCountsBelowOneAreRefused) {
  EXPECT_FALSE(guarded([] { set_threads(0); }).has_value());
  EXPECT_TRUE(guarded([] { set_threads(1); }).has_value());
}

}  // namespace
}  // namespace desa2va::tensor
