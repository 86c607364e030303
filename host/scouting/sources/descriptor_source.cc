#include "host/scouting/sources/descriptor_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"

namespace strobe::scouting {

absl::StatusOr<std::unique_ptr<ByteSource>> DescriptorSource::open_device(const std::string& path, Interrupt interrupt,
                                                                          const SourceOptions& options) {
  absl::StatusOr<MirroredRing> ring = MirroredRing::create(options.buffer_bytes);
  if (!ring.ok()) return ring.status();
  // Not blocking: else a FIFO would be waited for here until its first writer comes.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("'", path, "': cannot open"));
  struct stat info {};
  const bool known = ::fstat(descriptor, &info) == 0;
  if (!known || !(S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode))) {
    ::close(descriptor);
    return absl::InvalidArgumentError(absl::StrCat("'dma:", path, "': expected a character device or FIFO, found a ",
                                                   S_ISDIR(info.st_mode) ? "folder" : "file"));
  }
  return std::unique_ptr<ByteSource>(new DescriptorSource(
      absl::StrCat("dma:", path), descriptor, S_ISFIFO(info.st_mode), std::move(interrupt), *std::move(ring), 0));
}

absl::StatusOr<std::unique_ptr<ByteSource>> DescriptorSource::standard_input(Interrupt interrupt,
                                                                             const SourceOptions& options) {
  absl::StatusOr<MirroredRing> ring = MirroredRing::create(options.buffer_bytes);
  if (!ring.ok()) return ring.status();
  const int descriptor = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, "standard input: cannot be read");
  return std::unique_ptr<ByteSource>(
      new DescriptorSource("standard input", descriptor, false, std::move(interrupt), *std::move(ring), options.rate));
}

DescriptorSource::DescriptorSource(std::string name, int descriptor, bool is_fifo, Interrupt interrupt,
                                   MirroredRing ring, double rate)
    : name_(std::move(name)),
      descriptor_(descriptor),
      is_fifo_(is_fifo),
      interrupt_(std::move(interrupt)),
      ring_(std::move(ring)),
      pacer_(rate) {}

DescriptorSource::~DescriptorSource() { ::close(descriptor_); }

absl::StatusOr<ByteSource::Fill> DescriptorSource::fill(int timeout_ms) {
  if (ended_) return Fill::kEnd;
  if (broken_ && !ring_.unread().empty()) return Fill::kBreak;
  broken_ = false;
  const auto until = Interrupt::Clock::now() + std::chrono::milliseconds(timeout_ms);
  while (true) {
    if (interrupt_.raised()) return Fill::kEnd;
    if (ring_.free().empty()) return Fill::kFull;
    // First asked and then read, for reading may block (standard input's mode is shared with others), and a FIFO
    // without a writer reads as ended.
    if (const auto answer = wait_readable(interrupt_, descriptor_, until)) return *answer;
    const std::span<std::byte> room = ring_.free();
    const ssize_t got = ::read(descriptor_, room.data(), std::min(room.size(), kMostBytesARead));
    if (got > 0) {
      ring_.add(static_cast<size_t>(got));
      return Fill::kMore;
    }
    if (got == 0) return end_of_writer();
    if (errno != EINTR && errno != EAGAIN) return absl::ErrnoToStatus(errno, absl::StrCat(name_, ": cannot read"));
  }
}

absl::StatusOr<ByteSource::Fill> DescriptorSource::end_of_writer() {
  if (!is_fifo_) {
    ended_ = true;
    return Fill::kEnd;
  }
  // A descriptor that has seen a writer go says "ended" until the next one comes; a new one waits for it. The old one
  // is closed afterwards, so that the FIFO always has a reader.
  const std::string again = absl::StrCat("/proc/self/fd/", descriptor_);
  const int descriptor = ::open(again.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat(name_, ": cannot open again"));
  ::close(std::exchange(descriptor_, descriptor));
  broken_ = true;
  return Fill::kBreak;
}

}  // namespace strobe::scouting
