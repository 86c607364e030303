#include "host/scouting/sinks/disk_room.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "absl/strings/str_cat.h"

namespace strobe::scouting {
namespace {

constexpr uint64_t kScarceBytes = uint64_t{1} << 30;  ///< of the disk: what others may take while a step is written

/// Returns 0 or errno.
int take_room(int descriptor, uint64_t begin, uint64_t end) {
  while (::fallocate(descriptor, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(begin), static_cast<off_t>(end - begin)) !=
         0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

std::optional<uint64_t> free_bytes(int descriptor) {
  struct statvfs disk {};
  if (::fstatvfs(descriptor, &disk) != 0) return std::nullopt;
  return uint64_t{disk.f_bavail} * disk.f_frsize;
}

/// A limit that the file's size, unlike room that is set apart, runs into.
bool beyond_size_limit(uint64_t bytes) {
  rlimit limit{};
  return ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && bytes > limit.rlim_cur;
}

}  // namespace

absl::Status DiskRoom::reserve(int descriptor, const std::string& path, uint64_t bytes) {
  if (bytes <= reserved_) return absl::OkStatus();
  const uint64_t more = bytes - reserved_;
  const absl::Status refused =
      absl::ResourceExhaustedError(absl::StrCat("'", path, "': cannot write: no room for another ", more, " bytes"));
  if (beyond_size_limit(bytes)) return refused;
  // Room is taken only where it becomes scarce, for that costs as much as writing on some file systems.
  const std::optional<uint64_t> free = free_bytes(descriptor);
  if (free && *free > more + kScarceBytes) {
    reserved_ = bytes + step_bytes_;
    return absl::OkStatus();
  }
  int error = 0;
  for (const uint64_t end : {bytes + step_bytes_, bytes}) {
    error = take_room(descriptor, taken_, end);
    if (error != 0) continue;
    reserved_ = taken_ = end;
    return absl::OkStatus();
  }
  // Where room cannot be set apart, what is free must do.
  if (error != EOPNOTSUPP || (free && *free < more)) return refused;
  reserved_ = bytes;
  return absl::OkStatus();
}

void give_back_reserve(int descriptor) {
  struct stat info {};
  if (::fstat(descriptor, &info) == 0) (void)!::ftruncate(descriptor, info.st_size);
}

}  // namespace strobe::scouting
