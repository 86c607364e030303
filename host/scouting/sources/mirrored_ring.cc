#include "host/scouting/sources/mirrored_ring.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"

namespace strobe::scouting {
namespace {

absl::Status no_memory(int error, size_t bytes) {
  return absl::ErrnoToStatus(error, absl::StrCat("cannot map a source's buffer of ", bytes, " bytes"));
}

/// Maps `memory` at both halves of the space; the pages are made now, not one by one when the first bytes come.
bool map_twice(std::byte* space, int memory, size_t bytes) {
  for (std::byte* half : {space, space + bytes}) {
    constexpr int kFlags = MAP_SHARED | MAP_FIXED | MAP_POPULATE;
    if (::mmap(half, bytes, PROT_READ | PROT_WRITE, kFlags, memory, 0) == MAP_FAILED) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<MirroredRing> MirroredRing::create(size_t least_bytes) {
  constexpr size_t kMostBytes = size_t{64} << 30;
  if (least_bytes == 0 || least_bytes > kMostBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a source's buffer: expected 1 to ", kMostBytes, " bytes, found ", least_bytes));
  }
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t bytes = (least_bytes + page - 1) / page * page;
  const int memory = ::memfd_create("strobe-source", MFD_CLOEXEC);
  if (memory < 0) return no_memory(errno, bytes);
  // Allocated, not only promised: a tmpfs without room would answer the first touch with SIGBUS.
  const int refused = ::posix_fallocate(memory, 0, static_cast<off_t>(bytes));
  if (refused != 0) {
    ::close(memory);
    return no_memory(refused, bytes);
  }
  void* space = ::mmap(nullptr, 2 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const bool mapped = space != MAP_FAILED && map_twice(static_cast<std::byte*>(space), memory, bytes);
  const int error = errno;
  ::close(memory);
  if (mapped) return MirroredRing(static_cast<std::byte*>(space), bytes);
  if (space != MAP_FAILED) ::munmap(space, 2 * bytes);
  return no_memory(error, bytes);
}

MirroredRing::MirroredRing(MirroredRing&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      capacity_(other.capacity_),
      first_(other.first_),
      size_(other.size_) {}

MirroredRing::~MirroredRing() {
  if (data_ != nullptr) ::munmap(data_, 2 * capacity_);
}

void MirroredRing::consume(size_t bytes) {
  size_ -= bytes;
  first_ += bytes;
  if (first_ >= capacity_) first_ -= capacity_;
  if (size_ == 0) first_ = 0;  // the pages that are still in the cache
}

}  // namespace strobe::scouting
