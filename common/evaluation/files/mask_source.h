#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/preprocess/image/image.h"

// Mask videos in files, by sequence and frame. Reading frames is for any thread.
namespace desa2va::evaluation {

class MaskSource {
 public:
  virtual ~MaskSource() = default;

  struct Sequence {
    std::string name;                 // "goat"; "video/expression"
    std::vector<std::string> frames;  // names without extension, ascending; "": known by position
  };
  // Sorted by name.
  const std::vector<Sequence>& sequences() const { return sequences_; }
  const Sequence* find(const std::string& name) const;

  // Object indices of one frame; 0x0 pixels: no mask is given and the size is not known. Corrupt,
  // naming the file.
  virtual Result<preprocess::IndexedImage> frame(const Sequence& sequence,
                                                 std::size_t position) const = 0;
  // "results.json: goat/1: mask 3", for messages.
  virtual std::string describe(const Sequence& sequence, std::size_t position) const = 0;
  // Every sequence is about object 1, also where it is never to be seen.
  virtual bool one_object() const = 0;

 protected:
  std::vector<Sequence> sequences_;
};

// A folder DIR/<sequence>/<frame>.png (the sequence may be several folders deep) of palette PNGs,
// or of grey ones with values 0 and 255, whose 255 is object 1; a folder with meta_expressions.json
// and mask_dict.json as MeViS has them; or a JSON file {video: {expression: {prediction_masks: [RLE
// | null, ...]}}}, every sequence of which has the one object 1.
Result<std::unique_ptr<MaskSource>> open_masks(const std::filesystem::path& path);

}  // namespace desa2va::evaluation
