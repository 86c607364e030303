#pragma once

#include <cstddef>
#include <span>

#include "absl/status/statusor.h"

namespace strobe::scouting {

/// A ring of bytes whose memory is mapped twice in a row, so that both what is in it and what is free are always one
/// contiguous stretch and nothing is ever moved.
class MirroredRing {
 public:
  /// `least_bytes` are rounded up to pages. Errors: InvalidArgument (0, or beyond 64 GiB), ResourceExhausted.
  static absl::StatusOr<MirroredRing> create(size_t least_bytes);
  MirroredRing(MirroredRing&& other) noexcept;
  MirroredRing& operator=(MirroredRing&&) = delete;
  ~MirroredRing();

  size_t capacity() const { return capacity_; }
  /// What was added and not consumed.
  std::span<const std::byte> unread() const { return {data_ + first_, size_}; }
  std::span<std::byte> free() { return {data_ + first_ + size_, capacity_ - size_}; }
  /// The first `bytes` of `free()` have been written.
  void add(size_t bytes) { size_ += bytes; }
  /// At most what is unread.
  void consume(size_t bytes);

 private:
  MirroredRing(std::byte* data, size_t capacity) : data_(data), capacity_(capacity) {}
  std::byte* data_;  ///< 2 * capacity_ bytes of address space
  size_t capacity_;
  size_t first_ = 0, size_ = 0;  ///< first_ < capacity_
};

}  // namespace strobe::scouting
