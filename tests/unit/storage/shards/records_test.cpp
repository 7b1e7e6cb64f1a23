#include "common/storage/shards/records.h"

#include "tests/unit/storage/shards/dataset.h"

namespace desa2va::shards {
namespace {

using test::must;

TEST(Records, DecodingUndoesEncoding) {
  const auto sample =
      test::record("mevis/train/1", {{1, 2}, {3, 4}}, std::string("\0payload", 8), "torn");
  const auto back = must(decode_sample(encode(sample).bytes()));
  EXPECT_EQ(back.key, sample.key);
  EXPECT_EQ(back.media, sample.media);
  EXPECT_EQ(back.broken, "torn");
  EXPECT_EQ(as_text(back.payload.bytes()), as_text(sample.payload.bytes()));
}

TEST(Records, AKeyMayHoldAnyBytes) {
  SampleRecord sample;
  sample.key = std::string("a\0b", 3);
  const auto back = decode_sample(encode(sample).bytes());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->key, sample.key);
}

TEST(Records, UnknownCostsStayUnknown) {
  const std::vector<SampleCost> costs(3);
  const auto back = must(decode_costs(encode(std::span<const SampleCost>(costs)).bytes()));
  ASSERT_EQ(back.size(), 3U);
  EXPECT_EQ(back[2].tokens, -1);
  EXPECT_EQ(back[2].decode_ms, -1.0F);
}

TEST(Records, DamagedBytesAreCorruptOrAnotherRecordButNeverACrash) {
  const Buffer bytes = encode(test::record("key", {{1, 2}}, "payload", "why"));
  for (std::size_t size = 0; size < bytes.size(); size += 8) {
    const auto result = decode_sample(bytes.bytes().first(size));
    EXPECT_TRUE(result || result.error().code() == Errc::Corrupt);
  }
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    Buffer damaged = Buffer::copy_of(bytes.bytes());
    damaged.mutable_bytes()[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    const auto result = decode_sample(damaged.bytes());
    EXPECT_TRUE(result || result.error().code() == Errc::Corrupt);
  }
}

}  // namespace
}  // namespace desa2va::shards
