#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/checksum.h"
#include "common/base/result.h"
#include "common/datasets/sample.h"
#include "common/preprocess/video/index.h"

// Data sets in the layout in which they are published, as a stream of samples.
namespace desa2va::datasets {

struct VideoDetails {
  preprocess::VideoInfo info;
  preprocess::VideoIndex index;  // of all frames; its starts are confirmed by decoding
};

// A media file that was read and decoded completely. Files that cannot be are never handed on:
// the samples that need them are marked Broken.
struct MediaItem {
  ContentHash hash;
  MediaKind kind = MediaKind::Image;
  Buffer bytes;      // the file as it is; empty: the sink has kept it from an interrupted import
  std::string path;  // below the root
  int width = 0;     // as shown, upright
  int height = 0;
  std::uint32_t rgb_crc32 = 0;        // pictures
  std::optional<VideoDetails> video;  // videos
  double decode_ms = 0;               // processor time for one picture, or one frame, here
};

// What was found of one split, beside its samples.
struct SplitInfo {
  std::string dataset;
  std::string split;
  std::uint64_t samples = 0;  // broken ones included
  std::uint64_t expressions = 0;
  std::string source;  // about its annotation files: a JSON object, for tools
};

// Where an import goes: a shard writer, a check, a test. Calls come on the thread that imports,
// each media before the first sample that refers to it; the same file may come again with a later
// sample (equal hash). A failure returned here ends the import with it.
class ImportSink {
 public:
  virtual ~ImportSink() = default;
  virtual Result<void> media(const MediaItem& item) = 0;
  virtual Result<void> sample(const Sample& sample) = 0;
  // After the last sample of a split.
  virtual Result<void> split_done(const SplitInfo& info) = 0;
  // How much there is to do in all, told once at the start, and how much of it a sample was;
  // bytes of annotation, roughly.
  virtual void expect(std::uint64_t /*weight*/) {}
  virtual void advance(std::uint64_t /*weight*/) {}
};

class MediaMemory;

struct ImportRequest {
  // The tree that holds every set ("data"): ref_seg/, video_datas/, llava_data/, ...
  std::filesystem::path root;
  std::vector<std::string> splits;  // empty: all that are there
  // Threads that read and decode; 0: as many as the machine has. What comes out is the same.
  unsigned threads = 0;
  std::stop_token stop = {};      // ends the import with Cancelled
  MediaMemory* memory = nullptr;  // see there; must outlive the import
};

// One set. Samples come in the order of its annotation file, always the same. Broken media make
// broken samples; a broken annotation file (unreadable JSON, a pickle that asks for code, a path
// that leaves the root) is an error that names file and place.
struct Importer {
  std::string_view dataset;
  std::string_view about;
  // The splits whose annotation files exist under the root.
  std::vector<std::string> (*splits)(const std::filesystem::path& root);
  Result<void> (*run)(const ImportRequest& request, ImportSink& sink);
};

// All that are known, in the order of the documentation; one file in importers/ each.
std::span<const Importer> importers();
const Importer* find_importer(std::string_view dataset);

}  // namespace desa2va::datasets
