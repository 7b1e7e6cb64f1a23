#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/preprocess/text/bpe.h"

// Qwen2.5's byte-level BPE tokenizer at any vocabulary size.
namespace desa2va::text {

// What the files hold: ordinary tokens as bytes, merges in rank order, added tokens as text.
struct Vocabulary {
  std::map<std::string, TokenId> tokens;                    // bytes -> id; all 256 single bytes
  std::vector<std::pair<std::string, std::string>> merges;  // bytes of left and right
  std::map<std::string, TokenId> added;                     // "[SEG]" -> 151674
};

// vocab.json, merges.txt and added_tokens.json of a folder (tokenizer.json where those are absent).
Result<Vocabulary> read_vocabulary(const std::filesystem::path& folder);
// The same from texts already in memory; `where` is the folder or file that errors name.
struct VocabularyTexts {
  std::string_view vocab_json, merges_txt, added_tokens_json;
};
Result<Vocabulary> parse_vocabulary(const VocabularyTexts& texts, const std::string& where);
Result<Vocabulary> parse_tokenizer_json(std::string_view text, const std::string& where);
// `base64 rank` a line; merges follow from the ranks. Added tokens are the caller's.
Result<Vocabulary> read_tiktoken(const std::filesystem::path& file);
// merges.txt, added_tokens.json, special_tokens_map.json, tokenizer_config.json, and last
// vocab.json: a folder that has it is whole.
Result<void> write_vocabulary(const Vocabulary& vocabulary, const std::filesystem::path& folder);

// The added tokens of the published checkpoints, 151643 <|endoftext|> .. 151678 </vp>.
const std::map<std::string, TokenId>& qwen_added_tokens();

// The tokens the trainer speaks about by name; all must be in the vocabulary.
struct SpecialIds {
  TokenId endoftext = 0, im_start = 0, im_end = 0;
  TokenId img = 0, img_end = 0, img_context = 0;
  TokenId seg = 0, p = 0, p_end = 0, vp = 0, vp_end = 0;
};

// Immutable; any number of threads may use it.
class Tokenizer {
 public:
  // InvalidArgument names the file and entry: no id for a byte or for the result of a merge, a
  // special token missing, two tokens with one id, an id without token below the highest.
  static Result<Tokenizer> build(const Vocabulary& vocabulary);
  static Result<Tokenizer> load(const std::filesystem::path& folder);

  // Added tokens first (longest, in the raw text), then NFC, pieces, bytes, merges. No BOS. Linear
  // time; any bytes are accepted (what is no UTF-8 becomes U+FFFD).
  std::vector<TokenId> encode(std::string_view text) const;
  void encode_to(std::string_view text, std::vector<TokenId>& out) const;
  // Bytes of the tokens, added ones by name; ids outside the vocabulary are left out.
  std::string decode(std::span<const TokenId> ids) const;

  std::optional<TokenId> id_of(std::string_view token) const;  // an added token by its text
  const SpecialIds& special() const { return special_; }
  TokenId size() const { return static_cast<TokenId>(bytes_of_.size()); }  // highest id + 1

 private:
  void encode_ordinary(std::string_view text, std::vector<TokenId>& out) const;
  void find_whole_tokens(const std::map<std::string, TokenId>& tokens);
  std::optional<TokenId> whole_token(std::string_view piece) const;

  BpeMerges merges_;
  // Tokens that a piece of just these bytes becomes: ids by hash, -1 where free. Most pieces of
  // ordinary text are such.
  std::vector<std::int32_t> whole_;
  std::size_t longest_whole_ = 0;
  std::array<TokenId, 256> byte_ids_{};
  std::vector<std::string> bytes_of_;
  std::array<std::vector<std::pair<std::string, TokenId>>, 256>
      added_;  // by first byte, longest first
  SpecialIds special_;
};

}  // namespace desa2va::text
