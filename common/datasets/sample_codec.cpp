#include <algorithm>

#include <capnp/message.h>
#include <capnp/serialize.h>

#include "common/datasets/sample.h"
#include "schemas/sample.capnp.h"

namespace desa2va::datasets {

namespace {

constexpr std::uint64_t kMaxSampleWords = (64U << 20U) / sizeof(capnp::word);

std::string text_of(capnp::Text::Reader text) {
  return {text.begin(), text.size()};
}
kj::StringPtr text_for(const std::string& text) {
  return {text.c_str(), text.size()};
}

void write_texts(capnp::List<capnp::Text>::Builder out, const std::vector<std::string>& texts) {
  for (unsigned i = 0; i < out.size(); ++i) out.set(i, text_for(texts[i]));
}

std::vector<std::string> read_texts(capnp::List<capnp::Text>::Reader in) {
  std::vector<std::string> texts;
  for (const auto text : in) texts.push_back(text_of(text));
  return texts;
}

unsigned count_of(const auto& list) {
  return static_cast<unsigned>(list.size());
}

void write_masks(capnp::List<schema::Sample::Mask>::Builder out,
                 const std::vector<CodedMask>& masks) {
  for (unsigned i = 0; i < out.size(); ++i) {
    out[i].setHeight(static_cast<std::uint32_t>(masks[i].height));
    out[i].setWidth(static_cast<std::uint32_t>(masks[i].width));
    out[i].setCounts(text_for(masks[i].counts));
  }
}

void write_media(schema::Sample::MediaRef::Builder out, const MediaRef& media) {
  out.setHashHigh(media.hash.high);
  out.setHashLow(media.hash.low);
  out.setKind(static_cast<std::uint8_t>(media.kind));
  out.setPath(text_for(media.path));
  out.setWidth(static_cast<std::uint32_t>(media.width));
  out.setHeight(static_cast<std::uint32_t>(media.height));
  out.setRgbCrc32(media.rgb_crc32);
  out.setFrames(media.frames);
}

void write_expression(schema::Sample::Expression::Builder out, const Expression& expression) {
  out.setId(text_for(expression.id));
  write_texts(out.initTexts(count_of(expression.texts)), expression.texts);
  write_texts(out.initShortTexts(count_of(expression.short_texts)), expression.short_texts);
  out.setVerbatim(expression.verbatim);
  out.setHasSpan(expression.span.has_value());
  if (expression.span) {
    out.setSpanBegin(expression.span->first);
    out.setSpanEnd(expression.span->second);
  }
  write_masks(out.initMasks(count_of(expression.masks)), expression.masks);
  out.setSource(text_for(expression.source));
}

void write_sample(schema::Sample::Builder out, const Sample& sample) {
  out.setDataset(text_for(sample.dataset));
  out.setSplit(text_for(sample.split));
  out.setId(text_for(sample.id));
  out.setKind(static_cast<std::uint8_t>(sample.kind));
  out.setStatus(static_cast<std::uint8_t>(sample.status));
  out.setReason(text_for(sample.reason));
  auto media = out.initMedia(count_of(sample.media));
  for (unsigned i = 0; i < media.size(); ++i) write_media(media[i], sample.media[i]);
  auto frames = out.initFrames(count_of(sample.frames));
  for (unsigned i = 0; i < frames.size(); ++i) frames.set(i, sample.frames[i]);
  auto expressions = out.initExpressions(count_of(sample.expressions));
  for (unsigned i = 0; i < expressions.size(); ++i)
    write_expression(expressions[i], sample.expressions[i]);
  out.setCaption(text_for(sample.caption));
  auto turns = out.initTurns(count_of(sample.turns));
  for (unsigned i = 0; i < turns.size(); ++i) {
    turns[i].setQuestion(text_for(sample.turns[i].question));
    turns[i].setAnswer(text_for(sample.turns[i].answer));
  }
  out.setSource(text_for(sample.source));
  write_masks(out.initForeground(count_of(sample.foreground)), sample.foreground);
}

// Unsigned numbers of the file that are sizes of ours.
Result<int> size_from(std::uint32_t value) {
  if (value > (1U << 24U))
    return fail(Errc::Corrupt, "side of {} pixels: allowed are up to 2^24", value);
  return static_cast<int>(value);
}

template <class Enum>
Result<Enum> enum_from(std::uint8_t value, Enum last, std::string_view what) {
  if (value > static_cast<std::uint8_t>(last))
    return fail(Errc::Corrupt, "{} {}: known are 0 to {}", what, value, static_cast<int>(last));
  return static_cast<Enum>(value);
}

Result<std::vector<CodedMask>> read_masks(capnp::List<schema::Sample::Mask>::Reader in) {
  std::vector<CodedMask> masks;
  for (const auto mask_in : in) {
    CodedMask mask;
    DESA2VA_ASSIGN(mask.height, size_from(mask_in.getHeight()));
    DESA2VA_ASSIGN(mask.width, size_from(mask_in.getWidth()));
    mask.counts = text_of(mask_in.getCounts());
    masks.push_back(std::move(mask));
  }
  return masks;
}

Result<MediaRef> read_media(schema::Sample::MediaRef::Reader in) {
  MediaRef media;
  media.hash = {in.getHashHigh(), in.getHashLow()};
  DESA2VA_ASSIGN(media.kind, enum_from(in.getKind(), MediaKind::Video, "media kind"));
  media.path = text_of(in.getPath());
  DESA2VA_ASSIGN(media.width, size_from(in.getWidth()));
  DESA2VA_ASSIGN(media.height, size_from(in.getHeight()));
  media.rgb_crc32 = in.getRgbCrc32();
  media.frames = in.getFrames();
  return media;
}

Result<Expression> read_expression(schema::Sample::Expression::Reader in) {
  Expression expression;
  expression.id = text_of(in.getId());
  expression.texts = read_texts(in.getTexts());
  expression.short_texts = read_texts(in.getShortTexts());
  expression.verbatim = in.getVerbatim();
  if (in.getHasSpan()) expression.span = {in.getSpanBegin(), in.getSpanEnd()};
  DESA2VA_ASSIGN(expression.masks, read_masks(in.getMasks()));
  expression.source = text_of(in.getSource());
  return expression;
}

Result<Sample> read_sample(schema::Sample::Reader in) {
  Sample sample;
  sample.dataset = text_of(in.getDataset());
  sample.split = text_of(in.getSplit());
  sample.id = text_of(in.getId());
  DESA2VA_ASSIGN(sample.kind, enum_from(in.getKind(), SampleKind::RegionQa, "sample kind"));
  DESA2VA_ASSIGN(sample.status, enum_from(in.getStatus(), SampleStatus::Broken, "sample status"));
  sample.reason = text_of(in.getReason());
  for (const auto media_in : in.getMedia()) {
    DESA2VA_ASSIGN(MediaRef media, read_media(media_in));
    sample.media.push_back(std::move(media));
  }
  for (const std::uint32_t frame : in.getFrames()) sample.frames.push_back(frame);
  for (const auto expression_in : in.getExpressions()) {
    DESA2VA_ASSIGN(Expression expression, read_expression(expression_in));
    sample.expressions.push_back(std::move(expression));
  }
  sample.caption = text_of(in.getCaption());
  for (const auto turn : in.getTurns())
    sample.turns.push_back({text_of(turn.getQuestion()), text_of(turn.getAnswer())});
  sample.source = text_of(in.getSource());
  DESA2VA_ASSIGN(sample.foreground, read_masks(in.getForeground()));
  return sample;
}

}  // namespace

Buffer encode_sample(const Sample& sample) {
  capnp::MallocMessageBuilder builder;
  write_sample(builder.initRoot<schema::Sample>(), sample);
  // Once more into a single segment sized for it: how the builder grew must not show in the bytes.
  const auto root = builder.getRoot<schema::Sample>().asReader();
  capnp::MallocMessageBuilder single(static_cast<unsigned>(root.totalSize().wordCount) + 8,
                                     capnp::AllocationStrategy::FIXED_SIZE);
  single.setRoot(root);
  const kj::Array<capnp::word> words = capnp::messageToFlatArray(single);
  const auto bytes = words.asBytes();
  return Buffer::copy_of({reinterpret_cast<const std::byte*>(bytes.begin()), bytes.size()});
}

Result<Sample> decode_sample(ByteSpan bytes) {
  if (bytes.size() % sizeof(capnp::word) != 0 ||
      bytes.size() / sizeof(capnp::word) > kMaxSampleWords)
    return fail(Errc::Corrupt, "a sample record of {} bytes: must be whole words, up to 64 MiB",
                bytes.size());
  // Records lie at any address; Cap'n Proto wants words.
  auto words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
  std::copy_n(bytes.data(), bytes.size(), reinterpret_cast<std::byte*>(words.begin()));
  try {
    capnp::ReaderOptions limits;
    // By the size: a record that points to the same words many times over is refused.
    limits.traversalLimitInWords = 4 * words.size() + 1024;
    limits.nestingLimit = 8;
    capnp::FlatArrayMessageReader reader(words, limits);
    return read_sample(reader.getRoot<schema::Sample>()).in("sample record");
  } catch (const kj::Exception& error) {
    return fail(Errc::Corrupt, "sample record: {}", error.getDescription().cStr());
  }
}

}  // namespace desa2va::datasets
