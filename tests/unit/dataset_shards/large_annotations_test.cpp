#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include <gtest/gtest.h>

#include "common/datasets/shard_import.h"
#include "tests/unit/datasets/small_tree.h"

// Imports of files that do not fit: what counts is the largest memory of the process that imports.
namespace desa2va::datasets {
namespace {

namespace fs = std::filesystem;

class LargeAnnotations : public testing::Test {
 protected:
  // The largest resident memory of an import in a process of its own, in MiB.
  double import_in_child(const std::string& dataset, std::uint64_t samples) {
    const auto out = place_ / "d";
    const pid_t child = ::fork();
    if (child == 0) {
      ShardImport job;
      job.dataset = dataset;
      job.request.root = tree_.root();
      job.request.threads = 2;
      job.out = out;
      const auto imported = import_to_shards(job);
      if (!imported) std::fprintf(stderr, "%s\n", imported.error().message().c_str());
      ::_exit(imported && imported->catalog.samples == samples ? 0 : 1);
    }
    int status = 0;
    rusage usage{};
    EXPECT_EQ(::wait4(child, &status, 0, &usage), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    fs::remove_all(out);
    const double mib = static_cast<double>(usage.ru_maxrss) / 1024;
    std::printf("%s: %llu samples: %.0f MiB\n", dataset.c_str(),
                static_cast<unsigned long long>(samples), mib);
    return mib;
  }

  // `count` conversations of about `bytes` each, without pictures.
  std::uint64_t write_conversations(std::uint64_t count, std::size_t bytes) {
    const fs::path path = tree_.root() / "llava_data/LLaVA-Instruct-150K/llava_v1_5_mix665k.json";
    fs::create_directories(path.parent_path());
    std::ofstream out(path, std::ios::binary);
    std::string words;
    while (words.size() < bytes) words += fmt::format("word{} ", words.size() % 977);
    out << "[";
    for (std::uint64_t i = 0; i < count; ++i) {
      out << (i == 0 ? "" : ",\n")
          << fmt::format(
                 R"({{"id": "{}", "conversations": [{{"from": "human", "value": "what {}?"}},)"
                 R"({{"from": "gpt", "value": "{}"}}]}})",
                 i, i, words);
    }
    out << "]";
    out.close();
    return fs::file_size(path);
  }

  // MeViS with `tracks` masks of about `bytes` each, one video for every hundred.
  std::uint64_t write_mevis(std::uint64_t tracks, std::size_t bytes) {
    const fs::path folder = tree_.root() / "video_datas/mevis/train";
    fs::create_directories(folder);
    tree_.picture("video_datas/mevis/train/JPEGImages/v/0.jpg", 40, 30);
    std::ofstream masks(folder / "mask_dict.json", std::ios::binary);
    std::string filler;
    while (filler.size() < bytes) filler += ", null";
    for (std::uint64_t i = 0; i < tracks; ++i)
      masks << (i == 0 ? "{" : ",") << '"' << i << R"(": [{"size": [30, 40], "counts": "`U1"})"
            << filler << "]";
    masks << "}";
    masks.close();
    std::ofstream meta(folder / "meta_expressions.json", std::ios::binary);
    for (std::uint64_t i = 0; i < tracks; i += 100)
      meta << (i == 0 ? R"({"videos": {)" : ",") << '"' << "v" << (i == 0 ? "" : std::to_string(i))
           << R"(": {"frames": ["0"], "expressions": {"0": {"exp": "it", "anno_id": [)" << i
           << "]}}}";
    meta << "}}";
    meta.close();
    return fs::file_size(folder / "mask_dict.json");
  }

  void SetUp() override {
    constexpr std::uintmax_t kNeeded = 6ULL << 30U;
    if (fs::space(fs::temp_directory_path()).available < kNeeded)
      GTEST_SKIP() << "less than 6 GiB are free in " << fs::temp_directory_path();
  }

  SmallTree tree_;
  test::TempDir place_;
};

TEST_F(LargeAnnotations, AMillionOnesInTwoGigabytesNeedLittleMoreMemoryThanAFewThousand) {
  write_conversations(20'000, 2100);
  const double few = import_in_child("llava", 20'000);
  EXPECT_GT(write_conversations(1'000'000, 2100), 2ULL << 30U);
  const double many = import_in_child("llava", 1'000'000);
  EXPECT_LT(many - few, 100);  // MiB: 100 bytes a sample for keys and numbers, none for texts
}

TEST_F(LargeAnnotations, MasksInADictionaryOfTwoGigabytesAreReadOneByOne) {
  EXPECT_GT(write_mevis(200'000, 10'800), 2ULL << 30U);
  EXPECT_LT(import_in_child("mevis", 2'000), 200);  // MiB
}

}  // namespace
}  // namespace desa2va::datasets
