#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "common/preprocess/text/tokenizer.h"

// The files of a tokenizer: vocab.json, merges.txt and added_tokens.json divided by bytes 0;
// without one, tokenizer.json. What builds must give back any text that it encodes.
namespace {

using namespace desa2va;

Result<text::Vocabulary> parse(std::string_view rest) {
  if (rest.find('\0') == std::string_view::npos) return text::parse_tokenizer_json(rest, "input");
  std::array<std::string_view, 3> parts;
  for (std::string_view& part : parts) {
    part = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  }
  return text::parse_vocabulary({parts[0], parts[1], parts[2]}, "input");
}

// Every vocabulary needs the same 267 tokens. Those that the input lacks get the ids that it leaves
// free, so that inputs stay short; ids given twice or beyond a hole stay as they are.
void complete(text::Vocabulary& vocabulary) {
  std::set<text::TokenId> used;
  for (const auto* tokens : {&vocabulary.tokens, &vocabulary.added})
    for (const auto& [token, id] : *tokens) used.insert(id);
  text::TokenId next = 0;
  const auto add = [&](std::map<std::string, text::TokenId>& tokens, std::string token) {
    if (tokens.contains(token)) return;
    while (used.contains(next)) ++next;
    tokens.emplace(std::move(token), next++);
  };
  for (int b = 0; b < 256; ++b) add(vocabulary.tokens, std::string(1, static_cast<char>(b)));
  for (const char* special : {"<|endoftext|>", "<|im_start|>", "<|im_end|>", "<img>", "</img>",
                              "<IMG_CONTEXT>", "[SEG]", "<p>", "</p>", "<vp>", "</vp>"})
    add(vocabulary.added, special);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto vocabulary = parse({reinterpret_cast<const char*>(data), size});
  if (!vocabulary) {
    if (vocabulary.error().message().empty()) std::abort();
    return 0;
  }
  complete(*vocabulary);
  const auto tokenizer = text::Tokenizer::build(*vocabulary);
  if (!tokenizer) {
    if (tokenizer.error().message().empty()) std::abort();
    return 0;
  }
  constexpr std::string_view kText = "the cat's 12\n <img>";
  if (tokenizer->decode(tokenizer->encode(kText)) != kText) std::abort();
  return 0;
}
