#include "services/data/draws.h"

#include <algorithm>
#include <numeric>

#include "common/base/random.h"
#include "services/data/assemble.h"

namespace desa2va::data {

namespace {

Random random_of(std::string_view purpose, const datasets::Sample& sample, const Place& place) {
  return {place.seed, purpose, site_of(sample, place.repeat), place.microbatch};
}

// `count` of [0, n) without replacement, in the order drawn.
std::vector<std::uint32_t> without_replacement(std::uint32_t n, std::size_t count,
                                               const Random& random) {
  std::vector<std::uint32_t> all(n);
  std::iota(all.begin(), all.end(), 0U);
  count = std::min<std::size_t>(count, n);
  for (std::size_t i = 0; i < count; ++i) {
    std::swap(all[i], all[i + random.below(i, static_cast<std::uint32_t>(n - i))]);
  }
  all.resize(count);
  return all;
}

std::vector<std::uint32_t> with_replacement(std::uint32_t n, std::size_t count,
                                            const Random& random) {
  std::vector<std::uint32_t> drawn(count);
  for (std::size_t i = 0; i < count; ++i) drawn[i] = random.below(i, n);
  return drawn;
}

}  // namespace

std::string site_of(const datasets::Sample& sample, std::uint64_t repeat) {
  return fmt::format("{}#{}", describe(sample), repeat);
}

std::vector<std::uint32_t> draw_objects(const datasets::Sample& sample, std::int64_t count,
                                        const Place& place) {
  return with_replacement(static_cast<std::uint32_t>(sample.expressions.size()),
                          static_cast<std::size_t>(count), random_of("objects", sample, place));
}

std::vector<std::uint32_t> draw_distinct_objects(const datasets::Sample& sample, std::int64_t count,
                                                 const Place& place) {
  return without_replacement(static_cast<std::uint32_t>(sample.expressions.size()),
                             static_cast<std::size_t>(count),
                             random_of("objects.A", sample, place));
}

std::vector<std::uint32_t> draw_frames(const datasets::Sample& sample, std::int64_t count,
                                       const Place& place) {
  const std::uint32_t n = sample.drawable_frames();
  const auto wanted = static_cast<std::size_t>(count);
  const Random random = random_of("frames", sample, place);
  auto drawn =
      n > wanted + 1 ? without_replacement(n, wanted, random) : with_replacement(n, wanted, random);
  std::sort(drawn.begin(), drawn.end());
  return drawn;
}

std::vector<std::uint32_t> draw_segments(const datasets::Sample& sample, std::uint32_t n,
                                         std::int64_t count, const Place& place) {
  std::vector<std::uint32_t> drawn;
  const auto parts = static_cast<std::uint32_t>(count);
  if (n <= parts) {
    drawn.resize(n);
    std::iota(drawn.begin(), drawn.end(), 0U);
    return drawn;
  }
  const Random random = random_of("frames", sample, place);
  for (std::uint32_t i = 0; i < parts; ++i) {
    const auto first = static_cast<std::uint32_t>(std::uint64_t{i} * n / parts);
    const auto last = static_cast<std::uint32_t>((std::uint64_t{i} + 1) * n / parts);
    drawn.push_back(first + random.below(i, last - first));
  }
  return drawn;
}

const std::string& draw_sentence(const datasets::Sample& sample, std::uint32_t object,
                                 const Place& place) {
  const auto& texts = sample.expressions[object].texts;
  const Random random(place.seed, "sentence", site_of(sample, place.repeat));
  return texts[random.below(object, static_cast<std::uint32_t>(texts.size()))];
}

}  // namespace desa2va::data
