#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/runtime/transport/zmq/frame.h"

namespace desa2va::transport {
namespace {

MessageFrame some_message() {
  MessageFrame message;
  message.envelope = {7, true, Phase::B, 1, 2, 3, 4, 5, 6};
  message.header_checksum = 8;
  message.payloads = {{10, 11}, {12, 13}};
  return message;
}

TEST(Frame, MessagesSurviveTheWay) {
  const auto decoded = decode_frame(encode_frame(some_message()).bytes());
  ASSERT_TRUE(decoded) << decoded.error().message();
  const auto& message = std::get<MessageFrame>(*decoded);
  EXPECT_EQ(message.envelope.kind, 7);
  EXPECT_TRUE(message.envelope.reply);
  EXPECT_EQ(message.envelope.phase, Phase::B);
  EXPECT_EQ(message.envelope.run_id, 1U);
  EXPECT_EQ(message.envelope.generation, 2U);
  EXPECT_EQ(message.envelope.step, 3U);
  EXPECT_EQ(message.envelope.microbatch, 4U);
  EXPECT_EQ(message.envelope.edge_sequence, 5U);
  EXPECT_EQ(message.envelope.trace_id, 6U);
  EXPECT_EQ(message.header_checksum, 8U);
  ASSERT_EQ(message.payloads.size(), 2U);
  EXPECT_EQ(message.payloads[1].size, 12U);
  EXPECT_EQ(message.payloads[1].checksum, 13U);
}

TEST(Frame, TheTransportsOwnWordsSurviveTheWay) {
  const auto hello = decode_frame(encode_frame(HelloFrame{9, "sam2-1", "a->b", 3, 4, 5}).bytes());
  ASSERT_TRUE(hello);
  EXPECT_EQ(std::get<HelloFrame>(*hello).version, 9);
  EXPECT_EQ(std::get<HelloFrame>(*hello).rank, "sam2-1");
  EXPECT_EQ(std::get<HelloFrame>(*hello).edge, "a->b");
  EXPECT_EQ(std::get<HelloFrame>(*hello).session, 3U);
  EXPECT_EQ(std::get<HelloFrame>(*hello).budget_bytes, 4U);
  EXPECT_EQ(std::get<HelloFrame>(*hello).reply_budget_bytes, 5U);
  const auto credit = decode_frame(encode_frame(CreditFrame{6, 7}).bytes());
  ASSERT_TRUE(credit);
  EXPECT_EQ(std::get<CreditFrame>(*credit).bytes, 6U);
  EXPECT_EQ(std::get<CreditFrame>(*credit).reply_bytes, 7U);
  EXPECT_TRUE(std::holds_alternative<ByeFrame>(*decode_frame(encode_frame(ByeFrame{}).bytes())));
}

TEST(Frame, EveryTruncationIsCorrupt) {
  const Buffer frame = encode_frame(some_message());
  for (std::size_t size = 0; size < frame.size(); ++size) {
    const auto decoded = decode_frame(frame.bytes().first(size));
    ASSERT_FALSE(decoded) << size;
    EXPECT_EQ(decoded.error().code(), Errc::Corrupt);
  }
}

TEST(Frame, EveryFlippedBitIsCorrupt) {
  const Buffer frame = encode_frame(some_message());
  for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
    Buffer damaged = Buffer::copy_of(frame.bytes());
    damaged.mutable_bytes()[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_EQ(decode_frame(damaged.bytes()).error().code(), Errc::Corrupt) << bit;
  }
}

TEST(Frame, RandomBytesAreCorrupt) {
  const Random random(1, "test", "frame");
  for (std::uint64_t i = 0; i < 2000; ++i) {
    Buffer bytes = Buffer::allocate(random.below(i, 200));
    for (std::size_t k = 0; k < bytes.size(); ++k)
      bytes.mutable_bytes()[k] = static_cast<std::byte>(random.word(10'000 + i * 200 + k));
    EXPECT_FALSE(decode_frame(bytes.bytes()));
  }
}

}  // namespace
}  // namespace desa2va::transport
