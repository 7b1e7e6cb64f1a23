#include "services/data/order.h"

#include <algorithm>
#include <bit>

#include "common/base/random.h"

namespace desa2va::data {

namespace {

constexpr unsigned kRounds = 6;
constexpr std::uint64_t kVideoLength = 10'000;  // and more: the sets the quirk does not repeat

}  // namespace

Permutation::Permutation(std::uint64_t size, std::uint64_t seed, std::uint64_t epoch)
    : size_(size),
      seed_(seed),
      epoch_(epoch),
      half_bits_((static_cast<unsigned>(std::bit_width(size > 0 ? size - 1 : 0)) + 1) / 2) {}

std::uint64_t Permutation::network(std::uint64_t i) const {
  const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
  std::uint64_t left = i >> half_bits_;
  std::uint64_t right = i & mask;
  for (unsigned round = 0; round < kRounds; ++round) {
    const auto mixed =
        philox4x32({static_cast<std::uint32_t>(right), round, static_cast<std::uint32_t>(epoch_),
                    static_cast<std::uint32_t>(epoch_ >> 32U)},
                   {static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32U)});
    const std::uint64_t next = left ^ (mixed[0] & mask);
    left = right;
    right = next;
  }
  return (left << half_bits_) | right;
}

std::uint64_t Permutation::operator()(std::uint64_t i) const {
  do {
    i = network(i);
  } while (i >= size_);
  return i;
}

Result<Order> Order::make(std::vector<MixtureMember> members, std::uint64_t seed,
                          std::string_view stream, Grouping grouping) {
  Order order;
  order.members_ = std::move(members);
  order.grouping_ = grouping;
  order.seed_ = seed ^ fnv1a64(stream);
  for (const MixtureMember& member : order.members_) {
    order.total_ += order.listed(member);
    if (member.items > 0) order.longest_ = std::max(order.longest_, member.length);
  }
  if (order.total_ == 0) {
    return fail(Errc::InvalidArgument, "the mixture has no sample that can be used");
  }
  if (grouping.world == 0 || grouping.micro_batches % grouping.world != 0) {
    return fail(Errc::InvalidArgument,
                "data.group_world={} must divide train.micro_batches={} without rest",
                grouping.world, grouping.micro_batches);
  }
  const std::uint64_t group = grouping.batch * grouping.accumulation * grouping.world;
  const std::uint64_t groups = order.total_ / (group * 4);
  order.mega_ = group * std::clamp<std::uint64_t>(groups, 1, 50);
  order.rounded_ = (order.total_ + group - 1) / group * group;
  return order;
}

// Entries of a member in the reference's list of lengths.
std::uint64_t Order::listed(const MixtureMember& member) const {
  const bool once = grouping_.reference_repeats && member.length >= kVideoLength;
  return member.items * (once ? 1 : member.repeats);
}

std::uint64_t Order::length(std::uint64_t index) const {
  for (const MixtureMember& member : members_) {
    const std::uint64_t size = listed(member);
    if (index < size) return member.length;
    index -= size;
  }
  return 0;
}

Pick Order::pick(std::uint64_t index) const {
  Pick pick;
  for (const MixtureMember& member : members_) {
    const std::uint64_t size = member.items * member.repeats;
    if (index < size) {
      pick.repeat = index / member.items;
      pick.item = index % member.items;
      return pick;
    }
    index -= size;
    ++pick.member;
  }
  return pick;
}

std::uint64_t Order::first_longest(std::uint64_t epoch) const {
  const Permutation permutation(total_, seed_, epoch);
  std::uint64_t position = 0;
  while (length(permutation(position)) != longest_) ++position;
  return position;
}

std::vector<std::uint64_t> Order::mega_batch(std::uint64_t epoch, std::uint64_t number) const {
  const Permutation permutation(total_, seed_, epoch);
  std::vector<std::uint64_t> indices;
  const std::uint64_t first = number * mega_;
  for (std::uint64_t i = first; i < std::min(first + mega_, total_); ++i) {
    indices.push_back(permutation(i));
  }
  std::stable_sort(indices.begin(), indices.end(),
                   [&](std::uint64_t a, std::uint64_t b) { return length(a) > length(b); });
  return indices;
}

// The globally longest item changes places with the first of all. It is the head of its mega-batch:
// of the longest ones it has the first position, and the sort is stable.
Pick Order::element(std::uint64_t epoch, std::uint64_t i,
                    const std::vector<std::uint64_t>& mega) const {
  if (i % mega_ != 0) return pick(mega[i % mega_]);
  const std::uint64_t longest = first_longest(epoch) / mega_;
  if (i == 0) return pick(mega_batch(epoch, longest)[0]);
  if (i / mega_ == longest) return pick(mega_batch(epoch, 0)[0]);
  return pick(mega[0]);
}

Pick Order::at(std::uint64_t epoch, std::uint64_t i) const {
  return element(epoch, i, mega_batch(epoch, i / mega_));
}

std::vector<Pick> Order::microbatch(std::uint64_t k) const {
  const Grouping& g = grouping_;
  const std::uint64_t within = k % g.micro_batches;
  const std::uint64_t rank = within % g.world;
  const std::uint64_t iteration =
      k / g.micro_batches * (g.micro_batches / g.world) + within / g.world;
  const std::uint64_t per_epoch = rounded_ / (g.batch * g.world);
  const std::uint64_t epoch = iteration / per_epoch;
  std::vector<Pick> picks;
  std::vector<std::uint64_t> mega;  // of the element before: mostly the same
  std::uint64_t number = 0;
  for (std::uint64_t b = 0; b < g.batch; ++b) {
    const std::uint64_t i = (rank + (iteration % per_epoch * g.batch + b) * g.world) % total_;
    if (mega.empty() || number != i / mega_) {
      number = i / mega_;
      mega = mega_batch(epoch, number);
    }
    picks.push_back(element(epoch, i, mega));
  }
  return picks;
}

Pick Order::flat(std::uint64_t position) const {
  const Permutation permutation(total_, seed_, position / total_);
  return pick(permutation(position % total_));
}

}  // namespace desa2va::data
