#include "common/preprocess/masks/bits.h"

#include <gtest/gtest.h>

#include "common/base/random.h"

namespace desa2va::preprocess {
namespace {

TEST(PackBits, TheFirstElementIsTheLowestBit) {
  const std::vector<std::uint8_t> in = {1, 0, 0, 0, 0, 0, 0, 0, 0, 7};
  std::vector<std::uint8_t> out(packed_size(in.size()), 0xff);
  pack_bits(in, out);
  EXPECT_EQ(out, (std::vector<std::uint8_t>{0x01, 0x02}));
}

TEST(PackBits, UnpackingGivesTheElementsBack) {
  for (std::size_t size = 0; size < 40; ++size) {
    const Random random(size, "test", "bits");
    std::vector<std::uint8_t> in(size);
    for (std::size_t i = 0; i < size; ++i) in[i] = random.below(i, 2) != 0 ? 1 : 0;
    std::vector<std::uint8_t> packed(packed_size(size));
    pack_bits(in, packed);
    std::vector<std::uint8_t> back(size, 9);
    unpack_bits(packed, back);
    EXPECT_EQ(back, in);
  }
}

}  // namespace
}  // namespace desa2va::preprocess
