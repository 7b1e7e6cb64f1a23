#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/config/config.h"
#include "common/preprocess/text/tokenizer.h"
#include "services/inference/model.h"

namespace desa2va::inference {

// A trained or imported model, ready to answer.
struct OpenedModel {
  config::Config config;
  text::Tokenizer tokenizer;
  std::unique_ptr<Model> model;
  std::uint64_t step = 0;
};

// `dir`: a run directory, or what `desa2va ckpt import` made, which looks like one. The tokenizer
// is the one in it, else that of its data. Exit 2 names what is missing.
Result<OpenedModel> open_model(const std::string& dir, std::optional<std::uint64_t> step);

// SAM-2's decoder from before training, for infer.video_mode=consistent: from the newest checkpoint
// of `source` (a directory as above), or, if that is empty, from what the model began with: its
// step 0, else `init.from`. Exit 2 says what to give when there is none.
Result<void> load_original(OpenedModel& opened, const std::string& dir, const std::string& source);

}  // namespace desa2va::inference
