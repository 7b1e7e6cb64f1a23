#include "services/data/assemble.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "common/preprocess/image/resize.h"
#include "common/preprocess/image/tiles.h"
#include "common/preprocess/text/templates.h"
#include "services/data/draws.h"

namespace desa2va::data {

namespace {

using datasets::Sample;
using datasets::SampleKind;
using preprocess::Image;
using text::Encoder;
using text::ImageBlock;
using text::Message;

constexpr std::array<std::uint32_t, 1> kFirstFrame = {0};

Image square(const Image& image, std::int64_t side) {
  const int size = static_cast<int>(side);
  if (image.width == size && image.height == size) return image;
  return preprocess::resize_bicubic(image, size, size);
}

std::string without_markers(std::string text) {
  constexpr std::string_view kMarker = "<image>";
  for (auto at = text.find(kMarker); at != std::string::npos; at = text.find(kMarker)) {
    text.erase(at, kMarker.size());
  }
  return text;
}

}  // namespace

Assembler::Assembler(const config::Config& config, const text::Tokenizer& tokenizer,
                     const text::PromptTemplate& form, MediaCache& media)
    : config_(config),
      tokenizer_(tokenizer),
      form_(form),
      refcoco_form_(config.prompt.refcoco_phi3_override ? text::refcoco_phi3_override(form) : form),
      media_(media) {}

// Questions and answers must fit the masks and the tiles; a cut or odd text may break that. More
// [SEG] tokens than objects are fine: the surplus takes part in the language loss alone.
Result<void> Assembler::check_tokens(const Part& part) const {
  if (part.text.seg_positions.size() < part.texts.size()) {
    return fail(Errc::InvalidArgument, "only {} [SEG] tokens for {} masks",
                part.text.seg_positions.size(), part.texts.size());
  }
  if (!part.frames.empty() && part.texts.empty()) {
    return fail(Errc::InvalidArgument, "no [SEG] is left after the cut at llm.max_length");
  }
  const auto placed =
      std::count(part.text.ids.begin(), part.text.ids.end(), tokenizer_.special().img_context);
  auto wanted = static_cast<std::int64_t>(part.tiles.size()) * config_.model.vit.tokens_per_tile();
  for (const auto& region : part.regions) wanted += std::count(region.begin(), region.end(), 1);
  if (placed != wanted) {
    return fail(Errc::InvalidArgument, "{} places for {} picture tokens in the text", placed,
                wanted);
  }
  return {};
}

// Failures of one sample become a reason to replace it; failures of the shards go on up.
template <class T>
Result<Assembled<T>> Assembler::gate(Result<T> made) const {
  if (made) return Assembled<T>{std::move(*made)};
  Error& error = made.error();
  if (error.exit_code() != 0) return std::move(error);
  if (error.code() == Errc::Timeout && config_.data.on_timeout == config::OnTimeout::Stop) {
    return std::move(error)
        .in(fmt::format("data.timeout_ms={}", config_.data.timeout_ms))
        .with_exit(ExitCode::Data);
  }
  return Assembled<T>{std::nullopt, error.message(), error.code() != Errc::InvalidArgument};
}

Result<Assembled<Part>> Assembler::part(const Source& source, const Sample& sample,
                                        const Place& place) const {
  switch (sample.kind) {
    case SampleKind::ImageRef:
      return gate(image_ref(source, sample, place));
    case SampleKind::VideoRef:
      return gate(video_ref(source, sample, place));
    case SampleKind::Gcg:
      return gate(grounded_caption(source, sample, place));
    case SampleKind::ImageQa:
      return gate(image_qa(source, sample));
    case SampleKind::VideoQa:
      return gate(video_qa(source, sample, place));
    case SampleKind::RegionQa:
      return gate(region_qa(source, sample, place));
  }
  return fail(Errc::Internal, "{}: of a kind without a name", describe(sample));
}

Result<Assembled<FramePart>> Assembler::frame(const Source& source, const Sample& sample,
                                              const Place& place) const {
  return gate(one_frame(source, sample, place));
}

text::PromptOptions Assembler::options(Encoder encoder, ImageBlock block) const {
  text::PromptOptions options;
  options.encoder = encoder;
  options.prompt_template = &form_;
  options.image = block;
  options.image.tokens_per_tile = config_.model.vit.tokens_per_tile();
  options.max_length = config_.model.llm.max_length;
  options.separator_everywhere = config_.prompt.separator_everywhere;
  return options;
}

Result<std::vector<Image>> Assembler::pictures(const Source& source, const Sample& sample,
                                               std::span<const std::uint32_t> frames) const {
  if (sample.media.empty()) return fail(Errc::InvalidArgument, "the sample has no picture");
  if (sample.media[0].kind == datasets::MediaKind::Video) {
    std::vector<std::uint32_t> numbers;
    for (const std::uint32_t frame : frames) {
      // Conversations about a video have no list of annotated frames: any of the file's will do.
      numbers.push_back(sample.frames.empty() ? frame : sample.frames[frame]);
    }
    return media_.frames(*source.reader, sample.media[0], numbers);
  }
  std::vector<Image> images;
  for (const std::uint32_t frame : frames) {
    DESA2VA_ASSIGN(Image image, media_.picture(*source.reader, sample.media[frame]));
    images.push_back(std::move(image));
  }
  return images;
}

// One turn an object; what the cut at max_length took away is dropped from the texts too.
void Assembler::refer(const Sample& sample, std::span<const std::uint32_t> objects,
                      std::string_view opening, const text::PromptOptions& options,
                      const Place& place, Part& part) const {
  const Random random(place.seed, "templates", site_of(sample, place.repeat), place.microbatch);
  std::vector<Message> messages;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const std::string& sentence = draw_sentence(sample, objects[i], place);
    text::Turn turn =
        text::referring_turn(sentence, sample.expressions[objects[i]].verbatim, random, 2 * i);
    if (sample.dataset == "refsav") {
      turn.question = text::fill(text::description_question(), sentence);
    }
    messages.push_back(
        {Message::From::Human, (i == 0 ? std::string(opening) : "") + turn.question});
    messages.push_back({Message::From::Assistant, turn.answer});
    part.texts.push_back(sentence);
  }
  part.text = text::encode_conversation(tokenizer_, messages, options);
  part.texts.resize(std::min(part.texts.size(), part.text.seg_positions.size()));
}

Result<ImageBlock> Assembler::tile_picture(const Source& source, const Sample& sample, Part& part,
                                           bool with_frame) const {
  DESA2VA_ASSIGN(const std::vector<Image> images, pictures(source, sample, kFirstFrame));
  const auto& vit = config_.model.vit;
  part.tiles = preprocess::make_tiles(
      images[0], {static_cast<int>(vit.min_tiles), static_cast<int>(vit.max_tiles),
                  static_cast<int>(vit.image_size), vit.use_thumbnail});
  if (with_frame) part.frames.push_back(square(images[0], config_.model.sam2.image_size));
  return ImageBlock{ImageBlock::Kind::Image, static_cast<std::int64_t>(part.tiles.size()), 0, 0};
}

Result<Part> Assembler::image_ref(const Source& source, const Sample& sample,
                                  const Place& place) const {
  Part part;
  DESA2VA_ASSIGN(const ImageBlock block, tile_picture(source, sample, part, true));
  auto objects = draw_objects(sample, config_.data.objects_per_sample, place);
  text::PromptOptions form = options(Encoder::I, block);
  form.prompt_template = &refcoco_form_;
  refer(sample, objects, "<image>\n", form, place, part);
  objects.resize(part.texts.size());
  DESA2VA_TRY(check_tokens(part));
  DESA2VA_ASSIGN(part.masks, pack_masks(sample, objects, kFirstFrame));
  return part;
}

// One request, one caption whose phrases have a [SEG] each, in the order of the expressions.
Result<Part> Assembler::grounded_caption(const Source& source, const Sample& sample,
                                         const Place& place) const {
  Part part;
  DESA2VA_ASSIGN(const ImageBlock block, tile_picture(source, sample, part, true));
  if (sample.turns.empty()) return fail(Errc::InvalidArgument, "the sample has no caption");
  const auto requests = text::grounded_caption_questions();
  const Random random(place.seed, "templates", site_of(sample, place.repeat), place.microbatch);
  const auto request = requests[random.below(0, static_cast<std::uint32_t>(requests.size()))];
  const std::vector<Message> messages = {{Message::From::Human, "<image>\n" + std::string(request)},
                                         {Message::From::Assistant, sample.turns[0].answer}};
  part.text = text::encode_conversation(tokenizer_, messages, options(Encoder::V, block));

  std::vector<std::uint32_t> objects(
      std::min(sample.expressions.size(), part.text.seg_positions.size()));
  std::iota(objects.begin(), objects.end(), 0U);
  for (const std::uint32_t object : objects) {
    part.texts.push_back(draw_sentence(sample, object, place));
  }
  DESA2VA_TRY(check_tokens(part));
  DESA2VA_ASSIGN(part.masks, pack_masks(sample, objects, kFirstFrame));
  return part;
}

Result<Part> Assembler::video_ref(const Source& source, const Sample& sample,
                                  const Place& place) const {
  Part part;
  const auto frames = draw_frames(sample, config_.data.frames_per_sample, place);
  DESA2VA_ASSIGN(const std::vector<Image> images, pictures(source, sample, frames));
  for (const Image& image : images) {
    part.tiles.push_back(square(image, config_.model.vit.image_size));
    part.frames.push_back(square(image, config_.model.sam2.image_size));
  }
  auto objects = draw_objects(sample, config_.data.objects_per_sample, place);
  const text::PromptOptions form = options(
      Encoder::V, {ImageBlock::Kind::Video, 0, static_cast<std::int64_t>(frames.size()), 0});
  refer(sample, objects, "<image>", form, place, part);
  objects.resize(part.texts.size());
  DESA2VA_TRY(check_tokens(part));
  DESA2VA_ASSIGN(part.masks, pack_masks(sample, objects, frames));
  return part;
}

Result<Part> Assembler::image_qa(const Source& source, const Sample& sample) const {
  Part part;
  ImageBlock block;
  if (!sample.media.empty()) {
    DESA2VA_ASSIGN(block, tile_picture(source, sample, part, false));
  }
  std::vector<Message> messages;
  for (const datasets::Turn& turn : sample.turns) {
    messages.push_back({Message::From::Human, turn.question});
    messages.push_back({Message::From::Assistant, turn.answer});
  }
  part.text = text::encode_conversation(tokenizer_, messages, options(Encoder::I, block));
  DESA2VA_TRY(check_tokens(part));
  return part;
}

Result<Part> Assembler::video_qa(const Source& source, const Sample& sample,
                                 const Place& place) const {
  Part part;
  if (sample.media.empty()) return fail(Errc::InvalidArgument, "the sample has no video");
  DESA2VA_ASSIGN(const std::uint32_t shown, media_.frame_count(*source.reader, sample.media[0]));
  auto frames = draw_segments(sample, shown, config_.data.frames_per_sample, place);
  if (frames.empty()) return fail(Errc::InvalidArgument, "the video has no frame");
  frames.resize(static_cast<std::size_t>(config_.data.frames_per_sample), frames.back());
  DESA2VA_ASSIGN(const std::vector<Image> images, pictures(source, sample, frames));
  for (const Image& image : images)
    part.tiles.push_back(square(image, config_.model.vit.image_size));
  std::vector<Message> messages;
  for (const datasets::Turn& turn : sample.turns) {
    const std::string question = without_markers(turn.question);
    messages.push_back({Message::From::Human, (messages.empty() ? "<image>" : "") + question});
    messages.push_back({Message::From::Assistant, turn.answer});
  }
  const text::PromptOptions form = options(
      Encoder::V, {ImageBlock::Kind::Video, 0, static_cast<std::int64_t>(frames.size()), 0});
  part.text = text::encode_conversation(tokenizer_, messages, form);
  DESA2VA_TRY(check_tokens(part));
  return part;
}

Result<FramePart> Assembler::one_frame(const Source& source, const Sample& sample,
                                       const Place& place) const {
  FramePart part;
  const auto frame = draw_frames(sample, 1, place);
  DESA2VA_ASSIGN(const std::vector<Image> images, pictures(source, sample, frame));
  part.frame = square(images[0], config_.model.sam2.image_size);
  for (const std::uint32_t object :
       draw_distinct_objects(sample, config_.data.objects_per_sample, place)) {
    const std::array<std::uint32_t, 1> one = {object};
    DESA2VA_ASSIGN(messages::Masks masks, pack_masks(sample, one, frame));
    part.masks.push_back(std::move(masks));
    part.texts.push_back(draw_sentence(sample, object, place));
  }
  if (part.texts.empty()) return fail(Errc::InvalidArgument, "the sample names no object");
  return part;
}

}  // namespace desa2va::data
