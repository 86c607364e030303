#include "host/scouting/sinks/raw_file.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/scouting/core/crc32c.h"
#include "platform/files/file.h"

namespace strobe::scouting {
namespace {

constexpr char kMagic[] = "RAW_0002", kEnding[] = ".raw";
constexpr uint16_t kFileType = 20, kOrbitVersion = 6;
constexpr uint32_t kUnfinished = 0xffffffff;

template <typename T>
void put(std::byte* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

template <typename T>
T get(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

absl::Status cannot_write(int error, const std::string& path) {
  const std::string text = absl::StrCat("'", path, "': cannot write");
  // A limit of the file's size, or a quota, is to the user what a full disk is.
  if (error == EFBIG || error == EDQUOT) {
    return absl::ResourceExhaustedError(absl::StrCat(text, ": ", std::strerror(error)));
  }
  return absl::ErrnoToStatus(error, text);
}

/// Writes both parts at `offset`, going on where the system took only some. Returns 0 or errno.
int write_both(int descriptor, std::span<const std::byte> first, std::span<const std::byte> second, uint64_t offset) {
  while (!first.empty() || !second.empty()) {
    const iovec parts[] = {{const_cast<std::byte*>(first.data()), first.size()},
                           {const_cast<std::byte*>(second.data()), second.size()}};
    const ssize_t written = ::pwritev(descriptor, parts, 2, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written < 0 ? errno : ENOSPC;
    const auto done = static_cast<size_t>(written), of_first = std::min(done, first.size());
    first = first.subspan(of_first);
    second = second.subspan(done - of_first);
    offset += done;
  }
  return 0;
}

struct Whole {
  uint32_t orbits = 0;
  uint64_t bytes = RawFile::kHeaderBytes;
};

/// How far a file goes with whole orbits whose checksums are right.
Whole whole_part(std::span<const std::byte> bytes) {
  Whole whole;
  while (bytes.size() - whole.bytes >= kRawOrbitHeaderBytes) {
    const std::byte* header = bytes.data() + whole.bytes;
    const auto payload = bytes.subspan(whole.bytes + kRawOrbitHeaderBytes);
    const auto size = get<uint32_t>(header + 16);
    if (get<uint16_t>(header) != kOrbitVersion || size > payload.size()) break;
    if (crc32c(payload.first(size)) != get<uint32_t>(header + 20)) break;
    ++whole.orbits;
    whole.bytes += kRawOrbitHeaderBytes + size;
  }
  return whole;
}

}  // namespace

void put_orbit_header(uint32_t run, uint32_t orbit, std::span<const std::byte> payload,
                      std::byte (&header)[kRawOrbitHeaderBytes]) {
  put(header, kOrbitVersion);
  put(header + 2, uint16_t{0});  // flags
  put(header + 4, run);
  put(header + 8, section_of(orbit));
  put(header + 12, orbit);
  put(header + 16, static_cast<uint32_t>(payload.size()));
  put(header + 20, crc32c(payload));
}

absl::StatusOr<RawFile> RawFile::create(const std::string& folder, uint32_t run, uint32_t section,
                                        const std::string& source) {
  absl::StatusOr<AsideFile> file =
      AsideFile::create(folder, file_stem(run, section), absl::StrCat("_", file_safe(source), kEnding));
  if (!file.ok()) return file.status();
  RawFile raw(*std::move(file), run, section);
  if (absl::Status s = raw.put_header(kUnfinished, 0); !s.ok()) {
    raw.file_.remove();
    return s;
  }
  raw.bytes_ = kHeaderBytes;
  return raw;
}

absl::Status RawFile::put_header(uint32_t orbits, uint64_t bytes) {
  std::byte header[kHeaderBytes];
  std::memcpy(header, kMagic, 8);
  put(header + 8, static_cast<uint16_t>(kHeaderBytes));
  put(header + 10, kFileType);
  put(header + 12, orbits);
  put(header + 16, run_);
  put(header + 20, section_);
  put(header + 24, bytes);
  const int error = write_both(file_.descriptor(), header, {}, 0);
  return error == 0 ? absl::OkStatus() : cannot_write(error, file_.path());
}

absl::Status RawFile::append(uint32_t orbit, std::span<const std::byte> payload) {
  std::byte header[kRawOrbitHeaderBytes];
  put_orbit_header(run_, orbit, payload, header);
  const int error = write_both(file_.descriptor(), header, payload, bytes_);
  if (error != 0) {
    (void)!::ftruncate(file_.descriptor(), static_cast<off_t>(bytes_));
    return cannot_write(error, file_.path());
  }
  bytes_ += kRawOrbitHeaderBytes + payload.size();
  ++orbits_;
  return absl::OkStatus();
}

void RawFile::take_back(size_t payload_bytes) {
  bytes_ -= kRawOrbitHeaderBytes + payload_bytes;
  --orbits_;
  (void)!::ftruncate(file_.descriptor(), static_cast<off_t>(bytes_));
}

absl::Status RawFile::finish() {
  if (absl::Status s = put_header(orbits_, bytes_); !s.ok()) return s;
  return file_.finish();
}

absl::StatusOr<size_t> RawFile::recover(const std::string& folder) {
  absl::StatusOr<std::vector<AsideFile>> left = AsideFile::adopt(folder, kEnding);
  if (!left.ok()) return left.status();
  size_t completed = 0;
  for (AsideFile& file : *left) {
    const absl::StatusOr<bool> whole = recover(std::move(file));
    if (!whole.ok()) return whole.status();
    completed += *whole ? 1 : 0;
  }
  return completed;
}

absl::StatusOr<bool> RawFile::recover(AsideFile file) {
  const absl::StatusOr<std::shared_ptr<const files::MappedFile>> mapped = files::MappedFile::open(file.path());
  if (!mapped.ok()) return mapped.status();
  const std::span<const std::byte> bytes = (*mapped)->bytes();
  const bool has_header = bytes.size() >= kHeaderBytes && std::memcmp(bytes.data(), kMagic, 8) == 0;
  const Whole whole = has_header ? whole_part(bytes) : Whole{};
  if (whole.orbits == 0) {
    file.remove();
    return false;
  }
  RawFile raw(std::move(file), get<uint32_t>(bytes.data() + 16), get<uint32_t>(bytes.data() + 20));
  raw.orbits_ = whole.orbits;
  raw.bytes_ = whole.bytes;
  if (::ftruncate(raw.file_.descriptor(), static_cast<off_t>(whole.bytes)) != 0) {
    return cannot_write(errno, raw.file_.path());
  }
  if (absl::Status s = raw.finish(); !s.ok()) return s;
  return true;
}

}  // namespace strobe::scouting
