#include "platform/files/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"

namespace strobe::files {
namespace {

absl::Status system_error(int error, const std::string& path, const char* action) {
  return absl::ErrnoToStatus(error, absl::StrCat("'", path, "': cannot ", action));
}

/// Opens a regular file for reading and tells its size.
absl::StatusOr<int> open_regular(const std::string& path, uint64_t* size) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return system_error(errno, path, "open");
  struct stat info {};
  if (::fstat(descriptor, &info) != 0) {
    const int error = errno;
    ::close(descriptor);
    return system_error(error, path, "inspect");
  }
  if (!S_ISREG(info.st_mode)) {
    ::close(descriptor);
    return absl::InvalidArgumentError(
        absl::StrCat("'", path, "': expected a file, found a ", S_ISDIR(info.st_mode) ? "folder" : "special file"));
  }
  *size = static_cast<uint64_t>(info.st_size);
  return descriptor;
}

absl::Status write_all(int descriptor, const char* data, size_t size, const std::string& path) {
  while (size > 0) {
    const ssize_t written = ::write(descriptor, data, size);
    if (written < 0) {
      if (errno == EINTR) continue;
      return system_error(errno, path, "write");
    }
    data += written;
    size -= static_cast<size_t>(written);
  }
  return absl::OkStatus();
}

/// Whether something stands there that must be written as it is, not replaced: a FIFO, a device.
bool is_special(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

/// /dev/stdout and the like lead to names in /proc that are no links in truth.
bool is_open_descriptor(const std::string& path) { return path.starts_with("/proc/") || path.starts_with("/dev/fd/"); }

/// Where a path leads to when its last part is a link, which need not be there yet.
std::string behind_links(std::string path) {
  constexpr int kMostLinks = 40;  // as the kernel
  std::error_code error;
  for (int links = 0; links < kMostLinks && !is_open_descriptor(path); ++links) {
    const std::filesystem::path target = std::filesystem::read_symlink(path, error);
    if (error) break;
    path = (std::filesystem::path(path).parent_path() / target).string();
  }
  return path;
}

/// A name beside `path` that no other run takes at the same time.
std::string temporary_name(const std::string& path) {
  static std::atomic<unsigned> count{0};
  return absl::StrCat(path, ".part-", ::getpid(), "-", count.fetch_add(1));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path) {
  uint64_t size = 0;
  absl::StatusOr<int> descriptor = open_regular(path, &size);
  if (!descriptor.ok()) return descriptor.status();
  void* data = nullptr;
  int error = 0;
  if (size > 0) {
    data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, *descriptor, 0);
    error = errno;
  }
  ::close(*descriptor);
  if (data == MAP_FAILED) return system_error(error, path, "map");
  return std::shared_ptr<const MappedFile>(new MappedFile(static_cast<const std::byte*>(data), size));
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

absl::StatusOr<std::string> read_file(const std::string& path, uint64_t limit_bytes) {
  uint64_t size = 0;
  absl::StatusOr<int> descriptor = open_regular(path, &size);
  if (!descriptor.ok()) return descriptor.status();
  if (size > limit_bytes) {
    ::close(*descriptor);
    return absl::ResourceExhaustedError(
        absl::StrCat("'", path, "': ", size, " bytes, at most ", limit_bytes, " are read"));
  }
  std::string content(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t got = ::read(*descriptor, content.data() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int error = errno;
      ::close(*descriptor);
      return system_error(error, path, "read");
    }
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  ::close(*descriptor);
  content.resize(done);
  return content;
}

absl::StatusOr<AtomicFile> AtomicFile::create(const std::string& given) {
  const std::string path = behind_links(given);
  if (is_special(given) || is_open_descriptor(path)) {
    const int descriptor = ::open(given.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    if (descriptor < 0) return system_error(errno, given, "write");
    AtomicFile file(given, descriptor);
    file.in_place_ = true;
    return file;
  }
  struct stat info {};
  const bool there = ::stat(path.c_str(), &info) == 0;
  if (!there && errno == ELOOP) return system_error(errno, given, "write");
  if (there && S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat("'", path, "': cannot write: it is a folder"));
  }
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int unnamed = ::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
  if (unnamed >= 0) return AtomicFile(path, unnamed);
  // Not every file system has files without a name, and only the attempt to make a named one says what is wrong.
  const process::Step step = process::begin_step();
  std::string temporary;
  int descriptor = -1;
  do {
    temporary = temporary_name(path);
    descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (descriptor < 0 && errno == EEXIST);
  if (descriptor < 0) return system_error(errno, path, "write");
  AtomicFile file(path, descriptor);
  file.temporary_ = temporary;
  file.unfinished_ = process::Unfinished(step, [temporary] { ::unlink(temporary.c_str()); });
  return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, "")),
      descriptor_(std::exchange(other.descriptor_, -1)),
      in_place_(other.in_place_),
      unfinished_(std::move(other.unfinished_)) {}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

absl::Status AtomicFile::write(std::span<const std::byte> bytes) {
  return write_all(descriptor_, reinterpret_cast<const char*>(bytes.data()), bytes.size(), path_);
}

absl::Status AtomicFile::write(const std::string& text) {
  return write_all(descriptor_, text.data(), text.size(), path_);
}

absl::Status AtomicFile::commit() {
  if (in_place_) {
    return ::close(std::exchange(descriptor_, -1)) == 0 ? absl::OkStatus() : system_error(errno, path_, "write");
  }
  const process::Step step = process::begin_step();
  if (temporary_.empty()) {
    // A link cannot replace a file, a name can.
    const std::string unnamed = absl::StrCat("/proc/self/fd/", descriptor_);
    do {
      temporary_ = temporary_name(path_);
    } while (::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, temporary_.c_str(), AT_SYMLINK_FOLLOW) != 0 &&
             errno == EEXIST);
  }
  const int closed = ::close(std::exchange(descriptor_, -1));
  const bool whole = closed == 0 && ::rename(temporary_.c_str(), path_.c_str()) == 0;
  const int error = errno;
  if (!whole) ::unlink(temporary_.c_str());
  temporary_.clear();
  unfinished_.forget(step);
  return whole ? absl::OkStatus() : system_error(error, path_, "write");
}

absl::Status check_writable(const std::string& path) {
  if (::access(path.c_str(), W_OK) == 0) return absl::OkStatus();
  if (errno != ENOENT) return system_error(errno, path, "write");
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  return ::access(folder.c_str(), W_OK | X_OK) == 0 ? absl::OkStatus() : system_error(errno, path, "write");
}

absl::Status write_file(const std::string& path, const std::string& content) {
  absl::StatusOr<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok()) return file.status();
  if (absl::Status s = file->write(content); !s.ok()) return s;
  return file->commit();
}

absl::Status copy_file(const std::string& from, const std::string& to) {
  absl::StatusOr<std::string> content = read_file(from);
  if (!content.ok()) return content.status();
  return write_file(to, *content);
}

}  // namespace strobe::files
