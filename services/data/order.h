#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "services/data/permutation.h"

// Which sample stands where: a function of (seed, position) without arrays over the data, so any
// process finds any position of the stream at once, and a resumed run needs only its number.
namespace desa2va::data {

// One member of the mixture as the order sees it.
struct MixtureMember {
  std::uint64_t items = 0;  // after max_items
  std::uint64_t repeats = 1;
  std::uint64_t length = 100;  // length class: 100 images, 10000 videos, 20000 Ref-SAV
  double weight = 1;           // times repeats: how often an epoch runs through it
  // Work that an item takes, in any unit; empty: as much as its length class. A function of the
  // data alone; called from any thread.
  std::function<std::uint64_t(std::uint64_t item)> work = {};
};

// A sample of the stream: which member of the mixture, which repeat of it, which item.
struct Pick {
  std::uint32_t member = 0;
  std::uint64_t repeat = 0;
  std::uint64_t item = 0;
  auto operator<=>(const Pick&) const = default;
};

enum class GroupBy : std::uint8_t { Class, Work, Nothing };

// How microbatches are cut out of the order.
struct Grouping {
  std::uint64_t batch = 2;          // samples of a microbatch
  std::uint64_t accumulation = 4;   // with batch: the reference's group of 8
  std::uint64_t micro_batches = 4;  // an update; a multiple of world
  std::uint64_t world = 1;          // the reference's number of GPUs
  bool reference_repeats = false;   // QUIRK sampler.reference_repeats
  GroupBy by = GroupBy::Class;
  bool heaviest_first = false;  // within an update, microbatches by decreasing work
};

// Epoch after epoch of the mixture. Immutable.
//
// A member with the weight w takes w * repeats * items places of an epoch (rounded, at least one),
// and goes on in the next epoch where it stopped: of its own passes over its items, each has every
// item once.
class Order {
 public:
  // `stream` separates orders of one seed ("A", "BC"). InvalidArgument when the mixture is empty or
  // micro_batches is no multiple of world.
  static Result<Order> make(std::vector<MixtureMember> members, std::uint64_t seed,
                            std::string_view stream, Grouping grouping);

  std::uint64_t size() const { return total_; }  // samples of one epoch
  const Grouping& grouping() const { return grouping_; }
  std::uint64_t work(const Pick& pick) const;

  // Without grouping: element `position` of all epochs, one after another.
  Pick flat(std::uint64_t position) const;

 private:
  friend class OrderReader;

  Pick pick(std::uint64_t epoch, std::uint64_t index) const;  // in the concatenated mixture
  std::uint32_t member_at(std::uint64_t index) const;
  std::uint32_t class_at(std::uint64_t index) const;  // member by the (quirky) list of lengths
  static std::uint64_t places(const MixtureMember& member);
  std::uint64_t listed(const MixtureMember& member) const;

  std::vector<MixtureMember> members_;
  std::vector<std::uint64_t> begins_;         // of each member in the mixture, and its end
  std::vector<std::uint64_t> listed_begins_;  // the same in the list of lengths
  Grouping grouping_;
  std::uint64_t seed_ = 0;
  std::uint64_t total_ = 0;
  std::uint64_t rounded_ = 0;  // samples an epoch delivers: total_ up to a whole number of groups
  std::uint64_t group_ = 0;    // samples of an update, or of several
  std::uint64_t mega_ = 0;     // samples of a mega-batch
  std::uint64_t longest_ = 0;
  std::uint64_t longest_count_ = 0;
};

// Reads an order and remembers where it was, so that reading on is cheap; what it returns depends
// on its arguments alone. The order must outlive it. One thread.
class OrderReader {
 public:
  explicit OrderReader(const Order& order) : order_(order) {}

  // Grouped by length: element i, i < size(), of an epoch.
  //
  // By class, as the reference's LengthGroupedSampler: permuted, cut into mega-batches, each sorted
  // by decreasing length; the globally longest changes places with the first of all.
  // By work: permuted, cut and sorted alike, then the updates of each mega-batch permuted, so that
  // an update holds samples alike and their sizes have no trend over the mega-batch.
  Pick at(std::uint64_t epoch, std::uint64_t i);

  // The samples of microbatch k, from 0: update k div M, in it rank (k mod M) mod world and
  // micro-iteration (k mod M) div world; or, heaviest first, the (k mod M)-th by work of these.
  // By class an epoch is rounded up to whole groups from its start; else epochs join seamlessly.
  std::vector<Pick> microbatch(std::uint64_t k);

 private:
  using Picks = std::vector<Pick>;

  Picks given(std::uint64_t k);  // as the grouping has it
  const Picks& mega_batch(std::uint64_t epoch, std::uint64_t number);
  Picks make_mega_batch(std::uint64_t epoch, std::uint64_t number) const;
  void permute_updates(std::uint64_t epoch, std::uint64_t number, Picks& picks) const;
  std::uint64_t first_longest(std::uint64_t epoch);  // position of a longest item

  struct Kept {
    std::uint64_t epoch = 0;
    std::uint64_t number = 0;
    Picks picks;
  };

  const Order& order_;
  std::vector<Kept> mega_batches_;  // latest first, a few
  struct Longest {
    std::uint64_t epoch = 0;
    std::uint64_t position = 0;
  };
  std::optional<Longest> longest_;
  std::optional<std::uint64_t> update_;  // whose microbatches these are, by decreasing work
  std::vector<Picks> microbatches_;
};

}  // namespace desa2va::data
