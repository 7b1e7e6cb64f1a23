#pragma once

#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/preprocess/image/image.h"
#include "common/preprocess/masks/rle.h"

// Pictures that an evaluation of a whole set leaves in its folder. Overloaded (exit 6): no space.
namespace desa2va::inference {

// The masks of one query as the servers of MeViS and Ref-YouTube-VOS want them:
// FOLDER/Annotations/<video>/<expression>/<frame>.png, 8-bit grey, 0 or 255. Corrupt (exit 3) where
// the names of a sample lead out of the folder.
Result<void> write_for_server(const std::filesystem::path& folder, const std::string& video,
                              const std::string& expression, const std::vector<std::string>& frames,
                              const std::vector<preprocess::Rle>& masks);

// The drawings of the worst cases that this process has seen, FOLDER/worst/<score>_<query>.png. By
// name they are in the order of score and then query, so that the worst of all replicas are the
// first files whoever drew them. One thread.
class WorstCases {
 public:
  WorstCases(const std::filesystem::path& folder, std::size_t most);

  // Whether the case is among the worst so far; `score` 0..1.
  bool wants(double score, const std::string& query) const;
  // Writes its drawing and removes that of the case which is now one too many.
  Result<void> keep(double score, const std::string& query, const preprocess::Image& drawing);

 private:
  const std::filesystem::path folder_;
  const std::size_t most_;
  std::set<std::string> files_;
};

}  // namespace desa2va::inference
