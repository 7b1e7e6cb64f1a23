#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace desa2va::exec {

// Values passed from threads to threads, at most `capacity` at a time: a full queue makes the
// producer wait, nothing is dropped. First in, first out. Any number of threads on both sides.
template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

  // Waits while full. False, and `value` untouched, if the queue was closed.
  bool push(T&& value) {
    std::unique_lock lock(mutex_);
    space_.wait(lock, [&] { return closed_ || values_.size() < capacity_; });
    if (closed_) return false;
    values_.push_back(std::move(value));
    lock.unlock();
    values_there_.notify_one();
    return true;
  }

  // Never waits. False, and `value` untouched, if full or closed.
  bool try_push(T&& value) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_ || values_.size() >= capacity_) return false;
      values_.push_back(std::move(value));
    }
    values_there_.notify_one();
    return true;
  }

  // Waits while empty. Nothing once the queue was closed and all values were taken.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    values_there_.wait(lock, [&] { return closed_ || !values_.empty(); });
    return take(lock);
  }

  // Never waits.
  std::optional<T> try_pop() {
    std::unique_lock lock(mutex_);
    return take(lock);
  }

  // Producers are refused from now on; consumers get what is left.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    space_.notify_all();
    values_there_.notify_all();
  }

  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return values_.size();
  }
  std::size_t capacity() const { return capacity_; }

 private:
  std::optional<T> take(std::unique_lock<std::mutex>& lock) {
    if (values_.empty()) return std::nullopt;
    std::optional<T> value(std::move(values_.front()));
    values_.pop_front();
    lock.unlock();
    space_.notify_one();
    return value;
  }

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable space_;
  std::condition_variable values_there_;
  // Under the mutex:
  std::deque<T> values_;
  bool closed_ = false;
};

}  // namespace desa2va::exec
