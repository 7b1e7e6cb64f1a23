#include "common/weights/safetensors.h"

#include <cstring>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "tests/support/temp_dir.h"

namespace desa2va::weights {
namespace {

// A file with this header and `data_size` bytes 0, 1, 2, ...
Buffer file_with(const std::string& header, std::size_t data_size) {
  auto bytes = Buffer::allocate(8 + header.size() + data_size);
  auto* out = bytes.mutable_bytes().data();
  const std::uint64_t size = header.size();
  std::memcpy(out, &size, 8);
  std::memcpy(out + 8, header.data(), header.size());
  for (std::size_t i = 0; i < data_size; ++i) out[8 + header.size() + i] = std::byte(i);
  return bytes;
}

void expect_corrupt(const Buffer& bytes, const std::string& part) {
  const auto file = parse_safetensors(bytes, "x");
  ASSERT_FALSE(file.has_value()) << part;
  EXPECT_EQ(file.error().code(), Errc::Corrupt);
  EXPECT_NE(file.error().message().find(part), std::string::npos) << file.error().message();
}

const std::string kGood =
    R"({"__metadata__":{"format":"pt"},"b":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
    R"("a":{"dtype":"BF16","shape":[1,2],"data_offsets":[3,7]},)"
    R"("e":{"dtype":"F32","shape":[0,4],"data_offsets":[7,7]}})";

TEST(Safetensors, TensorsAndMetadataAreRead) {
  const auto file = parse_safetensors(file_with(kGood, 7), "x").value();
  EXPECT_EQ(file.metadata.at("format"), "pt");
  ASSERT_EQ(file.tensors.size(), 3U);
  EXPECT_EQ(describe(file.tensors.at("a")), "bf16[1, 2]");
  EXPECT_EQ(file.tensors.at("b").values<std::uint8_t>()[2], 2);
  EXPECT_EQ(file.tensors.at("a").data.data()[0], std::byte{3});
  EXPECT_EQ(file.tensors.at("e").numel(), 0);
}

TEST(Safetensors, AByteZeroInTheHeaderIsCorrupt) {
  expect_corrupt(file_with(kGood + std::string("\0x", 2), 7), "is 0");
}

TEST(Safetensors, TensorsKeepTheMappedFileAlive) {
  const desa2va::test::TempDir folder;
  const auto bytes = file_with(kGood, 7);
  std::ofstream(folder / "x.safetensors", std::ios::binary) << as_text(bytes.bytes());
  HostTensor tensor;
  {
    auto file = read_safetensors((folder / "x.safetensors").string());
    ASSERT_TRUE(file.has_value()) << file.error().message();
    tensor = file->tensors.at("b");
  }
  EXPECT_EQ(tensor.values<std::uint8_t>()[1], 1);
}

TEST(Safetensors, AFileThatIsNotThereIsNotFound) {
  EXPECT_EQ(read_safetensors("/nonexistent/x").error().code(), Errc::NotFound);
  EXPECT_FALSE(read_safetensors("/tmp").has_value());
}

TEST(Safetensors, EveryLieInTheHeaderIsNamed) {
  const auto entry = [](const std::string& fields) { return "{\"t\":{" + fields + "}}"; };
  expect_corrupt(Buffer::allocate(3), "too few");
  expect_corrupt(file_with("[1]", 0), "no JSON object");
  expect_corrupt(file_with("{\"t\":", 0), "no JSON");
  expect_corrupt(file_with(entry(R"("dtype":"F32","shape":[2])"), 8), "needs dtype");
  expect_corrupt(file_with(entry(R"("dtype":"F8","shape":[2],"data_offsets":[0,8])"), 8), "F8");
  expect_corrupt(file_with(entry(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])"), 8),
                 "no count");
  expect_corrupt(file_with(entry(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])"), 8),
                 "no count");
  expect_corrupt(file_with(entry(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"), 8),
                 "needs 12");
  expect_corrupt(file_with(entry(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])"), 8),
                 "outside");
  expect_corrupt(file_with(entry(R"("dtype":"F32","shape":[4],"data_offsets":[0,16])"), 8),
                 "outside");
  expect_corrupt(file_with(entry(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])"), 8),
                 "starts at");
  expect_corrupt(file_with(entry(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), 8),
                 "follow");
  expect_corrupt(
      file_with(entry(R"("dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,0])"),
                0),
      "larger than any file");
  expect_corrupt(file_with(R"({"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                           R"("t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                           1),
                 "twice");
}

TEST(Safetensors, AHeaderLongerThanTheFileIsRefused) {
  auto bytes = file_with(kGood, 7);
  const std::uint64_t huge = ~std::uint64_t{0};
  std::memcpy(bytes.mutable_bytes().data(), &huge, 8);
  expect_corrupt(bytes, "claimed");
}

TEST(Safetensors, FlippedBytesNeverDoHarm) {
  const Random random(11, "test", "flip");
  for (std::uint32_t round = 0; round < 2000; ++round) {
    auto bytes = file_with(kGood, 7);
    const auto at = random.below(2 * round, static_cast<std::uint32_t>(bytes.size()));
    bytes.mutable_bytes()[at] = std::byte(random.below(2 * round + 1, 256));
    if (const auto file = parse_safetensors(bytes, "x")) {
      for (const auto& [name, tensor] : file->tensors) {
        EXPECT_EQ(tensor.data.size(),
                  static_cast<std::size_t>(tensor.numel()) * size_of(tensor.dtype));
      }
    }
  }
}

}  // namespace
}  // namespace desa2va::weights
