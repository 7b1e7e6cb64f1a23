#include "services/data/look_ahead.h"

#include <algorithm>
#include <exception>

#include "common/runtime/exec/thread.h"

namespace desa2va::data {

namespace {

constexpr int kInTimeToShrink = 64;

// The outermost function of a worker: nothing leaves its thread but a result.
Result<Microbatch> made_safely(const LookAhead::Make& make, const Plan& plan) {
  try {
    return make(plan);
  } catch (const std::exception& thrown) {
    return fail(Errc::Internal, "microbatch {}: {}", plan.number, thrown.what());
  }
}

}  // namespace

LookAhead::LookAhead(Make make, Limits limits, std::function<void()> wake)
    : make_(std::move(make)),
      limits_(limits),
      wake_(std::move(wake)),
      ahead_(std::min<std::size_t>(limits.microbatches,
                                   static_cast<std::size_t>(limits.workers) + 1)) {
  for (int i = 0; i < limits_.workers; ++i) {
    threads_.push_back(exec::start_thread(fmt::format("decode-{}", i),
                                          [this](const std::stop_token& stop) { work(stop); }));
  }
}

LookAhead::~LookAhead() {
  for (std::jthread& thread : threads_) thread.request_stop();
}

bool LookAhead::wants() const {
  const std::lock_guard guard(mutex_);
  return slots_.size() < std::max<std::size_t>(1, limits_.workers == 0 ? 1 : ahead_);
}

void LookAhead::add(Plan plan) {
  {
    const std::lock_guard guard(mutex_);
    slots_.push_back(
        std::make_unique<Slot>(Slot{std::move(plan), State::Waiting, 0, Microbatch{}}));
  }
  changed_.notify_one();
}

LookAhead::Slot* LookAhead::next_to_make() {
  const auto waiting = std::find_if(slots_.begin(), slots_.end(),
                                    [](const auto& slot) { return slot->state == State::Waiting; });
  if (waiting == slots_.end()) return nullptr;
  if (waiting == slots_.begin()) return waiting->get();
  if (largest_ == 0) return nullptr;  // not known yet how large they are
  const auto making = static_cast<std::size_t>(std::count_if(
      slots_.begin(), slots_.end(), [](const auto& slot) { return slot->state == State::Making; }));
  const bool fits = ready_bytes_ + (making + 1) * largest_ <= limits_.bytes;
  return fits ? waiting->get() : nullptr;
}

void LookAhead::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    Slot* slot = nullptr;
    changed_.wait(lock, stop, [&] { return (slot = next_to_make()) != nullptr; });
    if (slot == nullptr) return;
    slot->state = State::Making;
    lock.unlock();
    Result<Microbatch> made = made_safely(make_, slot->plan);
    lock.lock();
    slot->bytes = made ? made->bytes() : 0;
    slot->made = std::move(made);
    slot->state = State::Ready;
    largest_ = std::max({largest_, slot->bytes, std::size_t{1}});
    ready_bytes_ += slot->bytes;
    peak_bytes_ = std::max(peak_bytes_, ready_bytes_);
    const bool is_next = slot == slots_.front().get();
    changed_.notify_all();
    if (is_next) wake_();
  }
}

void LookAhead::adapt(bool was_there) {
  if (!was_there) {
    in_time_ = 0;
    ahead_ = std::min(limits_.microbatches, 2 * ahead_);
  } else if (++in_time_ >= kInTimeToShrink) {
    in_time_ = 0;
    const auto least = std::min(static_cast<std::size_t>(limits_.workers), limits_.microbatches);
    ahead_ = std::max(least, ahead_ - 1);
  }
}

Result<std::optional<LookAhead::Made>> LookAhead::take() {
  std::unique_ptr<Slot> slot;
  bool full = false;
  {
    const std::lock_guard guard(mutex_);
    if (slots_.empty()) return std::optional<Made>();
    if (limits_.workers > 0 && slots_.front()->state != State::Ready) {
      if (missed_ != slots_.front()->plan.number) {
        missed_ = slots_.front()->plan.number;
        ++late_;
        adapt(false);
      }
      return std::optional<Made>();
    }
    full = std::all_of(slots_.begin(), slots_.end(),
                       [](const auto& one) { return one->state == State::Ready; });
    slot = std::move(slots_.front());
    slots_.pop_front();
    ready_bytes_ -= std::min(ready_bytes_, slot->bytes);
  }
  if (limits_.workers == 0) slot->made = made_safely(make_, slot->plan);
  changed_.notify_all();
  if (missed_ != slot->plan.number && full) adapt(true);
  if (!slot->made) return std::move(slot->made.error());
  return std::optional<Made>(Made{std::move(slot->plan), std::move(*slot->made)});
}

LookAhead::Figures LookAhead::figures() const {
  const std::lock_guard guard(mutex_);
  Figures figures;
  for (const auto& slot : slots_) figures.ready += slot->state == State::Ready ? 1 : 0;
  figures.ahead = ahead_;
  figures.bytes = ready_bytes_;
  figures.peak_bytes = peak_bytes_;
  figures.late = late_;
  return figures;
}

}  // namespace desa2va::data
