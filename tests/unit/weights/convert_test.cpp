#include "common/weights/convert.h"

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace desa2va::weights {
namespace {

TEST(Convert, EveryHalfPrecisionPatternComesBackBitForBit) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    EXPECT_EQ(to_bf16(from_bf16(half)), half);
    EXPECT_EQ(to_f16(from_f16(half)), half);
  }
}

TEST(Convert, HalfPrecisionValuesAreThoseOfTheFormats) {
  EXPECT_EQ(from_f16(0x3c00), 1.0F);
  EXPECT_EQ(from_f16(0x0001), 0x1p-24F);
  EXPECT_EQ(from_f16(0x7bff), 65504.0F);
  EXPECT_EQ(from_f16(0xfc00), -std::numeric_limits<float>::infinity());
  EXPECT_EQ(from_bf16(0xc040), -3.0F);
}

TEST(Convert, RoundsToTheNearestWithTiesToEven) {
  EXPECT_EQ(to_bf16(1.0F + 0x1p-8F), 0x3f80);      // half way: to the even one below
  EXPECT_EQ(to_bf16(1.0F + 3 * 0x1p-8F), 0x3f82);  // half way: to the even one above
  EXPECT_EQ(to_bf16(std::nextafter(1.0F + 0x1p-8F, 2.0F)), 0x3f81);
  EXPECT_EQ(to_bf16(std::numeric_limits<float>::max()), 0x7f80);  // beyond the largest: infinite
  EXPECT_EQ(to_f16(1.0F + 0x1p-11F), 0x3c00);
  EXPECT_EQ(to_f16(1.0F + 3 * 0x1p-11F), 0x3c02);
  EXPECT_EQ(to_f16(65519.0F), 0x7bff);
  EXPECT_EQ(to_f16(65520.0F), 0x7c00);
  EXPECT_EQ(to_f16(0x1p-25F), 0x0000);  // half of the smallest: to even
  EXPECT_EQ(to_f16(std::nextafter(0x1p-25F, 1.0F)), 0x0001);
  EXPECT_EQ(to_f16(-0x1p-14F), 0x8400);
}

TEST(Convert, ANotANumberStaysOne) {
  const float shallow = std::bit_cast<float>(0x7f800001U);  // its upper half alone is infinite
  EXPECT_TRUE(std::isnan(from_bf16(to_bf16(shallow))));
  EXPECT_TRUE(std::isnan(from_f16(to_f16(shallow))));
}

TEST(Convert, BlocksOfAnyLengthAndAlignment) {
  std::vector<float> values(5001);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * 0.25F - 600;
  std::vector<std::byte> half(1 + values.size() * 2);
  const std::span<std::byte> shifted = std::span(half).subspan(1);
  convert(std::as_bytes(std::span(values)), DType::F32, shifted, DType::BF16);
  std::vector<float> back(values.size());
  convert(shifted, DType::BF16, std::as_writable_bytes(std::span(back)), DType::F32);
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(back[i], from_bf16(to_bf16(values[i])));
  EXPECT_FALSE(converts(DType::I64, DType::F32));
  EXPECT_TRUE(converts(DType::I64, DType::I64));
}

}  // namespace
}  // namespace desa2va::weights
