#include "host/scouting/sinks/aside_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace strobe::scouting {
namespace {

constexpr char kIndex[] = "_index", kPart[] = ".part";
constexpr size_t kIndexDigits = 6;

/// A lock of the open file, not of the process: another descriptor's closing does not end it, and the HDF5 library's
/// flock is of another kind and not disturbed.
bool lock(int descriptor) {
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  return ::fcntl(descriptor, F_OFD_SETLK, &whole) == 0;
}

bool exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(std::filesystem::symlink_status(path, error));
}

}  // namespace

std::string file_stem(uint32_t run, uint32_t section) { return absl::StrFormat("run%06d_ls%04d", run, section); }

std::string file_safe(const std::string& name) {
  std::string safe = name;
  for (char& each : safe) {
    const bool fits = (each >= '0' && each <= '9') || (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') ||
                      each == '-' || each == '_';
    if (!fits) each = '-';
  }
  return safe;
}

absl::StatusOr<AsideFile> AsideFile::create(const std::string& folder, const std::string& stem,
                                            const std::string& ending) {
  for (uint32_t index = 0;; ++index) {
    AsideFile file(folder, stem, ending, index, -1);
    if (exists(file.final_name(index))) continue;
    file.descriptor_ = ::open(file.path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file.descriptor_ < 0 && errno == EEXIST) continue;
    if (file.descriptor_ < 0) return absl::ErrnoToStatus(errno, absl::StrCat("'", file.path_, "': cannot write"));
    if (lock(file.descriptor_)) return file;
  }
}

absl::StatusOr<std::vector<AsideFile>> AsideFile::adopt(const std::string& folder, const std::string& end_of_name) {
  std::vector<AsideFile> adopted;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::optional<AsideFile> file = parse(folder, entry->path().filename().string());
    if (!file || !file->ending_.ends_with(end_of_name)) continue;
    file->descriptor_ = ::open(entry->path().c_str(), O_RDWR | O_CLOEXEC);
    // One that cannot be opened is another user's, or gone by now; one that is locked has a living owner.
    if (file->descriptor_ >= 0 && lock(file->descriptor_)) adopted.push_back(*std::move(file));
  }
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("'", folder, "': cannot be listed"));
  return adopted;
}

std::optional<AsideFile> AsideFile::parse(const std::string& folder, const std::string& name) {
  const size_t at = name.rfind(kIndex), digits = at + sizeof kIndex - 1, tail = digits + kIndexDigits;
  if (at == std::string::npos || !name.starts_with('.') || !name.ends_with(kPart)) return std::nullopt;
  uint32_t index = 0;
  if (name.size() < tail + sizeof kPart || !absl::SimpleAtoi(name.substr(digits, kIndexDigits), &index)) {
    return std::nullopt;
  }
  const std::string ending = name.substr(tail, name.size() - tail - (sizeof kPart - 1));
  return AsideFile(folder, name.substr(1, at - 1), ending, index, -1);
}

AsideFile::AsideFile(std::string folder, std::string stem, std::string ending, uint32_t index, int descriptor)
    : folder_(std::move(folder)),
      stem_(std::move(stem)),
      ending_(std::move(ending)),
      index_(index),
      descriptor_(descriptor),
      path_(hidden(index)) {}

AsideFile::AsideFile(AsideFile&& other) noexcept { *this = std::move(other); }

AsideFile& AsideFile::operator=(AsideFile&& other) noexcept {
  std::swap(folder_, other.folder_);
  std::swap(stem_, other.stem_);
  std::swap(ending_, other.ending_);
  std::swap(index_, other.index_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  return *this;
}

AsideFile::~AsideFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::string AsideFile::hidden(uint32_t index) const {
  return absl::StrCat(folder_, "/.", stem_, kIndex, absl::StrFormat("%06d", index), ending_, kPart);
}

std::string AsideFile::final_name(uint32_t index) const {
  return absl::StrCat(folder_, "/", stem_, kIndex, absl::StrFormat("%06d", index), ending_);
}

absl::Status AsideFile::finish() {
  for (;; ++index_) {
    const std::string target = final_name(index_);
    if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) == 0) {
      path_ = target;
      return absl::OkStatus();
    }
    if (errno == EEXIST) continue;
    // Not every file system has a rename that does not replace.
    const bool lacks = errno == EINVAL || errno == ENOSYS;
    if (lacks && exists(target)) continue;
    if (lacks && ::rename(path_.c_str(), target.c_str()) == 0) {
      path_ = target;
      return absl::OkStatus();
    }
    return absl::ErrnoToStatus(errno, absl::StrCat("'", path_, "': cannot be renamed to '", target, "'"));
  }
}

void AsideFile::remove() { ::unlink(path_.c_str()); }

}  // namespace strobe::scouting
