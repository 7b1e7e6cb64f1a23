#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/datasets/shard_import.h"
#include "common/storage/shards/shard_reader.h"
#include "common/storage/shards/verify.h"
#include "tests/support/small_disk.h"
#include "tests/unit/datasets/small_tree.h"

namespace desa2va::datasets {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAnnotations = "llava_data/LLaVA-Instruct-150K/llava_v1_5_mix665k.json";

// A set of conversations about pictures: some broken, some about a picture seen before.
class ImportResume : public testing::Test {
 protected:
  void make(int entries) {
    for (int i = 0; i < entries; ++i) {
      const auto name = fmt::format("llava_data/llava_images/coco/{}.jpg", i);
      if (i % 7 == 3) continue;  // missing
      tree_.picture(name, 40 + i, 30 + i % 11);
      if (i % 7 == 5) fs::resize_file(tree_.root() / name, 200);  // truncated
    }
    annotate(entries, 0);
  }
  void annotate(int entries, int first) {
    std::string text = "[";
    for (int n = 0; n < entries; ++n) {
      const int i = (n + first) % entries;
      text += fmt::format(
          R"({}{{"id": "{}", "image": "coco/{}.jpg", "conversations": [)"
          R"({{"from": "human", "value": "<image>\nwhat {}?"}}, {{"from": "gpt", "value": "it"}}]}})",
          n == 0 ? "" : ",\n", i, i % 5 == 4 ? i / 2 : i, i);
    }
    tree_.write(kAnnotations, text + "]");
  }

  ShardImport job(const std::string& out, unsigned threads = 2) const {
    ShardImport job;
    job.dataset = "llava";
    job.request.root = tree_.root();
    job.request.threads = threads;
    job.out = place_.path() / out;
    job.timing = false;
    job.max_file_bytes = 4000;  // many files
    return job;
  }

  // Name and hash of every file.
  std::string whole(const std::string& out) const {
    std::vector<std::string> lines;
    for (const auto& entry : fs::directory_iterator(place_.path() / out)) {
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string bytes(std::istreambuf_iterator<char>(in), {});
      lines.push_back(entry.path().filename().string() + " " + content_hash(as_bytes(bytes)).hex() +
                      "\n");
    }
    std::sort(lines.begin(), lines.end());
    std::string all;
    for (const auto& line : lines) all += line;
    return all;
  }
  std::size_t entries_in_place() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(place_.path()), fs::directory_iterator()));
  }

  // An import that is stopped after so many samples.
  Result<Imported> stopped_after(ShardImport job, std::uint64_t samples) {
    std::stop_source source;
    job.request.stop = source.get_token();
    job.progress = [&](const ImportProgress& progress) {
      if (progress.samples >= samples) source.request_stop();
    };
    return import_to_shards(job);
  }

  SmallTree tree_;
  test::TempDir place_;
};

TEST_F(ImportResume, BytesDoNotDependOnTheNumberOfThreads) {
  make(60);
  ASSERT_TRUE(import_to_shards(job("one", 1)));
  for (const unsigned threads : {2U, 7U}) {
    const auto out = fmt::format("with{}", threads);
    const auto imported = import_to_shards(job(out, threads));
    ASSERT_TRUE(imported) << imported.error().message();
    EXPECT_EQ(whole(out), whole("one"));
  }
}

TEST_F(ImportResume, SummaryCountsSamplesMediaAndReasons) {
  make(35);
  const auto imported = import_to_shards(job("d"));
  ASSERT_TRUE(imported) << imported.error().message();
  const auto& summary = imported->summary;
  EXPECT_EQ(summary.total().samples, 35U);
  std::uint64_t broken = 0;
  for (const auto& [reason, samples] : summary.broken) broken += samples;
  EXPECT_EQ(summary.total().usable + broken, 35U);
  EXPECT_TRUE(summary.broken.contains("missing file"));
  EXPECT_EQ(summary.pictures, imported->catalog.media);
  EXPECT_EQ(summary.references, 35U);
  EXPECT_EQ(summary.total().texts, 35U);
}

TEST_F(ImportResume, StoppedImportShowsNothingAndGoesOnWithTheSameBytes) {
  make(60);
  ASSERT_TRUE(import_to_shards(job("straight")));
  const auto stopped = stopped_after(job("d"), 25);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code(), Errc::Cancelled);
  EXPECT_FALSE(fs::exists(place_ / "d"));
  const auto resumed = import_to_shards(job("d"));
  ASSERT_TRUE(resumed) << resumed.error().message();
  EXPECT_GE(resumed->summary.taken_over, 15U);
  EXPECT_EQ(whole("d"), whole("straight"));
  EXPECT_EQ(entries_in_place(), 2U);
}

TEST_F(ImportResume, MediaOfFinishedFilesAreNotEvenReadAgain) {
  make(60);
  ASSERT_FALSE(stopped_after(job("d"), 40));
  // The first pictures lie in finished files: other bytes under the same size and time go unseen.
  const auto first = tree_.root() / "llava_data/llava_images/coco/0.jpg";
  const auto time = fs::last_write_time(first);
  const auto size = fs::file_size(first);
  std::ofstream(first, std::ios::binary) << std::string(size, 'x');
  fs::last_write_time(first, time);
  const auto resumed = import_to_shards(job("d"));
  ASSERT_TRUE(resumed) << resumed.error().message();
  EXPECT_EQ(resumed->catalog.broken[0].number, 3U);
  EXPECT_TRUE(shards::verify(place_ / "d")->defects.empty());
}

TEST_F(ImportResume, AChangedPictureIsDecodedAgain) {
  make(60);
  ASSERT_FALSE(stopped_after(job("d"), 40));
  tree_.picture("llava_data/llava_images/coco/0.jpg", 99, 77);
  const auto resumed = import_to_shards(job("d"));
  ASSERT_TRUE(resumed) << resumed.error().message();
  ASSERT_TRUE(import_to_shards(job("fresh")));
  EXPECT_EQ(whole("d"), whole("fresh"));
}

TEST_F(ImportResume, ChangedAnnotationsGiveWhatAFreshImportGives) {
  make(60);
  ASSERT_FALSE(stopped_after(job("d"), 40));
  annotate(60, 13);
  const auto resumed = import_to_shards(job("d"));
  ASSERT_TRUE(resumed) << resumed.error().message();
  EXPECT_GE(resumed->summary.taken_over, 20U);
  ASSERT_TRUE(import_to_shards(job("fresh")));
  EXPECT_EQ(whole("d"), whole("fresh"));
}

TEST_F(ImportResume, ALiveImportOfTheSameDirectoryIsNotDisturbed) {
  make(30);
  ShardImport outer = job("d");
  bool tried = false;
  outer.progress = [&](const ImportProgress&) {
    if (std::exchange(tried, true)) return;
    const auto second = import_to_shards(job("d"));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), Errc::InvalidArgument);
  };
  ASSERT_TRUE(import_to_shards(outer));
  EXPECT_TRUE(tried);
}

TEST_F(ImportResume, JsonThatEndsEarlyNamesFileAndByteAndKeepsWhatWasDecoded) {
  make(30);
  const auto path = tree_.root() / kAnnotations;
  const auto size = fs::file_size(path);
  fs::resize_file(path, size - 100);
  const auto cut = import_to_shards(job("d"));
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code(), Errc::Corrupt);
  EXPECT_NE(cut.error().message().find(kAnnotations), std::string::npos);
  EXPECT_NE(cut.error().message().find(fmt::format("byte {}", size - 100)), std::string::npos);
  annotate(30, 0);
  const auto mended = import_to_shards(job("d"));
  ASSERT_TRUE(mended) << mended.error().message();
  EXPECT_GT(mended->summary.taken_over, 0U);
}

TEST_F(ImportResume, PathsThatClimbOutAreRefused) {
  tree_.write(kAnnotations, R"([{"image": "../../../etc/passwd", "conversations": []}])");
  const auto climbed = import_to_shards(job("d"));
  ASSERT_FALSE(climbed);
  EXPECT_EQ(climbed.error().code(), Errc::InvalidArgument);
  EXPECT_EQ(entries_in_place(), 0U);
}

TEST_F(ImportResume, KilledAtAnyInstantItGoesOnWithTheSameBytes) {
  make(120);
  ASSERT_TRUE(import_to_shards(job("straight")));
  const Random random(11, "test", "kill");
  int kills = 0;
  for (std::uint64_t attempt = 0;; ++attempt) {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto done = import_to_shards(job("d"));
      if (!done) std::fprintf(stderr, "%s\n", done.error().message().c_str());
      ::_exit(done ? 0 : 1);
    }
    // The last attempts are left alone, so that the test ends on any machine.
    if (attempt < 25) {
      ::usleep(500 + random.below(attempt, 25'000));
      ::kill(child, SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    if (WIFEXITED(status)) {
      ASSERT_EQ(WEXITSTATUS(status), 0);
      break;
    }
    ++kills;
    if (fs::exists(place_ / "d")) break;  // killed after it was published
  }
  EXPECT_EQ(whole("d"), whole("straight"));
  EXPECT_EQ(entries_in_place(), 2U);
  RecordProperty("kills", kills);
}

TEST_F(ImportResume, FullDiskIsOverloadedAndGoesOnWhenThereIsRoom) {
  make(120);
  const fs::path disk = place_ / "disk";
  fs::create_directory(disk);
  const test::SmallDisk small(disk, 96UL << 10U);
  if (!small.mounted()) GTEST_SKIP() << small.reason();
  const auto full = import_to_shards(job("disk/d"));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), Errc::Overloaded);
  EXPECT_NE(full.error().message().find("space"), std::string::npos) << full.error().message();
  EXPECT_FALSE(fs::exists(disk / "d"));
  ASSERT_EQ(::mount("tmpfs", disk.c_str(), "tmpfs", MS_REMOUNT | MS_NOSUID | MS_NODEV, "size=8m"),
            0);
  const auto resumed = import_to_shards(job("disk/d"));
  ASSERT_TRUE(resumed) << resumed.error().message();
  EXPECT_GT(resumed->summary.taken_over, 0U);
  ASSERT_TRUE(import_to_shards(job("straight")));
  EXPECT_EQ(whole("disk/d"), whole("straight"));
}

}  // namespace
}  // namespace desa2va::datasets
