#include "platform/files/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

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

absl::StatusOr<AtomicFile> AtomicFile::create(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat("'", path, "': cannot write: it is a folder"));
  }
  std::string temporary = absl::StrCat(path, ".part-XXXXXX");
  const int descriptor = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (descriptor < 0) return system_error(errno, path, "write");
  // mkostemp makes the file private; give it the mode that a plain creation would have.
  const mode_t mask = ::umask(0);
  ::umask(mask);
  ::fchmod(descriptor, 0666 & ~mask);
  return AtomicFile(path, std::move(temporary), descriptor);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::move(other.temporary_)), descriptor_(other.descriptor_) {
  other.descriptor_ = -1;
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

absl::Status AtomicFile::write(std::span<const std::byte> bytes) {
  return write_all(descriptor_, reinterpret_cast<const char*>(bytes.data()), bytes.size(), path_);
}

absl::Status AtomicFile::write(const std::string& text) {
  return write_all(descriptor_, text.data(), text.size(), path_);
}

absl::Status AtomicFile::commit() {
  const int closed = ::close(descriptor_);
  const int error = errno;
  descriptor_ = -1;
  if (closed != 0) {
    ::unlink(temporary_.c_str());
    return system_error(error, path_, "write");
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int rename_error = errno;
    ::unlink(temporary_.c_str());
    return system_error(rename_error, path_, "write");
  }
  return absl::OkStatus();
}

absl::Status write_file(const std::string& path, const std::string& content) {
  absl::StatusOr<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok()) return file.status();
  if (absl::Status s = file->write(content); !s.ok()) return s;
  return file->commit();
}

}  // namespace strobe::files
