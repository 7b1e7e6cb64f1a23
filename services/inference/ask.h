#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/preprocess/image/image.h"
#include "common/preprocess/text/prompt.h"
#include "services/inference/media.h"

// From what a user types to what the language model reads.
namespace desa2va::inference {

// How a text is asked: Auto takes a question or a request as it is and puts a phrase that only
// names something ("the dog on the left") into the sentence "Please segment {X}.".
enum class Asking : std::uint8_t { Auto, Verbatim, Segment };
Result<Asking> asking_from(std::string_view name);  // "auto" | "verbatim" | "segment"

// Whether it asks or requests: a question mark, or a first word such as "please" or "where".
bool reads_as_request(std::string_view text);
// Without blanks at its ends; one trailing dot of a phrase goes, as the sentence has its own.
std::string question_of(std::string_view text, Asking how);

// InvalidArgument: empty, or with a mark that has a meaning of its own (<image>, <IMG_CONTEXT>,
// <|im_start|>, ...).
Result<void> check_text(std::string_view text, const text::Tokenizer& tokenizer);

struct Prompt {
  std::vector<std::int64_t> ids;
  std::vector<preprocess::Image> tiles;  // vit.image_size a side
};

// Pictures get their tiles, videos one tile a frame: the image block, then the question, as in
// training. InvalidArgument when the prompt leaves no room for an answer in llm.max_length.
Result<Prompt> make_prompt(const config::Config& config, const text::Tokenizer& tokenizer,
                           MediaKind kind, const std::vector<preprocess::Image>& frames,
                           std::string_view question);

}  // namespace desa2va::inference
