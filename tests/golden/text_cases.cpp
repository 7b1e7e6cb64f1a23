#include <optional>
#include <vector>

#include "common/preprocess/text/prompt.h"
#include "tests/golden/registry.h"

// Tokens and prompts with the published vocabulary: exact, or wrong. The vocabulary is an asset.
namespace desa2va::golden {
namespace {

using nlohmann::json;
using text::ImageBlock;
using text::TokenId;

std::optional<text::Tokenizer> published_tokenizer(Case& c) {
  const auto file = c.asset("qwen/qwen.tiktoken");
  if (!file) {
    c.skip("qwen/qwen.tiktoken is not on this machine");
    return std::nullopt;
  }
  auto vocabulary = text::read_tiktoken(*file);
  c.check(vocabulary.has_value(), "the vocabulary is read");
  if (!vocabulary) return std::nullopt;
  vocabulary->added = text::qwen_added_tokens();
  c.check(vocabulary->merges.size() == 151'387, "151,387 merges follow from the ranks");
  auto tokenizer = text::Tokenizer::build(*vocabulary);
  c.check(tokenizer.has_value(), "the tokenizer is built");
  if (!tokenizer) return std::nullopt;
  return std::move(*tokenizer);
}

void run_tokenizer(Case& c) {
  const auto tokenizer = published_tokenizer(c);
  if (!tokenizer) return;
  for (const json& one : c.spec()) {
    const auto ids = tokenizer->encode(one.at("text").get<std::string>());
    c.check(ids == one.at("ids").get<std::vector<TokenId>>(), one["text"].dump().substr(0, 60));
  }
}

ImageBlock block_of(const json& image) {
  ImageBlock block;
  const std::string kind = image.at("kind");
  block.kind = kind == "image"   ? ImageBlock::Kind::Image
               : kind == "video" ? ImageBlock::Kind::Video
                                 : ImageBlock::Kind::None;
  block.tiles = image.at("tiles");
  block.frames = image.at("frames");
  block.tokens_per_tile = image.at("tokens_per_tile");
  return block;
}

void run_prompts(Case& c) {
  const auto tokenizer = published_tokenizer(c);
  if (!tokenizer) return;
  for (const json& one : c.spec()) {
    auto form = text::prompt_template(one.at("template").get<std::string>());
    c.check(form.has_value(), "the template is known");
    if (!form) continue;
    if (one.at("refcoco_phi3_override")) *form = text::refcoco_phi3_override(*form);
    text::PromptOptions options;
    options.encoder = one.at("encoder") == "V" ? text::Encoder::V : text::Encoder::I;
    options.prompt_template = &*form;
    options.image = block_of(one.at("image"));
    options.max_length = one.at("max_length");
    std::vector<text::Message> messages;
    for (const json& message : one.at("messages")) {
      const bool human = message.at("from") == "human";
      messages.push_back({human ? text::Message::From::Human : text::Message::From::Assistant,
                          message.at("value")});
    }
    const text::Encoded encoded = text::encode_conversation(*tokenizer, messages, options);
    const std::string name = one.at("name");
    c.check(encoded.ids == one.at("input_ids").get<std::vector<TokenId>>(), name + ": ids");
    c.check(encoded.labels == one.at("labels").get<std::vector<TokenId>>(), name + ": labels");
  }
}

}  // namespace

void add_text_cases(Registry& registry) {
  registry.json_file("tokenizer_cases.json", run_tokenizer);
  registry.json_file("prompt_cases.json", run_prompts);
}

}  // namespace desa2va::golden
