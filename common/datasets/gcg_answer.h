#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Answers of grounded conversations: captions whose phrases are marked as `<p> phrase </p> [SEG]`.
namespace desa2va::datasets {

// [begin, end) in code points of a caption.
using TextSpan = std::pair<std::uint32_t, std::uint32_t>;

// Marks the spans in the caption, from the last to the first, each on what the ones behind it have
// left (so spans that overlap give the broken markup of the reference). Ascending by begin.
std::string gcg_answer(std::string_view caption, const std::vector<TextSpan>& spans);

// Spans that reach the beginning of the next one end one character before it. Ascending by begin.
std::vector<TextSpan> trim_spans(std::vector<TextSpan> spans);

std::string text_at(std::string_view caption, TextSpan span);
// The first place of `phrase` in the caption.
std::optional<TextSpan> find_span(std::string_view caption, std::string_view phrase);

}  // namespace desa2va::datasets
