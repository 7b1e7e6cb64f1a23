#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/datasets/importer.h"
#include "common/datasets/tree.h"
#include "common/preprocess/masks/rle.h"

namespace desa2va::datasets {

// One media file, as an importer meets it.
struct LoadedMedia {
  MediaRef ref;
  std::string problem;    // empty: usable, else why not ("missing file", "truncated image: ...")
  std::string remark;     // usable, but worth knowing ("20 of 120 frames are damaged")
  std::string stored_as;  // "JPEG RGB"; pictures
  std::optional<VideoDetails> video;
  double decode_ms = 0;  // of one picture or frame
};

// Reads media below the root, decodes them completely and hands the good ones to the sink.
class MediaLoader {
 public:
  MediaLoader(const DataTree& tree, ImportSink& sink) : tree_(tree), sink_(sink) {}

  // Fails only with the sink, or for a path that leaves the root; all else is a problem in what
  // is returned.
  Result<LoadedMedia> image(const std::string& path);
  Result<LoadedMedia> video(const std::string& path);

  const DataTree& tree() const { return tree_; }

 private:
  Result<Buffer> read(const std::string& path, LoadedMedia& loaded);

  const DataTree& tree_;
  ImportSink& sink_;
  SystemClock clock_;  // for the cost of decoding
};

// Adds the media to the sample and its problem, if any, to the sample's status.
void add_media(Sample& sample, const LoadedMedia& loaded);

}  // namespace desa2va::datasets
