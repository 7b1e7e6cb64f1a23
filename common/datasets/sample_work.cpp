#include "common/datasets/sample_work.h"

#include <algorithm>
#include <new>

#include <nlohmann/json.hpp>

#include "common/datasets/json_scan.h"

namespace desa2va::datasets {

namespace {

constexpr std::size_t kItemsPerThread = 4;
constexpr std::uint64_t kMaxWaitingWeight = 64ULL << 20U;
constexpr std::uint64_t kMaxMediaBytes = 512ULL << 20U;

Result<Sample> make_guarded(const MakeSample& make, MediaLoader& loader) {
  try {
    return make(loader);
  } catch (const nlohmann::json::exception& error) {
    return fail(Errc::Corrupt, "{}", error.what());
  } catch (const std::bad_alloc&) {
    return fail(Errc::Overloaded, "out of memory: use fewer threads");
  } catch (const std::exception& error) {
    return fail(Errc::Internal, "{}", error.what());
  }
}

}  // namespace

struct SampleWork::Item {
  enum class State { Waiting, Running, Done };
  MakeSample make;
  std::uint64_t weight = 0;
  State state = State::Waiting;
  Result<Sample> sample = Sample();
  std::vector<MediaItem> media;
  std::uint64_t media_bytes = 0;
};

SampleWork::SampleWork(const DataTree& tree, const ImportRequest& request, ImportSink& sink)
    : tree_(tree), request_(request), sink_(sink) {
  const unsigned wanted =
      request.threads != 0 ? request.threads : std::max(1U, std::thread::hardware_concurrency());
  limit_ = kItemsPerThread * wanted;
  for (unsigned i = 0; i < wanted; ++i)
    threads_.emplace_back([this](const std::stop_token& stop) { worker(stop); });
}

SampleWork::~SampleWork() {
  for (auto& thread : threads_) thread.request_stop();
  work_.notify_all();
}

// The first that waits, unless its media may find no room; the first of all always has room.
SampleWork::Item* SampleWork::next_item() {
  for (auto& item : items_) {
    if (item->state != Item::State::Waiting) continue;
    return item == items_.front() || media_bytes_ < kMaxMediaBytes ? item.get() : nullptr;
  }
  return nullptr;
}

void SampleWork::worker(const std::stop_token& stop) {
  for (;;) {
    Item* item = nullptr;
    {
      std::unique_lock lock(mutex_);
      work_.wait(lock, stop, [&] { return (item = next_item()) != nullptr; });
      if (stop.stop_requested()) return;
      item->state = Item::State::Running;
    }
    MediaLoader loader(tree_, request_.memory, [&](MediaItem media) -> Result<void> {
      const std::uint64_t bytes = media.bytes.size();
      item->media.push_back(std::move(media));
      item->media_bytes += bytes;
      const std::lock_guard lock(mutex_);
      media_bytes_ += bytes;
      if (stop.stop_requested()) return fail(Errc::Cancelled, "the import was stopped");
      return {};
    });
    Result<Sample> sample = make_guarded(item->make, loader);
    item->make = nullptr;  // frees the annotation here
    const std::lock_guard lock(mutex_);
    item->sample = std::move(sample);
    item->state = Item::State::Done;
    done_.notify_one();
  }
}

Result<void> SampleWork::deliver_front() {
  std::unique_ptr<Item> item;
  {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return items_.front()->state == Item::State::Done; });
    item = std::move(items_.front());
    items_.pop_front();
    waiting_weight_ -= item->weight;
  }
  if (request_.stop.stop_requested()) return fail(Errc::Cancelled, "interrupted");
  if (!item->sample) return std::move(item->sample.error());
  for (const MediaItem& media : item->media) DESA2VA_TRY(sink_.media(media));
  item->media.clear();
  {
    const std::lock_guard lock(mutex_);
    media_bytes_ -= item->media_bytes;
  }
  work_.notify_all();
  ++counts_.samples;
  counts_.expressions += item->sample->expressions.size();
  DESA2VA_TRY(sink_.sample(*item->sample));
  sink_.advance(item->weight);
  return {};
}

Result<void> SampleWork::deliver_down_to(std::size_t items, std::uint64_t weight) {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (items_.empty()) return {};
      const bool over = items_.size() > items || waiting_weight_ > weight;
      if (!over && items_.front()->state != Item::State::Done) return {};
    }
    DESA2VA_TRY(deliver_front());
  }
}

Result<void> SampleWork::add(std::uint64_t weight, MakeSample make) {
  if (request_.stop.stop_requested()) return fail(Errc::Cancelled, "interrupted");
  DESA2VA_TRY(deliver_down_to(limit_ - 1, kMaxWaitingWeight));
  auto item = std::make_unique<Item>();
  item->make = std::move(make);
  item->weight = weight;
  {
    const std::lock_guard lock(mutex_);
    items_.push_back(std::move(item));
    waiting_weight_ += weight;
  }
  work_.notify_one();
  return {};
}

Result<void> SampleWork::split_done(SplitInfo info) {
  DESA2VA_TRY(deliver_down_to(0, 0));
  info.samples = counts_.samples;
  info.expressions = counts_.expressions;
  counts_ = {};
  return sink_.split_done(info);
}

Result<void> SampleWork::add_elements(const std::string& path, const MakeOfElement& make) {
  std::uint64_t index = 0;
  return scan_json(tree_, path, 1, [&](const JsonElement& element) -> Result<void> {
    const std::string where = fmt::format("{}: entry {}", path, index);
    return add(element.place.bytes,
               [text = std::string(element.text), index = index++, where,
                &make](MediaLoader& loader) -> Result<Sample> {
                 return json_guarded(where, [&]() -> Result<Sample> {
                   DESA2VA_ASSIGN(const Json value, parse_element(text));
                   return make(loader, index, value);
                 });
               });
  });
}

std::uint64_t weight_of(const DataTree& tree, const std::string& path) {
  const auto stamp = tree.stamp(path);
  return stamp ? stamp->bytes : 0;
}

}  // namespace desa2va::datasets
