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

#include "common/base/result.h"
#include "services/data/stage.h"

namespace desa2va::data {

// Microbatches made ahead by threads and handed out in the order they were asked for.
//
// How far ahead adapts to the consumer: it starts at one more than there are workers, doubles when
// the next one is wanted and not there, and shrinks by one when all were there for a while; never
// beyond `microbatches`. Whatever that says, a worker begins none while those that are made or in
// the making, taken to be as large as the largest so far, would exceed `bytes`; only the next one
// is always made. Without workers each is made when it is taken.
//
// All functions belong to one thread. `make` is called on the workers; it and what it uses must
// outlive this object, whose destruction waits for those in the making.
class LookAhead {
 public:
  using Make = std::function<Result<Microbatch>(const Plan&)>;
  struct Limits {
    int workers = 0;
    std::size_t microbatches = 8;
    std::size_t bytes = std::size_t{256} << 20U;
  };
  struct Figures {
    std::size_t ready = 0;  // made and not taken
    std::size_t ahead = 0;  // how many it would have ahead at present
    std::size_t bytes = 0;  // of those that are ready
    std::size_t peak_bytes = 0;
    std::uint64_t late = 0;  // times the next one was wanted and not there
  };

  // `wake` (any thread) is called when the next one is there.
  LookAhead(Make make, Limits limits, std::function<void()> wake);
  ~LookAhead();
  LookAhead(const LookAhead&) = delete;
  LookAhead& operator=(const LookAhead&) = delete;

  // Whether another plan is welcome.
  bool wants() const;
  void add(Plan plan);

  // The oldest plan and what was made of it; nothing while it is not there.
  struct Made {
    Plan plan;
    Microbatch microbatch;
  };
  Result<std::optional<Made>> take();

  Figures figures() const;

 private:
  enum class State : std::uint8_t { Waiting, Making, Ready };
  struct Slot {
    Plan plan;
    State state = State::Waiting;
    std::size_t bytes = 0;
    Result<Microbatch> made = Microbatch{};
  };

  void work(const std::stop_token& stop);
  Slot* next_to_make();  // under the lock; null: none may be begun
  void adapt(bool was_there);

  const Make make_;
  const Limits limits_;
  const std::function<void()> wake_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::unique_ptr<Slot>> slots_;  // under the lock, oldest first
  std::size_t largest_ = 0;
  std::size_t ready_bytes_ = 0;
  std::size_t peak_bytes_ = 0;

  // The owner's thread only.
  std::size_t ahead_;
  std::uint64_t late_ = 0;
  int in_time_ = 0;                      // in a row
  std::optional<std::uint64_t> missed_;  // the number that was found late

  std::vector<std::jthread> threads_;  // last: they use all of the above
};

}  // namespace desa2va::data
