#pragma once

#include <string>

#include "common/datasets/video_refs.h"

// Masks as they were drawn: <folder>/<video>/<frame>.png, palette pictures whose index is the
// object's number. For sets that come without the mask dictionary of the published training code.
namespace desa2va::datasets {

class AnnotationPngs {
 public:
  AnnotationPngs(const DataTree& tree, std::string folder)
      : tree_(tree), folder_(std::move(folder)) {}

  // Reads the pictures of the sample's frames (a frame without one has no objects); notes their
  // sizes in the sample's source.
  Result<void> load(Sample& sample);
  // The masks of the expression's `obj_id` in the video loaded last.
  Result<void> set(Sample& sample, Expression& expression, const Json& raw) const;

 private:
  const DataTree& tree_;
  std::string folder_;
  MaskTracks tracks_;  // by object number
};

// One split whose masks are such pictures.
Result<void> import_png_split(const DataTree& tree, const VideoSplit& split,
                              const std::string& folder, const ImportRequest& request,
                              ImportSink& sink);

// One split whose masks lie in a pickle, numbered by a counter over all its expressions.
Result<void> import_counted_split(const DataTree& tree, VideoSplit split,
                                  const std::string& mask_file, const ImportRequest& request,
                                  ImportSink& sink);

}  // namespace desa2va::datasets
