#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/datasets/importer.h"
#include "common/preprocess/image/encode.h"
#include "tests/support/temp_dir.h"

namespace desa2va::datasets {

// A data folder made for one test.
class SmallTree {
 public:
  const std::filesystem::path& root() const { return folder_.path(); }

  void write(const std::string& path, std::string_view text) {
    std::filesystem::create_directories((root() / path).parent_path());
    std::ofstream(root() / path, std::ios::binary) << text;
  }
  void write(const std::string& path, const Buffer& bytes) { write(path, as_text(bytes.bytes())); }
  void picture(const std::string& path, int width, int height) {
    preprocess::Image image = preprocess::Image::allocate(width, height);
    for (std::size_t i = 0; i < image.rgb.size(); ++i)
      image.mutable_pixels()[i] = static_cast<std::uint8_t>(i % 251);
    write(path, *preprocess::encode_jpeg(image));
  }

 private:
  test::TempDir folder_;
};

// Keeps what an import says.
class KeepingSink final : public ImportSink {
 public:
  Result<void> media(const MediaItem& item) override {
    media_of[item.hash] = item.path;
    return {};
  }
  Result<void> sample(const Sample& sample) override {
    samples.push_back(sample);
    return {};
  }
  Result<void> split_done(const SplitInfo& info) override {
    splits.push_back(info);
    return {};
  }

  std::map<ContentHash, std::string> media_of;
  std::vector<Sample> samples;
  std::vector<SplitInfo> splits;
};

inline Result<void> import_from(const SmallTree& tree, std::string_view dataset, KeepingSink& sink,
                                std::vector<std::string> splits = {}) {
  return find_importer(dataset)->run({tree.root(), std::move(splits)}, sink);
}

}  // namespace desa2va::datasets
