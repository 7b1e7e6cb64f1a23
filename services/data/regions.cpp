#include <algorithm>
#include <numeric>

#include "common/preprocess/image/resize.h"
#include "common/preprocess/masks/rle.h"
#include "common/preprocess/text/templates.h"
#include "services/data/assemble.h"
#include "services/data/draws.h"

// Conversations about regions of a picture (Osprey-724k).
namespace desa2va::data {

namespace {

using datasets::Sample;
using text::Message;

// The region's cells of the last tile: its mask shrunk to the grid of tokens, nearest at the top
// left of each cell. A region may be too small to have any.
Result<std::vector<std::uint8_t>> cells_of(const datasets::Expression& region, int side) {
  if (region.masks.empty()) {
    return fail(Errc::InvalidArgument, "region {} has no mask", region.id);
  }
  DESA2VA_ASSIGN(const preprocess::Rle rle, datasets::decoded(region.masks[0]));
  const preprocess::Mask mask = preprocess::decode_rle(rle);
  auto cells = preprocess::resize_nearest(mask.pixels, mask.width, mask.height, side, side);
  for (std::uint8_t& cell : cells) cell = cell != 0 ? 1 : 0;
  return cells;
}

// Detailed descriptions have an answer for each region and no question: one of thirty is drawn.
std::vector<Message> turns_of(const Sample& sample, std::string preamble, const Random& random) {
  std::vector<Message> messages;
  const bool is_short = sample.split == "short_form";
  for (std::size_t i = 0; i < sample.turns.size(); ++i) {
    std::string question = sample.turns[i].question;
    if (question.empty()) {
      const auto all = text::region_questions();
      question = text::fill(all[random.below(i, static_cast<std::uint32_t>(all.size()))],
                            fmt::format("region{}", i + 1));
    }
    if (is_short) question += text::short_answer_instruction();
    messages.push_back({Message::From::Human, std::exchange(preamble, {}) + question});
    messages.push_back({Message::From::Assistant, sample.turns[i].answer});
  }
  return messages;
}

}  // namespace

Result<Part> Assembler::region_qa(const Source& source, const Sample& sample,
                                  const Place& place) const {
  Part part;
  if (sample.expressions.empty()) return fail(Errc::InvalidArgument, "the sample has no region");
  DESA2VA_ASSIGN(const text::ImageBlock block, tile_picture(source, sample, part, false));
  std::vector<std::int64_t> counts;
  for (const datasets::Expression& region : sample.expressions) {
    DESA2VA_ASSIGN(auto cells, cells_of(region, static_cast<int>(config_.model.vit.grid() / 2)));
    counts.push_back(std::accumulate(cells.begin(), cells.end(), std::int64_t{0}));
    part.regions.push_back(std::move(cells));
  }
  const Random random(place.seed, "templates", site_of(sample, place.repeat), place.microbatch);
  part.text =
      text::encode_conversation(tokenizer_, turns_of(sample, text::region_preamble(counts), random),
                                options(text::Encoder::V, block));
  DESA2VA_TRY(check_tokens(part));
  return part;
}

}  // namespace desa2va::data
