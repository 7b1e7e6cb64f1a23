#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/preprocess/text/tokenizer.h"

namespace desa2va::inference {

// How alike phrases are to the model: the cosine of the means of their tokens' input embeddings.
// Takes the place of BERT in the recall of grounded captions, where no BERT is at hand. The
// tokenizer must outlive it; one thread.
class PhraseSimilarities {
 public:
  // The mean of the embeddings of some tokens, at least one.
  using MeanEmbedding = std::function<Result<std::vector<float>>(const std::vector<std::int64_t>&)>;
  PhraseSimilarities(const text::Tokenizer& tokenizer, MeanEmbedding mean);

  // -1..1; 0 where one of them is empty. Case does not matter, as it does not to the BERT of the
  // reference; each is read as it stands within a sentence, after a blank.
  Result<double> of(std::string_view a, std::string_view b);

 private:
  Result<std::vector<float>> direction(std::string_view phrase);  // of length 1

  const text::Tokenizer& tokenizer_;
  const MeanEmbedding mean_;
  std::map<std::string, std::vector<float>, std::less<>> known_;
};

}  // namespace desa2va::inference
