#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace strobe::scouting {

/// A bounded queue between threads. `close` lets the taker finish what is in it.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}

  /// Waits for room. False, and `item` stays, where the queue is closed.
  bool push(T&& item) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return closed_ || items_.size() < capacity_; });
    return put(std::move(item));
  }
  /// False, and `item` stays, where there is no room now.
  bool try_push(T&& item) {
    const std::lock_guard lock(mutex_);
    return items_.size() < capacity_ && put(std::move(item));
  }
  /// Waits for an item. Empty: closed and drained.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    some_.wait(lock, [&] { return closed_ || !items_.empty(); });
    return take();
  }
  /// The same, but the last one that came: of a pool, what is still in the cache.
  std::optional<T> pop_newest() {
    std::unique_lock lock(mutex_);
    some_.wait(lock, [&] { return closed_ || !items_.empty(); });
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.back()));
    items_.pop_back();
    room_.notify_one();
    return item;
  }
  /// Empty: no item now.
  std::optional<T> try_pop() {
    const std::lock_guard lock(mutex_);
    return take();
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    some_.notify_all();
    room_.notify_all();
  }
  size_t size() const {
    const std::lock_guard lock(mutex_);
    return items_.size();
  }
  size_t capacity() const { return capacity_; }

 private:
  bool put(T&& item) {
    if (closed_) return false;
    items_.push_back(std::move(item));
    some_.notify_one();
    return true;
  }
  std::optional<T> take() {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    room_.notify_one();
    return item;
  }

  const size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable some_, room_;
  std::deque<T> items_;
  bool closed_ = false;
};

}  // namespace strobe::scouting
