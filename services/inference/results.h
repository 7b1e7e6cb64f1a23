#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/preprocess/video/encode.h"
#include "services/inference/media.h"
#include "services/inference/overlay.h"
#include "services/inference/picture_masks.h"

// What `desa2va segment` leaves behind (docs/inference.md): NAME.png or NAME.mp4, masks/NAME/*.png,
// NAME.json. Written frame by frame; complete files only, under their names.
namespace desa2va::inference {

// One answer of the model.
struct Answer {
  std::string text;      // what the user gave
  std::string question;  // what was asked
  std::string answer;    // in words, without the stop word
  std::int64_t tokens = 0;
  bool complete = false;     // it ended by itself
  std::vector<int> objects;  // numbers of its masks
};

struct Object {
  int number = 0;
  std::string text;    // of the answer it belongs to
  std::string phrase;  // what it is called there
};

struct Header {
  std::string model;  // directory
  std::uint64_t step = 0;
  std::string media, name;
  MediaKind kind = MediaKind::Image;
  int width = 0, height = 0;  // of the first frame
  std::string branch;
  std::vector<Answer> answers;
  std::vector<Object> objects;
};

struct ResultFiles {
  std::filesystem::path overlay, json, masks;
};

class ResultWriter {
 public:
  // Makes the folders, and removes the mask files of an earlier result of that name. Exit 2 where
  // that is not possible.
  static Result<ResultWriter> create(const std::filesystem::path& folder, Header header,
                                     preprocess::Rational rate, bool overlay);
  ResultWriter(ResultWriter&&) noexcept;
  ~ResultWriter();  // unfinished files are removed

  // In order. `scores`: of the objects, probabilities that they are there.
  Result<void> add(const MediaFrame& frame, const PictureMasks& masks,
                   const std::vector<double>& scores);
  // Names what was written; `json_text` (may be null) gets the document.
  Result<ResultFiles> finish(std::int64_t damaged, double seconds, std::string* json_text);

 private:
  struct State;
  explicit ResultWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Where results of that name go.
ResultFiles result_files(const std::filesystem::path& folder, const std::string& name,
                         MediaKind kind);
// Exit 2 when one of them is what is to be read: results never overwrite their own source.
Result<void> check_apart(const ResultFiles& files, const std::filesystem::path& media);

// Lines of the legend: each object, and each text without any.
std::vector<LegendEntry> legend_of(const Header& header);

}  // namespace desa2va::inference
