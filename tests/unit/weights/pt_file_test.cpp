#include "common/weights/pt_file.h"

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "common/weights/pickle.h"
#include "tests/support/temp_dir.h"

// The golden cases have whole files of the reference; here is what they do not say.
namespace desa2va::weights {
namespace {

std::filesystem::path golden(const std::string& name) {
  const char* source = std::getenv("DESA2VA_SOURCE_DIR");
  return std::filesystem::path(source == nullptr ? "." : source) / "tests/golden/cases/sam2" / name;
}

Error error_of(const std::string& program) {
  const auto read = read_state_dict(as_bytes(program));
  return read ? Error(Errc::Internal, "was read") : read.error();
}

TEST(Pickle, TheStateDictMayBeBareOrUnderModelOrStateDict) {
  for (const char* name : {"pt_dtypes.pt", "pt_state_dict_key.pt", "pt_parameters_bare.pt"})
    EXPECT_TRUE(open_pt(golden(name).string()).has_value()) << name;
}

TEST(Pickle, NestingCostsNoStackAndSharingNoTime) {
  std::string nested = "\x80\x02";
  nested.append(1'000'000, ']').append(999'999, 'a').append(".");
  EXPECT_EQ(error_of(nested).code(), Errc::InvalidArgument);  // a list is no state dict
  std::string doubled = "\x80\x02)";
  for (int i = 0; i < 1000; ++i) doubled += std::string("q") + char(1) + "h" + char(1) + "\x86";
  EXPECT_EQ(error_of(doubled + ".").code(), Errc::InvalidArgument);
}

TEST(Pickle, NothingIsCalledAndTheNameIsInTheMessage) {
  const auto error = error_of(
      "\x80\x02"
      "cos\nsystem\nX\x02" +
      std::string(3, '\0') + "ls\x85R.");
  EXPECT_EQ(error.code(), Errc::InvalidArgument);
  EXPECT_NE(error.message().find("os.system"), std::string::npos) << error.message();
  EXPECT_NE(error.message().find("nothing is called"), std::string::npos);
}

TEST(Pickle, ATopLevelWithoutTensorsIsRefused) {
  EXPECT_EQ(error_of("\x80\x02}.").code(), Errc::InvalidArgument);
  EXPECT_EQ(error_of("\x80\x02K\x01.").code(), Errc::InvalidArgument);
  EXPECT_EQ(error_of("").code(), Errc::Corrupt);
}

TEST(PtFile, AFlippedBitInAStorageIsFoundByVerify) {
  const desa2va::test::TempDir folder;
  const auto copy = folder / "x.pt";
  std::filesystem::copy_file(golden("pt_views.pt"), copy);
  const auto clean = open_pt(copy.string()).value();
  EXPECT_TRUE(clean->verify().has_value());
  {
    std::fstream file(copy, std::ios::binary | std::ios::in | std::ios::out);
    std::string bytes((std::istreambuf_iterator<char>(file)), {});
    const float first = clean->read_all("shared").value().values<float>()[3];
    const auto at = bytes.find(std::string(reinterpret_cast<const char*>(&first), 4));
    ASSERT_NE(at, std::string::npos);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(bytes[at] ^ 1));
  }
  const auto damaged = open_pt(copy.string()).value();
  EXPECT_EQ(damaged->verify().error().code(), Errc::Corrupt);
  EXPECT_NE(damaged->verify().error().message().find("checksum"), std::string::npos);
}

TEST(PtFile, AnyStretchOfAViewIsReadAsTheWhole) {
  const auto source = open_pt(golden("pt_views.pt").string()).value();
  for (const auto& [name, info] : source->tensors()) {
    const auto whole = source->read_all(name).value();
    for (std::uint64_t first = 0; first < info.bytes(); first += 12) {
      std::vector<std::byte> piece(std::min<std::uint64_t>(12, info.bytes() - first));
      ASSERT_TRUE(source->read(name, first, piece).has_value());
      EXPECT_EQ(as_text(piece), as_text(whole.data.bytes().subspan(first, piece.size()))) << name;
    }
  }
}

TEST(PtFile, WhatIsNoArchiveSaysSo) {
  const desa2va::test::TempDir folder;
  std::ofstream(folder / "x.pt") << std::string(1000, 'x');
  EXPECT_EQ(open_pt((folder / "x.pt").string()).error().code(), Errc::InvalidArgument);
  EXPECT_EQ(open_pt((folder / "none.pt").string()).error().code(), Errc::NotFound);
  EXPECT_EQ(open_source((folder / "none.xyz").string()).error().code(), Errc::NotFound);
}

}  // namespace
}  // namespace desa2va::weights
