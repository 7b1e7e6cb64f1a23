#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/base/result.h"

// Which sample stands where: a function of (seed, position) without arrays over the data, so any
// process finds any position of the stream at once, and a resumed run needs only its number.
namespace desa2va::data {

// A bijection of [0, size), fixed by (seed, epoch): a Feistel network over the next even number of
// bits, walked until it lands inside (Black and Rogaway 2002): below four rounds on average.
class Permutation {
 public:
  Permutation(std::uint64_t size, std::uint64_t seed, std::uint64_t epoch);
  std::uint64_t operator()(std::uint64_t i) const;  // i < size
  std::uint64_t size() const { return size_; }

 private:
  std::uint64_t network(std::uint64_t i) const;

  std::uint64_t size_, seed_, epoch_;
  unsigned half_bits_;
};

// One member of the mixture as the order sees it.
struct MixtureMember {
  std::uint64_t items = 0;  // after max_items
  std::uint64_t repeats = 1;
  std::uint64_t length = 100;  // length class: 100 images, 10000 videos, 20000 Ref-SAV
};

// A sample of the stream: which member of the mixture, which repeat of it, which item.
struct Pick {
  std::uint32_t member = 0;
  std::uint64_t repeat = 0;
  std::uint64_t item = 0;
  auto operator<=>(const Pick&) const = default;
};

// How microbatches are cut out of the order.
struct Grouping {
  std::uint64_t batch = 2;          // samples of a microbatch
  std::uint64_t accumulation = 4;   // with batch: the reference's group of 8
  std::uint64_t micro_batches = 4;  // an update; a multiple of world
  std::uint64_t world = 1;          // the reference's number of GPUs
  bool reference_repeats = false;   // QUIRK sampler.reference_repeats
};

// Epoch after epoch of the mixture. Immutable.
class Order {
 public:
  // `stream` separates orders of one seed ("A", "BC"). InvalidArgument when the mixture is empty or
  // micro_batches is no multiple of world.
  static Result<Order> make(std::vector<MixtureMember> members, std::uint64_t seed,
                            std::string_view stream, Grouping grouping);

  std::uint64_t size() const { return total_; }  // samples of one epoch

  // Grouped by length (as the reference's LengthGroupedSampler):
  // element i, i < size(), of an epoch: permuted, sorted by decreasing length within its
  // mega-batch.
  Pick at(std::uint64_t epoch, std::uint64_t i) const;
  // The samples of microbatch k, from 0: update k div M, in it rank (k mod M) mod world and
  // micro-iteration (k mod M) div world.
  std::vector<Pick> microbatch(std::uint64_t k) const;

  // Without grouping: element `position` of all epochs, one after another.
  Pick flat(std::uint64_t position) const;

 private:
  Pick pick(std::uint64_t index) const;  // in the concatenated, repeated mixture
  std::uint64_t length(std::uint64_t index) const;
  std::uint64_t listed(const MixtureMember& member) const;
  std::vector<std::uint64_t> mega_batch(std::uint64_t epoch, std::uint64_t number) const;
  Pick element(std::uint64_t epoch, std::uint64_t i, const std::vector<std::uint64_t>& mega) const;
  std::uint64_t first_longest(std::uint64_t epoch) const;  // position of a longest item

  std::vector<MixtureMember> members_;
  Grouping grouping_;
  std::uint64_t seed_ = 0;
  std::uint64_t total_ = 0;
  std::uint64_t rounded_ = 0;  // samples an epoch delivers: total_ up to a whole number of groups
  std::uint64_t mega_ = 0;     // samples of a mega-batch
  std::uint64_t longest_ = 0;
};

}  // namespace desa2va::data
