#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kernels/import/hdf5_file.h"

namespace strobe::import::hdf5 {
namespace {

constexpr uint64_t kMaxBytes = uint64_t{1} << 31;
/// DEFLATE cannot expand more than this.
constexpr uint64_t kMaxExpansion = 1032;

absl::Status damaged(std::string what) { return absl::InvalidArgumentError(absl::StrCat("damaged HDF5: ", what)); }

absl::StatusOr<std::string> inflate(std::string_view packed, uint64_t size) {
  if (size / kMaxExpansion > packed.size() + 1) return damaged("a chunk claims to be larger than it can be");
  std::string plain(size, '\0');
  uLongf length = size;
  const int code = ::uncompress(reinterpret_cast<Bytef*>(plain.data()), &length,
                                reinterpret_cast<const Bytef*>(packed.data()), packed.size());
  if (code != Z_OK || length != size) return damaged("a compressed chunk cannot be unpacked");
  return plain;
}

std::string unshuffle(const std::string& shuffled, uint32_t element_size) {
  std::string plain(shuffled.size(), '\0');
  const uint64_t count = shuffled.size() / element_size;
  for (uint32_t byte = 0; byte < element_size; ++byte) {
    for (uint64_t i = 0; i < count; ++i) plain[i * element_size + byte] = shuffled[byte * count + i];
  }
  return plain;
}

/// Copies chunks into place while walking their B-tree.
class ChunkReader {
 public:
  ChunkReader(std::string_view file, const Layout& layout, const std::vector<int64_t>& shape, uint32_t element_size,
              const std::vector<Filter>& filters)
      : file_(file), layout_(layout), shape_(shape), element_size_(element_size), filters_(filters) {}

  absl::StatusOr<std::string> read() {
    if (layout_.chunk.size() != shape_.size()) return damaged("a chunk's rank differs from its dataset's");
    uint64_t bytes = element_size_;
    chunk_bytes_ = element_size_;
    expected_chunks_ = 1;
    for (size_t i = 0; i < shape_.size(); ++i) {
      const uint64_t extent = static_cast<uint64_t>(shape_[i]);
      const uint64_t chunks = (extent + layout_.chunk[i] - 1) / layout_.chunk[i];
      if (layout_.chunk[i] > kMaxBytes / chunk_bytes_ || extent > kMaxBytes / bytes) {
        return absl::ResourceExhaustedError("a chunked dataset of more than 2 GiB");
      }
      bytes *= extent;
      chunk_bytes_ *= layout_.chunk[i];
      expected_chunks_ *= chunks;
    }
    if (bytes / kMaxExpansion > file_.size()) return damaged("a dataset claims to be larger than it can be");
    if (expected_chunks_ > kMaxBytes / chunk_bytes_) {
      return absl::ResourceExhaustedError("a chunked dataset of more than 2 GiB");
    }
    data_.resize(bytes);
    budget_ = file_.size() / 24 + 1;
    if (absl::Status s = walk(layout_.address, -1); !s.ok()) return s;
    if (done_chunks_ != expected_chunks_) {
      return damaged(absl::StrCat("expected ", expected_chunks_, " chunks, found ", done_chunks_));
    }
    return std::move(data_);
  }

 private:
  absl::Status walk(uint64_t node, int level) {
    if (budget_-- == 0) return damaged("a chunk tree has more nodes than the file can hold");
    Cursor at(file_, node);
    const bool found = at.expect("TREE");
    const int type = at.u8(), here = at.u8(), count = at.u16();
    at.skip(16);
    if (!at.ok() || !found || type != 1 || (level >= 0 && here != level)) return damaged("a chunk tree is broken");
    for (int i = 0; i < count; ++i) {
      const uint32_t size = at.u32(), skipped = at.u32();
      std::vector<uint64_t> origin(shape_.size());
      for (uint64_t& o : origin) o = at.u64();
      at.skip(8);
      const uint64_t child = at.u64();
      if (!at.ok()) return damaged("a chunk tree is cut short");
      absl::Status s = here > 0 ? walk(child, here - 1) : place(child, size, skipped, origin);
      if (!s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status place(uint64_t address, uint32_t size, uint32_t skipped, const std::vector<uint64_t>& origin) {
    if (++done_chunks_ > expected_chunks_) return damaged("more chunks than the dataset has");
    for (size_t i = 0; i < origin.size(); ++i) {
      if (origin[i] % layout_.chunk[i] != 0 || origin[i] >= static_cast<uint64_t>(shape_[i])) {
        return damaged("a chunk lies outside its dataset");
      }
    }
    Cursor at(file_, address);
    std::string chunk(at.take(size));
    if (!at.ok()) return damaged("a chunk lies outside the file");
    for (size_t i = filters_.size(); i-- > 0;) {
      if (skipped >> i & 1) continue;
      if (filters_[i] == Filter::kFletcher32) {
        if (chunk.size() < 4) return damaged("a chunk without its checksum");
        chunk.resize(chunk.size() - 4);
      } else if (filters_[i] == Filter::kShuffle) {
        chunk = unshuffle(chunk, element_size_);
      } else {
        // A checksum taken before the packing is still inside.
        const bool inner =
            std::find(filters_.begin(), filters_.begin() + i, Filter::kFletcher32) != filters_.begin() + i;
        absl::StatusOr<std::string> plain = inflate(chunk, chunk_bytes_ + (inner ? 4 : 0));
        if (!plain.ok()) return plain.status();
        chunk = *std::move(plain);
      }
    }
    if (chunk.size() != chunk_bytes_) {
      return damaged(absl::StrCat("expected a chunk of ", chunk_bytes_, " bytes, found ", chunk.size()));
    }
    copy(chunk, origin);
    return absl::OkStatus();
  }

  /// Copies the part of the chunk that lies inside the dataset, one innermost row at a time.
  void copy(const std::string& chunk, const std::vector<uint64_t>& origin) {
    const size_t rank = shape_.size();
    if (rank == 0) {
      data_ = chunk;
      return;
    }
    const uint64_t last = layout_.chunk[rank - 1];
    const uint64_t run = std::min<uint64_t>(last, static_cast<uint64_t>(shape_[rank - 1]) - origin[rank - 1]);
    const uint64_t rows = chunk_bytes_ / element_size_ / last;
    for (uint64_t row = 0; row < rows; ++row) {
      uint64_t rest = row, target = 0, stride = static_cast<uint64_t>(shape_[rank - 1]);
      bool inside = true;
      for (size_t d = rank - 1; d-- > 0;) {
        const uint64_t index = origin[d] + rest % layout_.chunk[d];
        rest /= layout_.chunk[d];
        inside = inside && index < static_cast<uint64_t>(shape_[d]);
        target += index * stride;
        stride *= static_cast<uint64_t>(shape_[d]);
      }
      if (!inside) continue;
      std::memcpy(data_.data() + (target + origin[rank - 1]) * element_size_, chunk.data() + row * last * element_size_,
                  run * element_size_);
    }
  }

  std::string_view file_;
  const Layout& layout_;
  const std::vector<int64_t>& shape_;
  uint32_t element_size_;
  const std::vector<Filter>& filters_;
  std::string data_;
  uint64_t chunk_bytes_ = 0, expected_chunks_ = 0, done_chunks_ = 0, budget_ = 0;
};

}  // namespace

absl::StatusOr<std::string> read_chunks(std::string_view file, const Layout& layout, const std::vector<int64_t>& shape,
                                        uint32_t element_size, const std::vector<Filter>& filters) {
  return ChunkReader(file, layout, shape, element_size, filters).read();
}

}  // namespace strobe::import::hdf5
