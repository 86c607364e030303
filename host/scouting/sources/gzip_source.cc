#include "host/scouting/sources/gzip_source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace strobe::scouting {
namespace {

constexpr size_t kMostAtOnce = size_t{256} << 10;  // stays in the cache until it is decoded
constexpr int kGzipOnly = 16 + MAX_WBITS;

}  // namespace

bool GzipSource::is_gzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

absl::StatusOr<std::unique_ptr<ByteSource>> GzipSource::open(std::string path,
                                                             std::shared_ptr<const files::MappedFile> file,
                                                             Interrupt interrupt, const SourceOptions& options) {
  absl::StatusOr<MirroredRing> ring = MirroredRing::create(options.buffer_bytes);
  if (!ring.ok()) return ring.status();
  std::unique_ptr<GzipSource> source(
      new GzipSource(std::move(path), std::move(file), std::move(interrupt), *std::move(ring), options));
  if (::inflateInit2(&source->zlib_, kGzipOnly) != Z_OK) {
    return absl::ResourceExhaustedError(absl::StrCat("'", source->path_, "': zlib has no memory to unpack it"));
  }
  return source;
}

GzipSource::GzipSource(std::string path, std::shared_ptr<const files::MappedFile> file, Interrupt interrupt,
                       MirroredRing ring, const SourceOptions& options)
    : path_(std::move(path)),
      file_(std::move(file)),
      interrupt_(std::move(interrupt)),
      ring_(std::move(ring)),
      pacer_(options.rate),
      passes_(options.passes) {}

GzipSource::~GzipSource() { ::inflateEnd(&zlib_); }

absl::StatusOr<ByteSource::Fill> GzipSource::fill(int) {
  if (interrupt_.raised()) return Fill::kEnd;
  if (!in_pass_) {
    if (passes_ != 0 && started_ == passes_) return Fill::kEnd;
    if (!ring_.unread().empty()) return Fill::kBreak;
    start_pass();
  }
  if (ring_.free().empty()) return Fill::kFull;
  const absl::StatusOr<bool> more = unpack();
  if (!more.ok()) return more.status();
  if (*more) return Fill::kMore;
  in_pass_ = false;
  return passes_ != 0 && started_ == passes_ ? Fill::kEnd : Fill::kBreak;
}

void GzipSource::start_pass() {
  in_pass_ = true;
  ++started_;
  packed_ = file_->bytes();
  zlib_.avail_in = 0;
  ::inflateReset(&zlib_);
}

absl::StatusOr<bool> GzipSource::unpack() {
  while (true) {
    if (zlib_.avail_in == 0 && !packed_.empty()) {
      const auto part = packed_.first(std::min(packed_.size(), size_t{1} << 30));
      zlib_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(part.data()));
      zlib_.avail_in = static_cast<uInt>(part.size());
      packed_ = packed_.subspan(part.size());
    }
    const std::span<std::byte> room = ring_.free().first(std::min(ring_.free().size(), kMostAtOnce));
    zlib_.next_out = reinterpret_cast<Bytef*>(room.data());
    zlib_.avail_out = static_cast<uInt>(room.size());
    const int result = ::inflate(&zlib_, Z_NO_FLUSH);
    const size_t unpacked = room.size() - zlib_.avail_out;
    ring_.add(unpacked);
    if (unpacked > 0) return true;  // whatever else zlib said, it says again
    if (result == Z_STREAM_END) {
      const absl::StatusOr<bool> another = start_member();
      if (!another.ok() || !*another) return another;
      continue;
    }
    if (result == Z_BUF_ERROR && packed_.empty() && zlib_.avail_in == 0) return damaged("is cut short");
    if (result != Z_OK) return damaged(zlib_.msg == nullptr ? "cannot be unpacked" : zlib_.msg);
  }
}

std::span<const std::byte> GzipSource::left() const { return file_->bytes().last(packed_.size() + zlib_.avail_in); }

absl::StatusOr<bool> GzipSource::start_member() {
  const std::span<const std::byte> rest = left();
  if (std::all_of(rest.begin(), rest.end(), [](std::byte byte) { return byte == std::byte{0}; })) return false;
  if (!is_gzip(rest)) return damaged("expected another gzip member or zeros after the end of one");
  ::inflateReset(&zlib_);
  return true;
}

absl::Status GzipSource::damaged(const std::string& how) const {
  return absl::DataLossError(absl::StrCat("'", path_, "': the gzip data at byte ",
                                          file_->bytes().size() - left().size(), " of ", file_->bytes().size(), ": ",
                                          how));
}

}  // namespace strobe::scouting
