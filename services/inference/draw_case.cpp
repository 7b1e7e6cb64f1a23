#include "services/inference/draw_case.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/evaluation/masks/overlap.h"
#include "services/inference/draw.h"

namespace desa2va::inference {
namespace {

using datasets::Sample;
using evaluation::Answer;
using evaluation::EvaluationSet;
using evaluation::Query;
using evaluation::SetKind;
using preprocess::Image;
using preprocess::Rle;

constexpr int kSmallWidth = 320;  // narrower frames are drawn twice as large

using Objects = std::vector<std::vector<Rle>>;  // [object][frame]

const Objects& objects_of(const Answer& answer, const std::string& branch) {
  static const Objects kNone;
  const auto found = answer.masks.find(branch);
  return found == answer.masks.end() ? kNone : found->second;
}

void unite(Mask& into, const Rle& mask) {
  const preprocess::Mask pixels = preprocess::decode_rle(mask);
  for (std::size_t i = 0; i < std::min(into.size(), pixels.pixels.size()); ++i)
    into[i] |= pixels.pixels[i];
}

// The question's lines, what was right and what the model said.
std::vector<std::string> choice_lines(const Sample& sample, const Query& query,
                                      const Answer& answer) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at <= query.question.size();) {
    const std::size_t end = std::min(query.question.find('\n', at), query.question.size());
    lines.push_back(query.question.substr(at, end - at));
    at = end + 1;
  }
  lines.push_back(
      fmt::format("right: {}", sample.turns.empty() ? std::string() : sample.turns[0].answer));
  lines.push_back(fmt::format("answer: {}", answer.text));
  return lines;
}

}  // namespace

Result<std::uint32_t> telling_frame(const EvaluationSet& set, const Sample& sample,
                                    const Query& query, const Answer& answer,
                                    const std::string& branch) {
  if (set.kind != SetKind::Video) return 0;
  const auto& truth = sample.expressions.at(query.expression).masks;
  const Objects& objects = objects_of(answer, branch);
  std::uint32_t worst = 0;
  std::int64_t most = -1;
  for (std::uint32_t frame = 0; frame < sample.drawable_frames() && frame < truth.size(); ++frame) {
    DESA2VA_ASSIGN(const Rle mask, datasets::decoded(truth[frame]));
    std::int64_t differ = preprocess::area(mask);
    if (!objects.empty() && frame < objects[0].size()) {
      DESA2VA_ASSIGN(const evaluation::Overlap common,
                     evaluation::overlap(mask, objects[0][frame]));
      differ = common.united - common.intersection;
    }
    if (differ <= most) continue;
    most = differ;
    worst = frame;
  }
  return worst;
}

Result<Image> draw_case(const Pen& pen, const EvaluationSet& set, const Sample& sample,
                        const Query& query, const Answer& answer, const std::string& branch,
                        double score, std::uint32_t number, const Image& frame) {
  if (set.kind == SetKind::Choice)
    return captioned(pen, frame, choice_lines(sample, query, answer));
  int width = frame.width;
  int height = frame.height;
  Mask truth;
  const auto add_truth = [&](const datasets::CodedMask& mask) -> Result<void> {
    DESA2VA_ASSIGN(const Rle coded, datasets::decoded(mask));
    width = coded.width;
    height = coded.height;
    truth.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
    unite(truth, coded);
    return {};
  };
  const bool all = set.kind == SetKind::Grounded;
  for (std::size_t i = 0; i < sample.expressions.size(); ++i) {
    const auto& masks = sample.expressions[i].masks;
    if ((all || i == query.expression) && number < masks.size())
      DESA2VA_TRY(add_truth(masks[number]));
  }
  truth.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  Mask predicted(truth.size());
  const Objects& objects = objects_of(answer, branch);
  for (std::size_t i = 0; i < objects.size() && (all || i == 0); ++i)
    if (number < objects[i].size()) unite(predicted, objects[i][number]);
  const int scale = frame.width < kSmallWidth ? 2 : 1;
  const std::string& said = all ? answer.text : query.question;
  return panels(pen, frame, truth, predicted, width, height, said,
                fmt::format("{} {:.3f}", branch, score), scale);
}

}  // namespace desa2va::inference
