#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/datasets/coco_masks.h"
#include "common/datasets/json_scan.h"
#include "common/datasets/json_tools.h"
#include "common/datasets/media_loader.h"
#include "common/datasets/sample.h"

// What the sets of referring expressions on folders of frames share (MeViS, ReVOS, Ref-YouTube-VOS,
// Ref-DAVIS17): one sample is one video, its expressions select mask tracks.
namespace desa2va::datasets {

// The masks of one object in one frame: none (absent), one, or several that are united.
struct TrackFrame {
  std::vector<CodedMask> masks;
  bool listed = false;  // the set writes them as a list
};
using MaskTrack = std::vector<TrackFrame>;
using MaskTracks = std::map<std::string, MaskTrack>;

// [RLE | null | [RLE, ...], ...]
Result<MaskTrack> read_track(const Json& frames);
// {"17": track, ...} out of a pickle; `facts` gets its bytes, protocol and opcodes.
Result<MaskTracks> read_pickled_tracks(const DataTree& tree, const std::string& path,
                                       nlohmann::json& facts);

// One split of such a set.
struct VideoSplit {
  std::string dataset;
  std::string split;
  std::string image_folder;       // <video>/<frame>.jpg below it
  std::string expression_file;    // {"videos": {video: {"frames": [...], "expressions": {...}}}}
  std::string mask_file;          // for the facts; "": the split has none
  bool sort_videos = false;       // by name, else in the order of the file
  bool sort_expressions = false;  // by id as text, else in the order of the file
};

// Puts the masks of an expression in place, one call per expression in order; `raw` is its JSON.
using MaskSource =
    std::function<Result<void>(Sample& sample, Expression& expression, const Json& raw)>;
// Called for each video before its expressions; may add to sample.source.
using VideoHook = std::function<Result<void>(Sample& sample, const Json& video)>;
// Both for one video, used by the thread that makes its sample; either may be empty.
struct VideoMasks {
  MaskSource masks;
  VideoHook hook;
};
// Asked for each video, in order, on the thread that imports.
using MasksOfVideo = std::function<VideoMasks(const Json& video)>;

// Streams the split into the sink. `facts` is added to the facts of the split.
Result<void> import_video_split(const DataTree& tree, const VideoSplit& split,
                                const MasksOfVideo& masks_of, nlohmann::json facts,
                                const ImportRequest& request, ImportSink& sink);

// The union of the tracks that the expression's "anno_id" names, in a mask_dict.json. A track is
// read when a video first needs it.
MaskSource masks_by_annotation(const JsonIndex& tracks, const std::string& mask_file);

// Sets one mask per frame of the sample, the union of the tracks, each on a canvas of its frame's
// size. What had to be mended is noted in the expression's source and the sample's status.
Result<void> set_masks(Sample& sample, Expression& expression,
                       std::span<const MaskTrack* const> tracks);

// The union of some masks on the canvas of frame `frame`; `moved` is set where sizes differ.
Result<CodedMask> unite_on_frame(const Sample& sample, std::size_t frame,
                                 std::span<const CodedMask> masks, bool& moved);

}  // namespace desa2va::datasets
