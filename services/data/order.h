#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/base/result.h"

// Which sample stands where: a function of (seed, position) without arrays, so any process finds
// any position of the stream at once.
namespace desa2va::data {

// A bijection of [0, size), fixed by (seed, epoch): a Feistel network over the next even number of
// bits, walked until it lands inside (Black and Rogaway 2002). Expected < 4 rounds of walking.
class Permutation {
 public:
  Permutation(std::uint64_t size, std::uint64_t seed, std::uint64_t epoch);
  std::uint64_t operator()(std::uint64_t i) const;  // i < size
  std::uint64_t size() const { return size_; }

 private:
  std::uint64_t round_trip(std::uint64_t i) const;

  std::uint64_t size_;
  unsigned half_bits_;
  std::uint64_t seed_;
  std::uint64_t epoch_;
};

// One member of the mixture as the order sees it.
struct MixtureMember {
  std::uint64_t items = 0;  // after max_items
  std::uint64_t repeats = 1;
  std::uint64_t length = 100;  // length class: 100 images, 10000 videos, 20000 Ref-SAV
};

// A sample of the stream: member of the mixture, which repeat of it, which item.
struct Pick {
  std::uint32_t member = 0;
  std::uint64_t repeat = 0;
  std::uint64_t item = 0;
  auto operator<=>(const Pick&) const = default;
};

// The whole stream of phases B and C: epoch after epoch of the mixture, permuted, grouped by
// length (docs/model.md, training recipe). One mega-batch is sorted at a time. Immutable.
class Order {
 public:
  // `batch`: samples of a microbatch; `accumulation` micro-iterations an update; `world` stands for
  // the reference's number of GPUs. InvalidArgument when the mixture is empty.
  static Result<Order> make(std::vector<MixtureMember> members, std::uint64_t seed,
                            std::uint64_t batch, std::uint64_t accumulation, std::uint64_t world);

  std::uint64_t size() const { return total_; }  // samples of one epoch of the mixture
  // Element i of the epoch before rounding up: permuted, sorted within its mega-batch.
  Pick at(std::uint64_t epoch, std::uint64_t i) const;
  // The `batch` samples of microbatch k of the stream (from 0). Microbatch k belongs to update
  // k / M, M = accumulation * world; within it rank k mod world, micro-iteration (k mod M) / world.
  std::vector<Pick> microbatch(std::uint64_t k) const;

 private:
  Pick pick(std::uint64_t index) const;  // index in the concatenated mixture
  std::vector<std::uint64_t> mega_batch(std::uint64_t epoch, std::uint64_t number) const;

  std::vector<MixtureMember> members_;
  std::vector<std::uint64_t> starts_;
  std::uint64_t total_ = 0;
  std::uint64_t rounded_ = 0;  // per epoch, a multiple of batch * accumulation * world
  std::uint64_t mega_ = 0;     // samples of a mega-batch
  std::uint64_t seed_ = 0;
  std::uint64_t batch_ = 0, world_ = 0, accumulation_ = 0;
};

}  // namespace desa2va::data
