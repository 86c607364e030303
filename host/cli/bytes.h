#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <vector>

namespace strobe::cli {

/// Memory that is not zeroed and, from a few MiB on, lies on large pages: scores of many events are written once, and
/// small pages would cost more than the events.
template <typename T>
struct BulkAllocator {
  using value_type = T;
  static constexpr size_t kLargePage = size_t{2} << 20;

  BulkAllocator() = default;
  template <typename U>
  explicit BulkAllocator(const BulkAllocator<U>&) {}

  T* allocate(size_t count) {
    const size_t bytes = (count * sizeof(T) + kLargePage - 1) / kLargePage * kLargePage;
    if (bytes <= kLargePage) return static_cast<T*>(::operator new(count * sizeof(T)));
    void* memory = std::aligned_alloc(kLargePage, bytes);
    if (memory == nullptr) throw std::bad_alloc();
    ::madvise(memory, bytes, MADV_HUGEPAGE);  // a wish: small pages serve too
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, size_t count) {
    count * sizeof(T) <= kLargePage ? ::operator delete(memory) : std::free(memory);
  }
  template <typename U>
  void construct(U* at) {
    ::new (static_cast<void*>(at)) U;
  }
  template <typename U, typename... Args>
  void construct(U* at, Args&&... args) {
    ::new (static_cast<void*>(at)) U(std::forward<Args>(args)...);
  }
  bool operator==(const BulkAllocator&) const { return true; }
};

using Bytes = std::vector<std::byte, BulkAllocator<std::byte>>;

}  // namespace strobe::cli
