#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace strobe::scouting {

/// A growing array for the hot path: aligned to a cache line, never initialised, with slack behind its end so that
/// vector code may store whole registers there. Grows by doubling and keeps its memory when it is cleared.
template <typename T>
class Buffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  static constexpr size_t kSlackBytes = 256;

  Buffer() = default;
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Buffer() { std::free(data_); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  size_t capacity() const { return capacity_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  T& back() { return data_[size_ - 1]; }
  const T& back() const { return data_[size_ - 1]; }
  std::span<const T> view() const { return {data_, size_}; }
  std::span<T> view() { return {data_, size_}; }

  void clear() { size_ = 0; }
  /// Room for `count` elements, and the slack; what is in it stays.
  void reserve(size_t count) {
    if (count > capacity_) grow(count);
  }
  /// New elements are not initialised.
  void resize(size_t count) {
    reserve(count);
    size_ = count;
  }
  void push_back(T value) {
    if (size_ == capacity_) grow(size_ + 1);
    data_[size_++] = value;
  }
  void append(std::span<const T> values) {
    reserve(size_ + values.size());
    if (!values.empty()) std::memcpy(data_ + size_, values.data(), values.size_bytes());
    size_ += values.size();
  }
  void swap(Buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  static constexpr size_t kAlignment = 64;

  void grow(size_t least) {
    const size_t capacity = least < 2 * capacity_ ? 2 * capacity_ : least;
    const size_t bytes = (capacity * sizeof(T) + kSlackBytes + kAlignment - 1) / kAlignment * kAlignment;
    T* grown = static_cast<T*>(std::aligned_alloc(kAlignment, bytes));
    if (grown == nullptr) throw std::bad_alloc();
    if (size_ > 0) std::memcpy(grown, data_, size_ * sizeof(T));
    std::free(data_);
    data_ = grown;
    capacity_ = capacity;
  }

  T* data_ = nullptr;
  size_t size_ = 0, capacity_ = 0;
};

}  // namespace strobe::scouting
