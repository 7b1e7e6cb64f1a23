#include "common/preprocess/text/tokenizer.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/preprocess/text/pretokenizer.h"
#include "common/preprocess/text/unicode.h"

namespace desa2va::text {

namespace {

Result<SpecialIds> special_ids(const std::map<std::string, TokenId>& added) {
  SpecialIds ids;
  const std::pair<const char*, TokenId*> wanted[] = {{"<|endoftext|>", &ids.endoftext},
                                                     {"<|im_start|>", &ids.im_start},
                                                     {"<|im_end|>", &ids.im_end},
                                                     {"<img>", &ids.img},
                                                     {"</img>", &ids.img_end},
                                                     {"<IMG_CONTEXT>", &ids.img_context},
                                                     {"[SEG]", &ids.seg},
                                                     {"<p>", &ids.p},
                                                     {"</p>", &ids.p_end},
                                                     {"<vp>", &ids.vp},
                                                     {"</vp>", &ids.vp_end}};
  for (const auto& [token, id] : wanted) {
    const auto found = added.find(token);
    if (found == added.end()) {
      return fail(Errc::InvalidArgument,
                  "the added tokens lack {}: the vocabulary must be prepared for this model",
                  token);
    }
    *id = found->second;
  }
  return ids;
}

std::size_t hash_of(std::string_view bytes) {
  std::uint64_t hash = bytes.size();
  while (!bytes.empty()) {
    std::uint64_t word = 0;
    const std::size_t count = std::min<std::size_t>(bytes.size(), sizeof word);
    std::memcpy(&word, bytes.data(), count);
    hash = (hash ^ word) * 0x9E3779B97F4A7C15ULL;
    hash ^= hash >> 32U;
    bytes.remove_prefix(count);
  }
  return static_cast<std::size_t>(hash);
}

// Each id from 0 to the highest has one token. Nothing is allocated by what an id claims.
Result<void> check_ids(const Vocabulary& vocabulary) {
  std::vector<bool> seen(vocabulary.tokens.size() + vocabulary.added.size());
  TokenId highest = -1;
  const auto see = [&](TokenId id) -> Result<void> {
    if (id < 0) return fail(Errc::InvalidArgument, "token id {} is below 0", id);
    highest = std::max(highest, id);
    if (id >= static_cast<TokenId>(seen.size())) return {};
    const auto at = static_cast<std::size_t>(id);
    if (seen[at]) return fail(Errc::InvalidArgument, "token id {} is given twice", id);
    seen[at] = true;
    return {};
  };
  for (const auto& [bytes, id] : vocabulary.tokens) DESA2VA_TRY(see(id));
  for (const auto& [token, id] : vocabulary.added) DESA2VA_TRY(see(id));
  const auto hole = std::find(seen.begin(), seen.end(), false);
  if (hole == seen.end()) return {};
  return fail(Errc::InvalidArgument,
              "token id {} is missing, the highest is {}: ids count up from 0 without holes",
              hole - seen.begin(), highest);
}

}  // namespace

Result<Tokenizer> Tokenizer::build(const Vocabulary& vocabulary) {
  Tokenizer tokenizer;
  for (std::size_t b = 0; b < 256; ++b) {
    const auto found = vocabulary.tokens.find(std::string(1, static_cast<char>(b)));
    if (found == vocabulary.tokens.end()) {
      return fail(Errc::InvalidArgument, "the vocabulary has no token for byte {}", b);
    }
    tokenizer.byte_ids_[b] = found->second;
  }
  DESA2VA_ASSIGN(tokenizer.special_, special_ids(vocabulary.added));
  DESA2VA_TRY(check_ids(vocabulary));
  tokenizer.bytes_of_.resize(vocabulary.tokens.size() + vocabulary.added.size());
  const auto place = [&](TokenId id, const std::string& bytes) -> Result<void> {
    if (bytes.empty()) return fail(Errc::InvalidArgument, "token id {} is empty", id);
    tokenizer.bytes_of_[static_cast<std::size_t>(id)] = bytes;
    return {};
  };
  for (const auto& [bytes, id] : vocabulary.tokens) DESA2VA_TRY(place(id, bytes));
  for (const auto& [token, id] : vocabulary.added) {
    DESA2VA_TRY(place(id, token));
    tokenizer.added_[static_cast<unsigned char>(token[0])].emplace_back(token, id);
  }
  for (auto& list : tokenizer.added_) {
    std::stable_sort(list.begin(), list.end(),
                     [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  }

  tokenizer.merges_.reserve(vocabulary.merges.size());
  for (std::size_t rank = 0; rank < vocabulary.merges.size(); ++rank) {
    const auto& [left, right] = vocabulary.merges[rank];
    const auto a = vocabulary.tokens.find(left);
    const auto b = vocabulary.tokens.find(right);
    const auto result = vocabulary.tokens.find(left + right);
    if (a == vocabulary.tokens.end() || b == vocabulary.tokens.end() ||
        result == vocabulary.tokens.end()) {
      return fail(Errc::InvalidArgument, "merge {} makes or uses a token that has no id", rank);
    }
    tokenizer.merges_.add(a->second, b->second, {static_cast<std::uint32_t>(rank), result->second});
  }
  tokenizer.find_whole_tokens(vocabulary.tokens);
  return tokenizer;
}

Result<Tokenizer> Tokenizer::load(const std::filesystem::path& folder) {
  DESA2VA_ASSIGN(const Vocabulary vocabulary, read_vocabulary(folder));
  return build(vocabulary).in(folder.string());
}

std::vector<TokenId> Tokenizer::encode(std::string_view text) const {
  std::vector<TokenId> out;
  encode_to(text, out);
  return out;
}

void Tokenizer::encode_to(std::string_view text, std::vector<TokenId>& out) const {
  std::size_t start = 0;  // of the ordinary text not yet encoded
  for (std::size_t at = 0; at < text.size();) {
    const auto& candidates = added_[static_cast<unsigned char>(text[at])];
    const auto found = std::find_if(candidates.begin(), candidates.end(), [&](const auto& token) {
      return text.substr(at).starts_with(token.first);
    });
    if (found == candidates.end()) {
      ++at;
      continue;
    }
    encode_ordinary(text.substr(start, at - start), out);
    out.push_back(found->second);
    at += found->first.size();
    start = at;
  }
  encode_ordinary(text.substr(start), out);
}

void Tokenizer::find_whole_tokens(const std::map<std::string, TokenId>& tokens) {
  whole_.assign(std::bit_ceil(2 * tokens.size() + 2), -1);
  std::vector<TokenId> piece;
  for (const auto& [bytes, id] : tokens) {
    piece.clear();
    for (const char c : bytes) piece.push_back(byte_ids_[static_cast<unsigned char>(c)]);
    merges_.merge(piece);
    if (piece.size() != 1 || piece[0] != id) continue;
    longest_whole_ = std::max(longest_whole_, bytes.size());
    std::size_t at = hash_of(bytes) & (whole_.size() - 1);
    while (whole_[at] >= 0) at = (at + 1) & (whole_.size() - 1);
    whole_[at] = static_cast<std::int32_t>(id);
  }
}

std::optional<TokenId> Tokenizer::whole_token(std::string_view piece) const {
  if (piece.size() > longest_whole_) return std::nullopt;
  for (std::size_t at = hash_of(piece) & (whole_.size() - 1); whole_[at] >= 0;
       at = (at + 1) & (whole_.size() - 1)) {
    if (bytes_of_[static_cast<std::size_t>(whole_[at])] == piece) return whole_[at];
  }
  return std::nullopt;
}

void Tokenizer::encode_ordinary(std::string_view text, std::vector<TokenId>& out) const {
  if (text.empty()) return;
  std::string normal;
  if (!surely_nfc(text)) {
    normal = nfc(text);
    text = normal;
  }
  std::vector<TokenId> piece;
  while (!text.empty()) {
    const std::size_t length = next_piece(text);
    if (const auto whole = whole_token(text.substr(0, length))) {
      out.push_back(*whole);
    } else {
      piece.clear();
      for (const char c : text.substr(0, length))
        piece.push_back(byte_ids_[static_cast<unsigned char>(c)]);
      merges_.merge(piece);
      out.insert(out.end(), piece.begin(), piece.end());
    }
    text.remove_prefix(length);
  }
}

std::string Tokenizer::decode(std::span<const TokenId> ids) const {
  std::string out;
  for (const TokenId id : ids) {
    if (id >= 0 && id < size()) out += bytes_of_[static_cast<std::size_t>(id)];
  }
  return out;
}

std::optional<TokenId> Tokenizer::id_of(std::string_view token) const {
  if (token.empty()) return std::nullopt;
  for (const auto& [text, id] : added_[static_cast<unsigned char>(token[0])]) {
    if (text == token) return id;
  }
  return std::nullopt;
}

}  // namespace desa2va::text
