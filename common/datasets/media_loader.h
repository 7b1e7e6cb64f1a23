#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

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
  bool usable() const { return problem.empty(); }
};

class MediaMemory;

// Where good media go; an ImportSink, or what keeps them until their sample's turn comes.
using MediaTaker = std::function<Result<void>(MediaItem item)>;

// Reads media below the root, decodes completely what `memory` (may be null) does not know, and
// hands the good ones on. Belongs to one thread.
class MediaLoader {
 public:
  MediaLoader(const DataTree& tree, MediaMemory* memory, MediaTaker take)
      : tree_(tree), memory_(memory), take_(std::move(take)) {}

  // Fails only where the taker does, or for a path that leaves the root; all else is a problem in
  // what is returned.
  Result<LoadedMedia> image(const std::string& path) { return load(path, MediaKind::Image); }
  Result<LoadedMedia> video(const std::string& path) { return load(path, MediaKind::Video); }

  const DataTree& tree() const { return tree_; }

 private:
  Result<LoadedMedia> load(const std::string& path, MediaKind kind);
  Result<Buffer> read(const std::string& path, LoadedMedia& loaded);
  Result<LoadedMedia> take(LoadedMedia loaded, Buffer bytes, bool stored);

  const DataTree& tree_;
  MediaMemory* memory_;
  MediaTaker take_;
};

// Adds the media to the sample and its problem, if any, to the sample's status.
void add_media(Sample& sample, const LoadedMedia& loaded);

}  // namespace desa2va::datasets
