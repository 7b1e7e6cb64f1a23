#include "common/weights/safetensors_writer.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include <gtest/gtest.h>

#include "common/weights/output_file.h"
#include "common/weights/safetensors.h"
#include "common/weights/safetensors_folder.h"
#include "tests/support/temp_dir.h"

namespace desa2va::weights {
namespace {

using desa2va::test::TempDir;

HostTensor counted(std::int64_t rows, float first) {
  std::vector<float> values(static_cast<std::size_t>(rows * 2));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = first + static_cast<float>(i);
  return HostTensor::of<float>({rows, 2}, values);
}

std::vector<TensorToWrite> three() {
  std::vector<TensorToWrite> tensors;
  tensors.push_back(to_write("b", counted(4, 1)));
  tensors.push_back(to_write("a", counted(3, 100)));
  tensors.push_back(to_write("empty", HostTensor::empty(DType::BF16, {0, 7})));
  return tensors;
}

void expect_three(const TensorSource& source) {
  ASSERT_EQ(source.tensors().size(), 3U);
  const auto a = source.read_all("a").value();
  EXPECT_EQ(a.shape, (std::vector<std::int64_t>{3, 2}));
  EXPECT_EQ(a.values<float>()[5], 105);
  EXPECT_EQ(source.read_all("b").value().values<float>()[7], 8);
  EXPECT_EQ(source.tensors().at("empty").numel(), 0);
}

TEST(SafetensorsWriter, OneShardIsOneFileWithoutIndex) {
  const TempDir folder;
  const auto written = write_safetensors(folder.path().string(), three()).value();
  EXPECT_EQ(written.files, std::vector<std::string>{"model.safetensors"});
  EXPECT_EQ(written.bytes, 56U);
  const auto file = read_safetensors((folder / "model.safetensors").string()).value();
  EXPECT_EQ(file.metadata.at("format"), "pt");
  expect_three(*open_safetensors_folder(folder.path().string()).value());
}

TEST(SafetensorsWriter, ShardsHoldWholeTensorsUpToTheSizeAndAnIndexNamesThem) {
  const TempDir folder;
  WriteOptions options;
  options.shard_bytes = 33;
  const auto written = write_safetensors(folder.path().string(), three(), options).value();
  EXPECT_EQ(written.files, (std::vector<std::string>{"model-00001-of-00002.safetensors",
                                                     "model-00002-of-00002.safetensors",
                                                     "model.safetensors.index.json"}));
  expect_three(*open_safetensors_folder(folder.path().string()).value());
}

TEST(SafetensorsWriter, AStopLeavesNoFile) {
  const TempDir folder;
  std::stop_source stop;
  WriteOptions options;
  options.shard_bytes = 32;
  options.stop = stop.get_token();
  options.progress = [&](std::uint64_t) { stop.request_stop(); };
  const auto written = write_safetensors(folder.path().string(), three(), options);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), Errc::Cancelled);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(OutputFile, AppearsWholeOverAnOlderOne) {
  const TempDir folder;
  const std::string path = folder / "a";
  ASSERT_TRUE(write_file(path, "older and longer"));
  {
    auto file = OutputFile::create(path).value();
    ASSERT_TRUE(file.write(as_bytes("half")));
  }
  EXPECT_EQ(std::filesystem::file_size(path), 16U);
  ASSERT_TRUE(write_file(path, "new"));
  EXPECT_EQ(std::filesystem::file_size(path), 3U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(OutputFile, AKilledWriterLeavesNothing) {
  const TempDir folder;
  if (const int probe = ::open(folder.path().c_str(), O_WRONLY | O_TMPFILE, 0600); probe < 0) {
    GTEST_SKIP() << "this file system has no files without a name";
  } else {
    ::close(probe);
  }
  const pid_t child = ::fork();
  if (child == 0) {
    auto file = OutputFile::create(folder / "a");
    const bool wrote = file && file->write(as_bytes("half"));
    ::raise(SIGKILL);
    ::_exit(wrote ? 0 : 1);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SafetensorsWriter, AFailureLeavesNoFile) {
  const TempDir folder;
  auto tensors = three();
  tensors[1].fill = [](std::uint64_t, MutableByteSpan) -> Result<void> {
    return fail(Errc::Corrupt, "no more");
  };
  WriteOptions options;
  options.shard_bytes = 33;
  EXPECT_EQ(write_safetensors(folder.path().string(), tensors, options).error().code(),
            Errc::Corrupt);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

// A folder with an index that says what the files do not.
class Folder : public ::testing::Test {
 protected:
  Folder() {
    WriteOptions options;
    options.shard_bytes = 33;
    EXPECT_TRUE(write_safetensors(folder_.path().string(), three(), options).has_value());
  }
  void index(const std::string& text) {
    EXPECT_TRUE(write_file((folder_ / "model.safetensors.index.json").string(), text).has_value());
  }
  Error open() { return open_safetensors_folder(folder_.path().string()).error(); }
  TempDir folder_;
};

TEST_F(Folder, ATensorThatItsFileLacksIsNamed) {
  index(R"({"weight_map":{"a":"model-00001-of-00002.safetensors"}})");
  EXPECT_EQ(open().code(), Errc::Corrupt);
  EXPECT_NE(open().message().find("'a'"), std::string::npos);
}

TEST_F(Folder, ATensorThatTheIndexDoesNotKnowIsNamed) {
  index(R"({"weight_map":{"b":"model-00001-of-00002.safetensors",
                          "a":"model-00002-of-00002.safetensors"}})");
  EXPECT_NE(open().message().find("'empty'"), std::string::npos) << open().message();
}

TEST_F(Folder, AFileOutsideTheFolderIsRefused) {
  index(R"({"weight_map":{"b":"../model-00001-of-00002.safetensors"}})");
  EXPECT_EQ(open().code(), Errc::Corrupt);
}

TEST_F(Folder, AShardThatIsNotThereIsNamed) {
  std::filesystem::remove(folder_ / "model-00002-of-00002.safetensors");
  EXPECT_EQ(open().code(), Errc::NotFound);
  EXPECT_NE(open().message().find("00002-of"), std::string::npos);
}

TEST_F(Folder, ShardsWithoutTheirIndexAreNotGuessed) {
  std::filesystem::remove(folder_ / "model.safetensors.index.json");
  EXPECT_EQ(open().code(), Errc::InvalidArgument);
  EXPECT_NE(open().message().find("index"), std::string::npos);
}

TEST_F(Folder, ATruncatedShardIsCorrupt) {
  std::filesystem::resize_file(folder_ / "model-00001-of-00002.safetensors", 40);
  EXPECT_EQ(open().code(), Errc::Corrupt);
}

}  // namespace
}  // namespace desa2va::weights
