#include "services/inference/phrases.h"

#include <gmock/gmock.h>

#include "tests/unit/preprocess/text/small_vocabulary.h"

namespace desa2va::inference {
namespace {

using Ids = std::vector<std::int64_t>;

// Phrases of one token are apart by a right angle, others somewhere between.
Result<std::vector<float>> spread(const Ids& ids) {
  std::vector<float> mean(4096);
  for (const std::int64_t id : ids)
    mean.at(static_cast<std::size_t>(id)) += 1.0F / static_cast<float>(ids.size());
  return mean;
}

TEST(PhraseSimilarities, AreCosinesOfMeansWhateverTheCase) {
  const auto tokenizer = text::test::small_tokenizer();
  PhraseSimilarities alike(tokenizer, spread);
  EXPECT_NEAR(*alike.of("A dog", " a DOG "), 1, 1e-6);
  EXPECT_NEAR(*alike.of("a", "the"), *alike.of("the", "a"), 1e-12);
  EXPECT_LT(*alike.of("a dog", "the cat"), 1);
  const auto one = *spread([&] {
    const auto ids = tokenizer.encode(" the dog");
    return Ids(ids.begin(), ids.end());
  }());
  const auto other = *spread([&] {
    const auto ids = tokenizer.encode(" the cat");
    return Ids(ids.begin(), ids.end());
  }());
  double dot = 0, a = 0, b = 0;
  for (std::size_t i = 0; i < one.size(); ++i) {
    dot += static_cast<double>(one[i]) * static_cast<double>(other[i]);
    a += static_cast<double>(one[i]) * static_cast<double>(one[i]);
    b += static_cast<double>(other[i]) * static_cast<double>(other[i]);
  }
  EXPECT_NEAR(*alike.of("the dog", "the cat"), dot / std::sqrt(a * b), 1e-6);
}

TEST(PhraseSimilarities, OfNothingAreZero) {
  const auto tokenizer = text::test::small_tokenizer();
  PhraseSimilarities alike(tokenizer, [](const Ids&) -> Result<std::vector<float>> {
    return fail(Errc::Internal, "not to be asked");
  });
  EXPECT_EQ(*alike.of("", "a dog"), 0);
  EXPECT_EQ(*alike.of("a dog", " \n"), 0);
}

TEST(PhraseSimilarities, AskForAPhraseOnceAndPassAFailureOn) {
  const auto tokenizer = text::test::small_tokenizer();
  int asked = 0;
  PhraseSimilarities alike(tokenizer, [&](const Ids& ids) -> Result<std::vector<float>> {
    if (++asked > 2) return fail(Errc::Internal, "no more");
    return spread(ids);
  });
  EXPECT_TRUE(alike.of("a", "b"));
  EXPECT_TRUE(alike.of("b", "a"));
  EXPECT_FALSE(alike.of("a", "c"));
}

}  // namespace
}  // namespace desa2va::inference
