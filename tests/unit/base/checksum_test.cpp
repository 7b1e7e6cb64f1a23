#include "common/base/checksum.h"

#include <cstdint>
#include <string>

#include <gtest/gtest.h>
#include <xxhash.h>

namespace desa2va {
namespace {

std::string bytes_of(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 1;
  for (char& c : text) {
    state = state * 1664525U + 1013904223U;
    c = static_cast<char>(state >> 24U);
  }
  return text;
}

// Whatever vectors the processor has: names of content are the same on all of them.
TEST(Checksum, EveryWidthOfVectorGivesTheValuesOfThePlainLibrary) {
  const std::string text = bytes_of(300'000);
  for (std::size_t size = 0; size <= text.size(); size += size < 2000 ? 1 : 9973) {
    const ByteSpan bytes = as_bytes(text).first(size);
    const XXH128_hash_t plain = XXH3_128bits(bytes.data(), size);
    EXPECT_EQ(content_hash(bytes), (ContentHash{plain.high64, plain.low64})) << size;
    EXPECT_EQ(checksum64(bytes), XXH3_64bits(bytes.data(), size)) << size;
    Checksum64 pieces;
    pieces.add(bytes.first(size / 3));
    pieces.add(bytes.subspan(size / 3));
    EXPECT_EQ(pieces.value(), XXH3_64bits(bytes.data(), size)) << size;
  }
}

TEST(Checksum, ContentHashIsWhatXxhsumPrints) {
  EXPECT_EQ(content_hash(as_bytes("")).hex(), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(content_hash(as_bytes("desa2va")).hex(), "7ed170ca040e66af7de8219298194f9e");
}

}  // namespace
}  // namespace desa2va
