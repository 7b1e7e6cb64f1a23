#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "common/base/result.h"
#include "common/preprocess/image/image.h"
#include "services/inference/media.h"
#include "services/inference/open_model.h"

// A question about pictures to the model's answer.
namespace desa2va::inference {

struct Reply {
  std::string text;  // without the stop word and blanks at the ends
  std::int64_t tokens = 0;
  bool complete = false;  // a stop word ended it; else infer.max_new_tokens or llm.max_length did
  at::Tensor seg_hidden;  // (n, D) states of its [SEG]
};

// Greedy. `say` gets the answer's words as they come; `stopped` is asked after every token, and
// true ends with `interrupted()`. InvalidArgument when the prompt leaves no room for an answer.
Result<Reply> reply_to(OpenedModel& opened, MediaKind kind,
                       const std::vector<preprocess::Image>& shown, std::string_view question,
                       const std::function<void(std::string_view)>& say,
                       const std::function<bool()>& stopped);

// What a user's wish to stop ends with: Cancelled, exit 130.
Error interrupted();

}  // namespace desa2va::inference
