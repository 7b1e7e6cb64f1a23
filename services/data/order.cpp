#include "services/data/order.h"

#include <algorithm>

#include "common/base/random.h"
#include "common/datasets/split_numbers.h"

namespace desa2va::data {

namespace {

constexpr std::uint64_t kVideoLength = 10'000;  // and more: the sets the quirk does not repeat
constexpr std::uint64_t kFewLongest = 4096;     // as many are looked up one by one
constexpr std::size_t kKept = 3;  // mega-batches: of here, of the ends that change places

std::uint32_t index_in(const std::vector<std::uint64_t>& begins, std::uint64_t index) {
  const auto after = std::upper_bound(begins.begin(), begins.end(), index);
  return static_cast<std::uint32_t>(after - begins.begin() - 1);
}

}  // namespace

Result<Order> Order::make(std::vector<MixtureMember> members, std::uint64_t seed,
                          std::string_view stream, Grouping grouping) {
  Order order;
  order.members_ = std::move(members);
  order.grouping_ = grouping;
  order.seed_ = seed ^ fnv1a64(stream);
  order.begins_ = order.listed_begins_ = {0};
  for (const MixtureMember& member : order.members_) {
    order.begins_.push_back(order.begins_.back() + order.places(member));
    order.listed_begins_.push_back(order.listed_begins_.back() + order.listed(member));
    if (member.items > 0) order.longest_ = std::max(order.longest_, member.length);
  }
  order.total_ = order.listed_begins_.back();
  for (const MixtureMember& member : order.members_) {
    if (member.length == order.longest_) order.longest_count_ += order.listed(member);
  }
  if (order.total_ == 0) {
    return fail(Errc::InvalidArgument, "the mixture has no sample that can be used");
  }
  if (grouping.world == 0 || grouping.micro_batches % grouping.world != 0) {
    return fail(Errc::InvalidArgument,
                "data.group_world={} must divide train.micro_batches={} without rest",
                grouping.world, grouping.micro_batches);
  }
  order.group_ = grouping.batch * grouping.accumulation * grouping.world;
  const std::uint64_t groups = order.total_ / (order.group_ * 4);
  order.mega_ = order.group_ * std::clamp<std::uint64_t>(groups, 1, 50);
  order.rounded_ = (order.total_ + order.group_ - 1) / order.group_ * order.group_;
  return order;
}

std::uint64_t Order::places(const MixtureMember& member) {
  return datasets::places_in_epoch(member.items, member.repeats, member.weight);
}

// Entries of a member in the reference's list of lengths.
std::uint64_t Order::listed(const MixtureMember& member) const {
  const bool once = grouping_.reference_repeats && member.length >= kVideoLength;
  return once ? member.items : places(member);
}

std::uint32_t Order::member_at(std::uint64_t index) const {
  return index_in(begins_, index);
}
std::uint32_t Order::class_at(std::uint64_t index) const {
  return index_in(listed_begins_, index);
}

Pick Order::pick(std::uint64_t epoch, std::uint64_t index) const {
  Pick pick;
  pick.member = member_at(index);
  const MixtureMember& member = members_[pick.member];
  const std::uint64_t within = index - begins_[pick.member];
  if (member.weight == 1) {
    pick.repeat = within / member.items;
    pick.item = within % member.items;
    return pick;
  }
  const std::uint64_t drawn = epoch * places(member) + within;
  const std::uint64_t pass = drawn / member.items;
  pick.repeat = pass % member.repeats;
  pick.item = Permutation(member.items, seed_ + pick.member + 1, pass)(drawn % member.items);
  return pick;
}

std::uint64_t Order::work(const Pick& pick) const {
  const MixtureMember& member = members_[pick.member];
  return member.work ? member.work(pick.item) : member.length;
}

Pick Order::flat(std::uint64_t position) const {
  const std::uint64_t epoch = position / total_;
  return pick(epoch, Permutation(total_, seed_, epoch)(position % total_));
}

// The first position in the epoch that holds one of the longest items.
std::uint64_t OrderReader::first_longest(std::uint64_t epoch) {
  if (longest_ && longest_->epoch == epoch) return longest_->position;
  const Permutation permutation(order_.total_, order_.seed_, epoch);
  const auto is_longest = [this](std::uint64_t index) {
    return order_.members_[order_.class_at(index)].length == order_.longest_;
  };
  std::uint64_t position = 0;
  if (order_.longest_count_ > kFewLongest) {
    while (!is_longest(permutation(position))) ++position;  // soon: there are many
  } else {
    position = order_.total_;
    for (std::size_t m = 0; m < order_.members_.size(); ++m) {
      if (order_.members_[m].length != order_.longest_) continue;
      for (std::uint64_t i = order_.listed_begins_[m]; i < order_.listed_begins_[m + 1]; ++i) {
        position = std::min(position, permutation.inverse(i));
      }
    }
  }
  longest_ = Longest{epoch, position};
  return position;
}

OrderReader::Picks OrderReader::make_mega_batch(std::uint64_t epoch, std::uint64_t number) const {
  const Permutation permutation(order_.total_, order_.seed_, epoch);
  const std::uint64_t first = number * order_.mega_;
  const std::uint64_t last = std::min(first + order_.mega_, order_.total_);
  struct Element {
    std::uint64_t key;
    Pick pick;
  };
  std::vector<Element> elements;
  elements.reserve(last - first);
  for (std::uint64_t i = first; i < last; ++i) {
    const std::uint64_t index = permutation(i);
    const Pick pick = order_.pick(epoch, index);
    std::uint64_t key = 0;
    if (order_.grouping_.by == GroupBy::Class) {
      key = order_.members_[order_.class_at(index)].length;
    } else if (order_.grouping_.by == GroupBy::Work) {
      key = order_.work(pick);
    }
    elements.push_back({key, pick});
  }
  std::stable_sort(elements.begin(), elements.end(),
                   [](const Element& a, const Element& b) { return a.key > b.key; });
  Picks picks;
  picks.reserve(elements.size());
  for (const Element& element : elements) picks.push_back(element.pick);
  if (order_.grouping_.by == GroupBy::Work) permute_updates(epoch, number, picks);
  return picks;
}

// Whole groups change places; a rest that is no group stays at the end.
void OrderReader::permute_updates(std::uint64_t epoch, std::uint64_t number, Picks& picks) const {
  const std::uint64_t groups = picks.size() / order_.group_;
  const Permutation permutation(groups, order_.seed_ ^ fnv1a64("updates"),
                                epoch * (order_.total_ / order_.mega_ + 1) + number);
  const Picks sorted = picks;
  for (std::uint64_t g = 0; g < groups; ++g) {
    const auto from = static_cast<std::ptrdiff_t>(permutation(g) * order_.group_);
    std::copy_n(sorted.begin() + from, order_.group_,
                picks.begin() + static_cast<std::ptrdiff_t>(g * order_.group_));
  }
}

const OrderReader::Picks& OrderReader::mega_batch(std::uint64_t epoch, std::uint64_t number) {
  const auto known =
      std::find_if(mega_batches_.begin(), mega_batches_.end(),
                   [&](const Kept& kept) { return kept.epoch == epoch && kept.number == number; });
  if (known != mega_batches_.end()) return known->picks;
  if (mega_batches_.size() == kKept) mega_batches_.pop_back();
  mega_batches_.insert(mega_batches_.begin(), Kept{epoch, number, make_mega_batch(epoch, number)});
  return mega_batches_.front().picks;
}

// By class, the globally longest item changes places with the first of all. It is the head of its
// mega-batch: of the longest ones it has the first position, and the sort is stable.
Pick OrderReader::at(std::uint64_t epoch, std::uint64_t i) {
  const std::uint64_t mega = order_.mega_;
  if (order_.grouping_.by != GroupBy::Class || i % mega != 0)
    return mega_batch(epoch, i / mega)[i % mega];
  const std::uint64_t longest = first_longest(epoch) / mega;
  if (i == 0) return mega_batch(epoch, longest)[0];
  if (i / mega == longest) return mega_batch(epoch, 0)[0];
  return mega_batch(epoch, i / mega)[0];
}

OrderReader::Picks OrderReader::given(std::uint64_t k) {
  const Grouping& g = order_.grouping_;
  const std::uint64_t within = k % g.micro_batches;
  const std::uint64_t rank = within % g.world;
  const std::uint64_t iteration =
      k / g.micro_batches * (g.micro_batches / g.world) + within / g.world;
  const bool rounds = g.by == GroupBy::Class;
  const std::uint64_t per_epoch = rounds ? order_.rounded_ : order_.total_;
  Picks picks;
  for (std::uint64_t b = 0; b < g.batch; ++b) {
    const std::uint64_t position = rank + (iteration * g.batch + b) * g.world;
    picks.push_back(at(position / per_epoch, position % per_epoch % order_.total_));
  }
  return picks;
}

std::vector<Pick> OrderReader::microbatch(std::uint64_t k) {
  const Grouping& g = order_.grouping_;
  if (!g.heaviest_first) return given(k);
  const std::uint64_t update = k / g.micro_batches;
  if (update_ != update) {
    struct Weighed {
      std::uint64_t work = 0;
      Picks picks;
    };
    std::vector<Weighed> all(g.micro_batches);
    for (std::uint64_t m = 0; m < g.micro_batches; ++m) {
      all[m].picks = given(update * g.micro_batches + m);
      for (const Pick& pick : all[m].picks) all[m].work += order_.work(pick);
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const Weighed& a, const Weighed& b) { return a.work > b.work; });
    microbatches_.clear();
    for (Weighed& weighed : all) microbatches_.push_back(std::move(weighed.picks));
    update_ = update;
  }
  return microbatches_[k % g.micro_batches];
}

}  // namespace desa2va::data
