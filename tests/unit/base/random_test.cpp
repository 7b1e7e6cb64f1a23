#include "common/base/random.h"

#include <gtest/gtest.h>

#include <vector>

#include "common/base/philox.h"

namespace desa2va {
namespace {

TEST(Random, WordsOfAStretchAreTheWordsOneByOne) {
  const Random random(42, "purpose", "site", 7);
  for (const std::uint64_t first : {0ULL, 1ULL, 63ULL, (1ULL << 34U) - 6}) {
    for (const std::size_t count : {0UL, 1UL, 3UL, 64UL, 200UL}) {
      std::vector<std::uint32_t> words(count);
      random.fill_words(words, first);
      for (std::size_t i = 0; i < count; ++i)
        ASSERT_EQ(words[i], random.word(first + i)) << first << " + " << i;
    }
  }
}

TEST(Random, UniformNumbersAreTheWordsUpperBits) {
  const Random random(42, "purpose", "site");
  std::vector<float> numbers(2500);
  random.fill_uniform(numbers, 5);
  for (std::size_t i = 0; i < numbers.size(); ++i)
    ASSERT_EQ(numbers[i], static_cast<float>(random.word(5 + i) >> 8U) * 0x1p-24F);
}

// Known answers of Philox4x32-10 (Random123's test vectors).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// Whole groups, a rest, and counters on both sides of 2^32.
TEST(Philox, BlocksOfAStretchAreTheBlocksOneByOne) {
  const PhiloxKey key{0x12345678, 0x9ABCDEF0};
  for (const std::uint64_t first : {0ULL, 5ULL, (1ULL << 32U) - 9, ~0ULL - 100}) {
    for (const std::size_t blocks : {1UL, 15UL, 16UL, 53UL}) {
      std::vector<std::uint32_t> words(4 * blocks);
      philox_blocks(first, 77, 88, key, words);
      for (std::size_t i = 0; i < blocks; ++i) {
        const auto counter = first + i;
        const auto one = philox4x32({static_cast<std::uint32_t>(counter),
                                     static_cast<std::uint32_t>(counter >> 32U), 77, 88},
                                    key);
        for (std::size_t w = 0; w < 4; ++w)
          ASSERT_EQ(words[4 * i + w], one[w]) << first << " + " << i;
      }
    }
  }
}

}  // namespace
}  // namespace desa2va
