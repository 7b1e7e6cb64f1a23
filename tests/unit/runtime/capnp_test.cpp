#include <gtest/gtest.h>

#include <capnp/message.h>

#include "common/runtime/transport/capnp.h"
#include "schemas/common.capnp.h"

namespace desa2va::transport {
namespace {

Buffer credit_frame(std::uint64_t bytes) {
  capnp::MallocMessageBuilder builder;
  builder.initRoot<schema::Frame>().initCredit().setBytes(bytes);
  return to_buffer(builder);
}

Result<std::uint64_t> read_credit(ByteSpan bytes) {
  return read_capnp<schema::Frame>(bytes, [](schema::Frame::Reader frame) -> Result<std::uint64_t> {
    return frame.getCredit().getBytes();
  });
}

TEST(Capnp, IsReadAtAnyAlignment) {
  const Buffer frame = credit_frame(77);
  for (std::size_t shift = 0; shift < 9; ++shift) {
    Buffer moved = Buffer::allocate(frame.size() + shift);
    std::copy(frame.bytes().begin(), frame.bytes().end(), moved.mutable_bytes().begin() + shift);
    const auto bytes = read_credit(moved.bytes().subspan(shift));
    ASSERT_TRUE(bytes) << bytes.error().message();
    EXPECT_EQ(*bytes, 77U);
  }
}

TEST(Capnp, WhatIsNoMessageIsCorrupt) {
  const Buffer frame = credit_frame(77);
  EXPECT_EQ(read_credit({}).error().code(), Errc::Corrupt);
  EXPECT_EQ(read_credit(frame.bytes().first(7)).error().code(), Errc::Corrupt);
  EXPECT_EQ(read_credit(frame.bytes().first(8)).error().code(), Errc::Corrupt);
  EXPECT_EQ(read_credit(as_bytes(std::string(64, '\xff'))).error().code(), Errc::Corrupt);
}

}  // namespace
}  // namespace desa2va::transport
