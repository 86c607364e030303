#include "host/scouting/sinks/raw_file.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/scouting/core/bytes.h"
#include "host/scouting/core/cmssw_raw.h"
#include "host/scouting/core/crc32c.h"
#include "platform/files/file.h"

namespace strobe::scouting {
namespace {

constexpr char kEnding[] = ".raw";
constexpr uint32_t kUnfinished = 0xffffffff;

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
  uint64_t bytes = sizeof(RawFileHeader);
};

/// How far a file goes with whole orbits whose checksums are right.
Whole whole_part(std::span<const std::byte> bytes) {
  Whole whole;
  while (bytes.size() - whole.bytes >= sizeof(RawOrbitHeader)) {
    const auto header = load<RawOrbitHeader>(bytes.data() + whole.bytes);
    const auto payload = bytes.subspan(whole.bytes + sizeof header);
    if (header.version != kRawOrbitVersion || header.payload_bytes > payload.size()) break;
    if (crc32c(payload.first(header.payload_bytes)) != header.checksum) break;
    ++whole.orbits;
    whole.bytes += sizeof header + header.payload_bytes;
  }
  return whole;
}

}  // namespace

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
  raw.bytes_ = sizeof(RawFileHeader);
  return raw;
}

absl::Status RawFile::put_header(uint32_t orbits, uint64_t bytes) {
  const RawFileHeader header = {kRawFileMagic, sizeof(RawFileHeader), kRawFileType, orbits, run_, section_, bytes};
  const int error = write_both(file_.descriptor(), std::as_bytes(std::span(&header, 1)), {}, 0);
  return error == 0 ? absl::OkStatus() : cannot_write(error, file_.path());
}

absl::Status RawFile::append(uint32_t orbit, std::span<const std::byte> payload) {
  const RawOrbitHeader header = raw_orbit_header(run_, orbit, payload);
  const int error = write_both(file_.descriptor(), std::as_bytes(std::span(&header, 1)), payload, bytes_);
  if (error != 0) {
    (void)!::ftruncate(file_.descriptor(), static_cast<off_t>(bytes_));
    return cannot_write(error, file_.path());
  }
  bytes_ += sizeof header + payload.size();
  ++orbits_;
  return absl::OkStatus();
}

void RawFile::take_back(size_t payload_bytes) {
  bytes_ -= sizeof(RawOrbitHeader) + payload_bytes;
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
  RawFileHeader header{};
  if (bytes.size() >= sizeof header) header = load<RawFileHeader>(bytes.data());
  const Whole whole = header.magic == kRawFileMagic ? whole_part(bytes) : Whole{};
  if (whole.orbits == 0) {
    file.remove();
    return false;
  }
  RawFile raw(std::move(file), header.run, header.section);
  raw.orbits_ = whole.orbits;
  raw.bytes_ = whole.bytes;
  if (::ftruncate(raw.file_.descriptor(), static_cast<off_t>(whole.bytes)) != 0) {
    return cannot_write(errno, raw.file_.path());
  }
  if (absl::Status s = raw.finish(); !s.ok()) return s;
  return true;
}

}  // namespace strobe::scouting
