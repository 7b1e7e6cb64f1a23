#include "common/synth/bpe_trainer.h"

#include <algorithm>
#include <map>

#include "common/preprocess/text/pretokenizer.h"
#include "common/preprocess/text/unicode.h"

namespace desa2va::synth {

namespace {

using text::TokenId;

// A distinct piece of the text: merges never cross the border of a piece.
struct Word {
  std::vector<TokenId> tokens;
  std::uint64_t count = 0;
};

std::vector<Word> words_of(std::span<const std::string> texts) {
  std::map<std::string, std::uint64_t> counts;
  for (const std::string& text : texts) {
    const std::string normal = text::nfc(text);
    for (std::string_view rest = normal; !rest.empty();) {
      const std::size_t length = text::next_piece(rest);
      ++counts[std::string(rest.substr(0, length))];
      rest.remove_prefix(length);
    }
  }
  std::vector<Word> words;
  for (const auto& [piece, count] : counts) {
    Word word{{}, count};
    for (const char c : piece) word.tokens.push_back(static_cast<unsigned char>(c));
    words.push_back(std::move(word));
  }
  return words;
}

using Pair = std::pair<TokenId, TokenId>;

std::map<Pair, std::uint64_t> count_pairs(const std::vector<Word>& words) {
  std::map<Pair, std::uint64_t> counts;
  for (const Word& word : words) {
    for (std::size_t i = 0; i + 1 < word.tokens.size(); ++i) {
      counts[{word.tokens[i], word.tokens[i + 1]}] += word.count;
    }
  }
  return counts;
}

void apply(std::vector<Word>& words, Pair pair, TokenId result) {
  for (Word& word : words) {
    std::size_t out = 0;
    for (std::size_t i = 0; i < word.tokens.size(); ++i) {
      const bool match = i + 1 < word.tokens.size() && word.tokens[i] == pair.first &&
                         word.tokens[i + 1] == pair.second;
      word.tokens[out++] = match ? result : word.tokens[i];
      if (match) ++i;
    }
    word.tokens.resize(out);
  }
}

}  // namespace

std::vector<std::string> default_added_tokens() {
  return {"<|endoftext|>", "<|im_start|>", "<|im_end|>", "<img>", "</img>", "<IMG_CONTEXT>",
          "[SEG]",         "<p>",          "</p>",       "<vp>",  "</vp>"};
}

Result<text::Vocabulary> train_bpe(std::span<const std::string> texts,
                                   const BpeTraining& training) {
  if (training.vocabulary < 256) {
    return fail(Errc::InvalidArgument,
                "vocabulary={}: at least 256, one ordinary token for each byte",
                training.vocabulary);
  }
  text::Vocabulary vocabulary;
  std::vector<std::string> bytes_of;
  for (int b = 0; b < 256; ++b) {
    bytes_of.emplace_back(1, static_cast<char>(b));
    vocabulary.tokens[bytes_of.back()] = b;
  }

  std::vector<Word> words = words_of(texts);
  while (bytes_of.size() < training.vocabulary) {
    Pair best{};
    std::uint64_t most = 0;
    for (const auto& [pair, count] : count_pairs(words)) {
      const auto bytes = [&](Pair p) {
        return std::make_pair(bytes_of[static_cast<std::size_t>(p.first)],
                              bytes_of[static_cast<std::size_t>(p.second)]);
      };
      if (count > most || (count == most && bytes(pair) < bytes(best))) {
        best = pair;
        most = count;
      }
    }
    if (most < std::max<std::uint64_t>(training.min_count, 1)) break;
    const std::string& left = bytes_of[static_cast<std::size_t>(best.first)];
    const std::string& right = bytes_of[static_cast<std::size_t>(best.second)];
    std::string whole = left + right;
    vocabulary.merges.emplace_back(left, right);
    // Two merges may spell the same bytes; the second then leads to the token of the first.
    const auto [place, is_new] =
        vocabulary.tokens.emplace(whole, static_cast<TokenId>(bytes_of.size()));
    apply(words, best, place->second);
    if (is_new) bytes_of.push_back(std::move(whole));
  }

  TokenId id = static_cast<TokenId>(bytes_of.size());
  for (const std::string& token : training.added) vocabulary.added[token] = id++;
  return vocabulary;
}

}  // namespace desa2va::synth
