#include "common/preprocess/text/prompt.h"

#include <algorithm>

#include "common/preprocess/text/unicode.h"

namespace desa2va::text {

namespace {

constexpr std::string_view kImageMarker = "<image>";

std::string replace_all(std::string_view text, std::string_view what, std::string_view with) {
  std::string out;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what)) {
    out.append(text.substr(0, at)).append(with);
    text.remove_prefix(at + what.size());
  }
  return out.append(text);
}

struct Exchange {
  std::string question;
  std::string answer;
};

// Consecutive questions joined; an answer without a question before it has an empty one (V) or is
// dropped (I); a question without an answer has no turn.
std::vector<Exchange> exchanges(std::span<const Message> messages, const PromptOptions& options) {
  const bool strips = options.encoder == Encoder::I;
  const bool no_image = options.image.kind == ImageBlock::Kind::None;
  const std::string block = options.image.text();
  std::vector<Exchange> turns;
  std::string question;
  bool asked = false;
  for (const Message& message : messages) {
    if (message.from == Message::From::Human) {
      std::string value = message.value;
      if (!no_image || strips) value = replace_all(value, kImageMarker, block);
      question += strips ? strip(value) : std::string_view(value);
      asked = true;
      continue;
    }
    if (strips && turns.empty() && !asked) continue;
    turns.push_back({std::exchange(question, {}),
                     std::string(strips ? strip(message.value) : std::string_view(message.value))});
    asked = false;
  }
  return turns;
}

}  // namespace

Result<PromptTemplate> prompt_template(std::string_view name) {
  if (name == "qwen_chat") {
    return PromptTemplate{"qwen_chat",
                          "<|im_start|>user\n",
                          "<|im_end|>\n<|im_start|>assistant\n",
                          "<|im_end|>",
                          "\n",
                          {"<|im_end|>", "<|endoftext|>"}};
  }
  if (name == "phi3_chat") {
    return PromptTemplate{"phi3_chat", "<|user|>\n", "<|end|>\n<|assistant|>\n",
                          "<|end|>",   "\n",         {"<|end|>"}};
  }
  return fail(Errc::InvalidArgument, "prompt.template={}: allowed are qwen_chat, phi3_chat", name);
}

PromptTemplate refcoco_phi3_override(PromptTemplate base) {
  base.before = "<|user|>\n";
  base.after = "<|end|><|assistant|>\n";
  return base;
}

std::string ImageBlock::text() const {
  const auto one = [this](std::int64_t tiles_inside) {
    std::string out = "<img>";
    for (std::int64_t i = 0; i < tiles_inside * tokens_per_tile; ++i) out += "<IMG_CONTEXT>";
    return out + "</img>";
  };
  if (kind == Kind::None) return {};
  if (kind == Kind::Image) return one(tiles);
  std::string out;
  for (std::int64_t i = 0; i < frames; ++i) out += (i > 0 ? "\n" : "") + one(1);
  return out;
}

Encoded encode_conversation(const Tokenizer& tokenizer, std::span<const Message> messages,
                            const PromptOptions& options) {
  const PromptTemplate& form = *options.prompt_template;
  Encoded out;
  const auto append = [&](std::string_view text, bool has_loss) {
    const std::size_t before = out.ids.size();
    tokenizer.encode_to(text, out.ids);
    out.labels.resize(out.ids.size(), kIgnoredLabel);
    if (has_loss) {
      std::copy(out.ids.begin() + static_cast<std::ptrdiff_t>(before), out.ids.end(),
                out.labels.begin() + static_cast<std::ptrdiff_t>(before));
    }
  };
  const bool separates = options.encoder == Encoder::V || options.separator_everywhere;
  for (const Exchange& turn : exchanges(messages, options)) {
    append(form.before + turn.question + form.after, false);
    append(turn.answer + form.suffix, true);
    if (separates) append(form.separator, false);
  }
  const auto limit = static_cast<std::size_t>(std::max<std::int64_t>(options.max_length, 0));
  if (out.ids.size() > limit) {
    out.ids.resize(limit);
    out.labels.resize(limit);
  }
  for (std::size_t i = 0; i < out.ids.size(); ++i) {
    if (out.ids[i] == tokenizer.special().seg) {
      out.seg_positions.push_back(static_cast<std::int64_t>(i));
    }
  }
  return out;
}

std::vector<TokenId> encode_instruction(const Tokenizer& tokenizer, std::string_view question,
                                        const PromptOptions& options) {
  const std::string text = replace_all(question, kImageMarker, options.image.text());
  return tokenizer.encode(options.prompt_template->before + text + options.prompt_template->after);
}

}  // namespace desa2va::text
