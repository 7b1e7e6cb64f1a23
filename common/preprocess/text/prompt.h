#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/preprocess/text/tokenizer.h"

// Conversations to token ids and labels, as the two encoders of the reference do it.
namespace desa2va::text {

inline constexpr std::int64_t kIgnoredLabel = -100;

struct PromptTemplate {
  std::string name;
  std::string before, after;  // instruction = before + {input} + after
  std::string suffix;         // ends an answer, has a loss
  std::string separator;      // after a turn of encoder V, no loss
  std::vector<std::string> stop_words;
};
// "qwen_chat" | "phi3_chat"; InvalidArgument names both.
Result<PromptTemplate> prompt_template(std::string_view name);
// QUIRK prompt.refcoco_phi3_override: the instruction RefCOCO gets in the reference.
PromptTemplate refcoco_phi3_override(PromptTemplate base);

// What `<image>` stands for. An image: one pair of delimiters around all tiles; a video: one pair a
// frame, joined by newlines.
struct ImageBlock {
  enum class Kind : std::uint8_t { None, Image, Video };
  Kind kind = Kind::None;
  std::int64_t tiles = 0;   // of an image, thumbnail included
  std::int64_t frames = 0;  // of a video
  std::int64_t tokens_per_tile = 256;
  std::string text() const;
};

struct Message {
  enum class From : std::uint8_t { Human, Assistant };
  From from = From::Human;
  std::string value;
};

// V: video sets, GCG, Osprey. I: RefCOCO, LLaVA.
enum class Encoder : std::uint8_t { V, I };

struct Encoded {
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> labels;         // id, or kIgnoredLabel
  std::vector<std::int64_t> seg_positions;  // of [SEG] in ids, ascending, after the cut
};

struct PromptOptions {
  Encoder encoder = Encoder::V;
  const PromptTemplate* prompt_template = nullptr;
  ImageBlock image;
  std::int64_t max_length = 8192;     // longer conversations are cut at the end
  bool separator_everywhere = false;  // `encode.separator_everywhere`: encoder I too
};

// Instruction, answer + suffix and separator are tokenised apart. Leading answers of encoder I are
// dropped, consecutive human messages joined.
Encoded encode_conversation(const Tokenizer& tokenizer, std::span<const Message> messages,
                            const PromptOptions& options);

// The instruction alone, to generate from (ends where the answer begins).
std::vector<TokenId> encode_instruction(const Tokenizer& tokenizer, std::string_view question,
                                        const PromptOptions& options);

}  // namespace desa2va::text
