#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "platform/xclbin/xclbin.h"

namespace strobe::xclbin {
namespace {

absl::Status failure(std::string_view what, const std::string& path) {
  const int error = errno;
  return absl::ErrnoToStatus(error, absl::StrCat("cannot ", std::string(what), " '", path, "'"));
}

bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace

absl::StatusOr<std::string> read_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return failure("open", path);
  std::string bytes;
  struct stat info {};
  if (::fstat(file, &info) == 0 && S_ISREG(info.st_mode)) bytes.reserve(static_cast<size_t>(info.st_size));
  char buffer[1 << 16];
  ssize_t n = 0;
  while ((n = ::read(file, buffer, sizeof buffer)) != 0) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    bytes.append(buffer, static_cast<size_t>(n));
  }
  absl::Status status = n < 0 ? failure("read", path) : absl::OkStatus();
  ::close(file);
  if (!status.ok()) return status;
  return bytes;
}

absl::Status write_file(const std::string& path, std::string_view bytes) {
  const std::string temporary = absl::StrCat(path, ".", ::getpid(), ".tmp");
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) return failure("write", path);
  absl::Status status = write_all(file, bytes) && ::fsync(file) == 0 ? absl::OkStatus() : failure("write", path);
  if (::close(file) != 0 && status.ok()) status = failure("write", path);
  if (status.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) status = failure("write", path);
  if (!status.ok()) ::unlink(temporary.c_str());
  return status;
}

}  // namespace strobe::xclbin
