#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "common/datasets/importer.h"
#include "common/datasets/json_tools.h"
#include "common/datasets/media_loader.h"
#include "common/datasets/tree.h"

namespace desa2va::datasets {

// Makes one sample; called on a worker thread. What it refers to outlives the SampleWork, which is
// therefore declared after it. What it throws of nlohmann::json becomes Corrupt.
using MakeSample = std::function<Result<Sample>(MediaLoader&)>;

// The samples of one split, made by many threads and delivered in the order in which they were
// added: what the sink sees does not depend on the number of threads. Belongs to the thread that
// imports, on which alone the sink is called.
//
// Bounded: at most 4 samples a thread are under way, with at most 64 MiB of annotations and 512
// MiB of media that wait for their turn (one sample may exceed either by itself).
class SampleWork {
 public:
  SampleWork(const DataTree& tree, const ImportRequest& request, ImportSink& sink);
  ~SampleWork();  // drops what was not delivered
  SampleWork(const SampleWork&) = delete;
  SampleWork& operator=(const SampleWork&) = delete;

  // `weight` is about the bytes of annotation that `make` holds. Waits while too much is under
  // way, delivering meanwhile; returns the first failure in the order of samples.
  Result<void> add(std::uint64_t weight, MakeSample make);

  // Delivers the rest; `info` with the counts of samples since the last split ends the split.
  Result<void> split_done(SplitInfo info);

  // One sample for each element of the outermost array or object of the file, numbered from 0; the
  // elements are parsed by the workers. Failures name file and entry.
  using MakeOfElement =
      std::function<Result<Sample>(MediaLoader& loader, std::uint64_t index, const Json& element)>;
  Result<void> add_elements(const std::string& path, const MakeOfElement& make);

 private:
  struct Item;

  void worker(const std::stop_token& stop);
  Item* next_item();  // under the lock
  Result<void> deliver_front();
  Result<void> deliver_down_to(std::size_t items, std::uint64_t weight);

  const DataTree& tree_;
  const ImportRequest& request_;
  ImportSink& sink_;
  std::size_t limit_ = 0;
  SplitInfo counts_;

  std::mutex mutex_;
  std::condition_variable_any work_;  // for workers: there is an item, or room for its media
  std::condition_variable done_;      // for the importer: some item is done
  std::deque<std::unique_ptr<Item>> items_;
  std::uint64_t waiting_weight_ = 0;   // of items_
  std::uint64_t media_bytes_ = 0;      // held by items that are done or under way
  std::vector<std::jthread> threads_;  // last: joined before the rest goes
};

// Of a whole annotation file, as `add_elements` counts it; 0 where it is missing.
std::uint64_t weight_of(const DataTree& tree, const std::string& path);

}  // namespace desa2va::datasets
