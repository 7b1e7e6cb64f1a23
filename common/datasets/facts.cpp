#include "common/datasets/facts.h"

#include <algorithm>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "common/base/checksum.h"
#include "common/datasets/gcg_answer.h"
#include "common/preprocess/image/resize.h"

namespace desa2va::datasets {

namespace {

using nlohmann::json;

constexpr int kRegionCells = 16;  // a region is seen on a grid of 16 x 16 cells

Result<json> source_of(const std::string& text) {
  json source = json::parse(text, nullptr, false);
  if (!source.is_object()) return fail(Errc::Corrupt, "the record's source is no JSON object");
  return source;
}

Result<preprocess::Mask> pixels_of(const CodedMask& mask) {
  DESA2VA_ASSIGN(const preprocess::Rle rle, decoded(mask));
  return preprocess::decode_rle(rle);
}

std::uint32_t crc_of(std::span<const std::uint8_t> pixels) {
  return crc32(std::as_bytes(pixels));
}

Result<json> mask_facts(const Expression& expression) {
  if (expression.masks.empty()) return json(nullptr);
  DESA2VA_ASSIGN(const preprocess::Mask mask, pixels_of(expression.masks[0]));
  return json{{"area", mask.area()}, {"crc32", crc_of(mask.pixels)}};
}

// One value per frame.
Result<void> add_track_facts(const std::vector<CodedMask>& masks, json& facts) {
  if (masks.empty()) return {};
  json areas = json::array();
  json sums = json::array();
  json absent = json::array();
  for (std::size_t frame = 0; frame < masks.size(); ++frame) {
    DESA2VA_ASSIGN(const preprocess::Mask mask, pixels_of(masks[frame]));
    areas.push_back(mask.area());
    sums.push_back(crc_of(mask.pixels));
    if (areas.back() == 0) absent.push_back(frame);
  }
  facts["area"] = std::move(areas);
  facts["crc32"] = std::move(sums);
  facts["absent_frames"] = std::move(absent);
  return {};
}

void add_picture_facts(const Sample& sample, json& facts) {
  if (sample.media.empty() || sample.media[0].width == 0) return;
  facts["width"] = sample.media[0].width;
  facts["height"] = sample.media[0].height;
  facts["rgb_crc32"] = sample.media[0].rgb_crc32;
}

json turns_of(const Sample& sample, bool as_messages) {
  json turns = json::array();
  for (const Turn& turn : sample.turns) {
    if (as_messages) {
      turns.push_back({{"from", "human"}, {"value", turn.question}});
      turns.push_back({{"from", "gpt"}, {"value", turn.answer}});
    } else {
      turns.push_back({{"input", turn.question}, {"output", turn.answer}});
    }
  }
  return turns;
}

Result<void> add_image_ref(const Sample& sample, json& facts) {
  add_picture_facts(sample, facts);
  facts["objects"] = json::array();
  for (const Expression& expression : sample.expressions) {
    DESA2VA_ASSIGN(json object, source_of(expression.source));
    object["texts"] = expression.texts;
    DESA2VA_ASSIGN(object["mask"], mask_facts(expression));
    facts["objects"].push_back(std::move(object));
  }
  return {};
}

Result<void> add_frame_folder(const Sample& sample, json& facts) {
  facts["video"] = sample.id;
  json frames = json::array();
  json sums = json::array();
  bool differ = false;
  for (const MediaRef& frame : sample.media) {
    frames.push_back(std::filesystem::path(frame.path).stem().string());
    sums.push_back(frame.rgb_crc32);
    differ =
        differ || frame.width != sample.media[0].width || frame.height != sample.media[0].height;
  }
  facts["n_frames"] = frames.size();
  facts["frames"] = std::move(frames);
  add_picture_facts(sample, facts);
  facts["rgb_crc32"] = std::move(sums);
  facts["sizes_differ"] = differ;
  if (!sample.foreground.empty())
    DESA2VA_TRY(add_track_facts(sample.foreground, facts["foreground"]));
  facts["expressions"] = json::array();
  for (const Expression& expression : sample.expressions) {
    DESA2VA_ASSIGN(json one, source_of(expression.source));
    one["id"] = expression.id;
    one["text"] = expression.texts.at(0);
    one["question"] = expression.verbatim;
    DESA2VA_TRY(add_track_facts(expression.masks, one));
    facts["expressions"].push_back(std::move(one));
  }
  return {};
}

Result<void> add_video_file(const Sample& sample, json& facts) {
  facts["objects"] = json::object();
  for (const Expression& expression : sample.expressions) {
    json object = {{"formated", expression.texts.at(0)}, {"short_caps", expression.short_texts}};
    DESA2VA_TRY(add_track_facts(expression.masks, object));
    facts["objects"][expression.id] = std::move(object);
  }
  return {};
}

Result<void> add_gcg(const Sample& sample, json& facts) {
  add_picture_facts(sample, facts);
  facts["caption"] = sample.caption;
  std::vector<TextSpan> spans;
  for (const Expression& expression : sample.expressions)
    if (expression.span) spans.push_back(*expression.span);
  facts["answer"] = gcg_answer(sample.caption, spans);
  facts["answer_if_trimmed"] = gcg_answer(sample.caption, trim_spans(spans));
  facts["phrases"] = json::array();
  for (const Expression& expression : sample.expressions) {
    DESA2VA_ASSIGN(json phrase, source_of(expression.source));
    if (expression.span) phrase["span"] = {expression.span->first, expression.span->second};
    phrase["seg_text"] = expression.texts.at(0);
    DESA2VA_ASSIGN(phrase["mask"], mask_facts(expression));
    facts["phrases"].push_back(std::move(phrase));
  }
  return {};
}

Result<void> add_regions(const Sample& sample, json& facts) {
  json picture = json::object();
  add_picture_facts(sample, picture);
  if (!picture.empty()) facts["image"] = std::move(picture);
  facts["regions"] = json::array();
  for (const Expression& expression : sample.expressions) {
    DESA2VA_ASSIGN(json region, source_of(expression.source));
    DESA2VA_ASSIGN(region["mask"], mask_facts(expression));
    if (!expression.masks.empty()) {
      DESA2VA_ASSIGN(const preprocess::Mask mask, pixels_of(expression.masks[0]));
      const auto cells = preprocess::resize_nearest(mask.pixels, mask.width, mask.height,
                                                    kRegionCells, kRegionCells);
      region["cells"] = std::count(cells.begin(), cells.end(), 1);
      region["cells_crc32"] = crc_of(cells);
    }
    facts["regions"].push_back(std::move(region));
  }
  return {};
}

Result<void> add_by_kind(const Sample& sample, json& facts) {
  switch (sample.kind) {
    case SampleKind::ImageRef:
      return add_image_ref(sample, facts);
    case SampleKind::VideoRef:
      if (sample.media.size() == 1 && sample.media[0].kind == MediaKind::Video)
        return add_video_file(sample, facts);
      return add_frame_folder(sample, facts);
    case SampleKind::ImageQa:
      add_picture_facts(sample, facts);
      facts["turns"] = turns_of(sample, false);
      return {};
    case SampleKind::VideoQa:
      facts["turns"] = turns_of(sample, false);
      return {};
    case SampleKind::Gcg:
      return add_gcg(sample, facts);
    case SampleKind::RegionQa:
      if (!facts.contains("turns")) facts["turns"] = turns_of(sample, true);
      return add_regions(sample, facts);
  }
  return {};
}

}  // namespace

Result<json> facts_of(const Sample& sample) {
  DESA2VA_ASSIGN(json facts, source_of(sample.source));
  facts["dataset"] = sample.dataset;
  facts["split"] = sample.split;
  facts["key"] = sample.id;
  facts["kind"] = name(sample.kind);
  facts["status"] = name(sample.status);
  facts["reason"] = sample.reason;
  DESA2VA_TRY(add_by_kind(sample, facts).in(describe(sample)));
  return facts;
}

}  // namespace desa2va::datasets
