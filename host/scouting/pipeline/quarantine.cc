#include "host/scouting/pipeline/quarantine.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace strobe::scouting {
namespace {

/// Of one record; a stalled sender's megabytes tell no more than their beginning.
constexpr size_t kMostBytes = size_t{1} << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<Quarantine>> Quarantine::open(const std::string& path, uint64_t limit_bytes,
                                                             uint32_t run) {
  int descriptor = -1;
  if (!path.empty()) {
    descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (descriptor < 0) {
      return absl::FailedPreconditionError(
          absl::StrCat("quarantine file '", path, "' cannot be written: ", std::strerror(errno)));
    }
  }
  return std::unique_ptr<Quarantine>(new Quarantine(descriptor, limit_bytes, run));
}

Quarantine::Quarantine(int descriptor, uint64_t limit_bytes, uint32_t run)
    : descriptor_(descriptor), limit_bytes_(limit_bytes), run_(run) {
  struct stat info {};
  if (descriptor >= 0 && ::fstat(descriptor, &info) == 0) before_bytes_ = static_cast<uint64_t>(info.st_size);
}

Quarantine::~Quarantine() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Quarantine::put(const Record& record) {
  const std::lock_guard lock(mutex_);
  ++counts_.records;
  ++counts_.faults[static_cast<size_t>(record.fault)];
  if (descriptor_ < 0) return;
  const size_t kept = std::min(record.bytes.size(), kMostBytes);
  std::string line =
      absl::StrCat("strobe-bad run=", run_, " source=", record.source, " fault=", std::string(name_of(record.fault)),
                   " orbit=", record.orbit, " bytes=", record.bytes.size(), " kept=", kept, " ");
  for (const char c : record.detail) line += c == '\n' ? ' ' : c;
  line += '\n';
  const uint64_t size = line.size() + kept + 1;
  const uint64_t end = before_bytes_ + counts_.bytes;
  if (end + size > limit_bytes_) return;
  char newline = '\n';
  const std::array<iovec, 3> parts = {iovec{line.data(), line.size()},
                                      iovec{const_cast<std::byte*>(record.bytes.data()), kept}, iovec{&newline, 1}};
  if (::writev(descriptor_, parts.data(), parts.size()) != static_cast<ssize_t>(size)) {
    // Half a record would hide all that follow.
    (void)!::ftruncate(descriptor_, static_cast<off_t>(end));
    return;
  }
  ++counts_.kept;
  counts_.bytes += size;
}

Quarantine::Counts Quarantine::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace strobe::scouting
