#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/preprocess/text/tokenizer.h"

// Learns a byte-level BPE vocabulary from text (Sennrich et al. 2016, on bytes).
namespace desa2va::synth {

struct BpeTraining {
  std::size_t vocabulary = 512;    // ordinary tokens: 256 bytes and the merges
  std::size_t min_count = 2;       // a pair seen less often is not merged
  std::vector<std::string> added;  // numbered after the ordinary tokens, in this order
};

// The added tokens every model here needs, with <|endoftext|> first.
std::vector<std::string> default_added_tokens();

// Same text, same vocabulary: ties go to the pair whose bytes come first. Fewer merges than asked
// for when no pair is left. InvalidArgument when `vocabulary` < 256.
Result<text::Vocabulary> train_bpe(std::span<const std::string> texts, const BpeTraining& training);

}  // namespace desa2va::synth
