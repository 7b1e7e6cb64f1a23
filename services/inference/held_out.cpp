#include "services/inference/held_out.h"

#include <filesystem>

#include "common/preprocess/masks/bits.h"
#include "common/preprocess/text/prompt.h"
#include "common/preprocess/text/tokenizer.h"
#include "common/synth/synth.h"
#include "services/data/assemble.h"
#include "services/data/collate.h"
#include "services/data/draws.h"
#include "services/data/sources.h"

namespace desa2va::inference {
namespace {

constexpr std::size_t kCacheBytes = std::size_t{64} << 20U;

// Masks of every object in the drawn frames, one byte a pixel.
Result<std::vector<std::vector<Mask>>> all_objects(const datasets::Sample& sample,
                                                   const std::vector<std::uint32_t>& frames,
                                                   Question& into) {
  std::vector<std::uint32_t> everyone(sample.expressions.size());
  for (std::uint32_t i = 0; i < everyone.size(); ++i) everyone[i] = i;
  DESA2VA_ASSIGN(const messages::Masks packed, data::pack_masks(sample, everyone, frames));
  into.width = static_cast<int>(packed.width);
  into.height = static_cast<int>(packed.height);
  std::vector<std::vector<Mask>> masks(frames.size());
  const auto bits = packed.bits.values<std::uint8_t>();
  const auto width = static_cast<std::size_t>(packed.width);
  const auto height = static_cast<std::size_t>(packed.height);
  const std::size_t row_bytes = preprocess::packed_size(width);
  for (std::size_t object = 0; object < everyone.size(); ++object) {
    for (std::size_t frame = 0; frame < frames.size(); ++frame) {
      Mask mask(width * height);
      const std::size_t first = (object * frames.size() + frame) * height;
      for (std::size_t y = 0; y < height; ++y)
        preprocess::unpack_bits(bits.subspan((first + y) * row_bytes, row_bytes),
                                std::span(mask).subspan(y * width, width));
      masks[frame].push_back(std::move(mask));
    }
  }
  return masks;
}

}  // namespace

Result<void> each_question(const config::Config& config, std::int64_t samples,
                           const std::function<Result<void>(const Question&)>& take) {
  const std::string folder =
      config.data.tokenizer.empty() ? config.data.shards + "/tokenizer" : config.data.tokenizer;
  DESA2VA_ASSIGN(const text::Tokenizer tokenizer, text::Tokenizer::load(folder));
  DESA2VA_ASSIGN(const text::PromptTemplate form,
                 text::prompt_template(config.prompt.template_name));
  DESA2VA_ASSIGN(const auto sources, data::open_sources(config, config.eval.mixture));
  const std::filesystem::path needs_file = std::filesystem::path(config.data.shards) / "needs.json";
  std::optional<synth::Needs> needs;
  if (std::filesystem::exists(needs_file)) {
    DESA2VA_ASSIGN(needs, synth::Needs::load(needs_file));
  }
  data::MediaCache media(kCacheBytes, nullptr, 0);
  const data::Assembler assembler(config, tokenizer, form, media);
  std::int64_t given = 0;
  for (std::uint64_t item = 0; given < samples; ++item) {
    bool any = false;
    for (const data::Source& source : sources) {
      if (item >= source.numbers.size() || !source.has_masks() || given == samples) continue;
      any = true;
      DESA2VA_ASSIGN(const datasets::Sample sample, source.sample(item));
      const data::Place place{static_cast<std::uint64_t>(config.run.seed), 0, 0};
      DESA2VA_ASSIGN(auto assembled, assembler.part(source, sample, place));
      if (!assembled.part) continue;
      Question question;
      question.name = datasets::describe(sample);
      const std::vector<data::Part> parts = {std::move(*assembled.part)};
      question.batch = data::collate_batch(config, tokenizer, parts);
      question.frames = data::collate_frames(config, parts);
      question.texts = parts[0].texts;
      const auto drawn = data::draw_objects(sample, config.data.objects_per_sample, place);
      question.named.assign(drawn.begin(), drawn.end());
      if (question.named.size() != question.texts.size()) continue;  // the cut took some away
      for (const std::string& text : question.texts)
        question.needs.push_back(needs ? needs->find(sample.dataset, sample.id, text).value_or("")
                                       : "");
      const std::vector<std::uint32_t> frames =
          sample.kind == datasets::SampleKind::ImageRef
              ? std::vector<std::uint32_t>{0}
              : data::draw_frames(sample, config.data.frames_per_sample, place);
      DESA2VA_ASSIGN(question.objects, all_objects(sample, frames, question));
      DESA2VA_TRY(take(question));
      ++given;
    }
    if (!any) break;
  }
  if (given == 0)
    return fail(Errc::NotFound, "eval.mixture has no sample with masks in {}", config.data.shards)
        .with_exit(ExitCode::Usage);
  return {};
}

}  // namespace desa2va::inference
