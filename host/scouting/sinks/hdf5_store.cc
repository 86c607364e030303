#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/scouting/sinks/aside_file.h"
#include "host/scouting/sinks/column_store.h"
#include "host/scouting/sinks/disk_room.h"
#include "host/scouting/sinks/hdf5_handle.h"

namespace strobe::scouting {
namespace {

constexpr size_t kChunkElements = 65536;
constexpr char kEnding[] = ".h5";
constexpr unsigned kDeflateLevel = 1;
constexpr uint64_t kAlignment = 64 << 10;               ///< of chunks that are stored as they are
constexpr uint64_t kTableBytes = uint64_t{1} << 20;     ///< of HDF5's own, at most, between two flushes
constexpr uint64_t kReserveBytes = uint64_t{16} << 20;  ///< looked for at once

hid_t type_of(runtime::ElementKind element) {
  const hid_t types[] = {H5T_STD_I8LE,  H5T_STD_I16LE, H5T_STD_I32LE, H5T_STD_I64LE,  H5T_STD_U8LE,
                         H5T_STD_U16LE, H5T_STD_U32LE, H5T_STD_U64LE, H5T_IEEE_F32LE, H5T_IEEE_F64LE};
  return types[static_cast<size_t>(element)];
}

bool is_float(runtime::ElementKind element) {
  return element == runtime::ElementKind::kFloat32 || element == runtime::ElementKind::kFloat64;
}

hsize_t chunk_rows(const Column& column) { return std::max<size_t>(1, kChunkElements / column.elements); }

bool put_attribute(hid_t object, const std::string& name, hid_t type, const void* value) {
  const Hdf5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const Hdf5Handle attribute(H5Acreate2(object, name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  return attribute.ok() && H5Awrite(attribute.get(), type, value) >= 0;
}

bool put_text(hid_t object, const std::string& name, const std::string& text) {
  const Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  const std::string stored = text.empty() ? std::string(1, '\0') : text;
  if (H5Tset_size(type.get(), stored.size()) < 0 || H5Tset_cset(type.get(), H5T_CSET_UTF8) < 0) return false;
  H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
  return put_attribute(object, name, type.get(), stored.data());
}

/// Long texts are attributes only up to 64 kB in HDF5's older forms, so the newest is asked for; single-writer
/// multiple-reader mode needs it too. Chunks that are stored as they are begin where file systems have their pages, and
/// large ones of these: ext4 takes them a fifth faster. They are as long as that, but for less than a row.
Hdf5Handle access_properties(bool as_they_are) {
  Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110);
  if (as_they_are) H5Pset_alignment(access.get(), kAlignment / 2, kAlignment);
  return access;
}

/// ext4 takes a file that was cut to nothing, as HDF5 does even with an empty one, for one that is replaced, and writes
/// it all to the disk at the next close. That is best done while it is empty.
void close_once(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor >= 0) ::close(descriptor);
}

/// An HDF5 file in single-writer multiple-reader mode: others may read it while it is written, and what was flushed
/// survives a kill.
class Hdf5Store final : public ColumnStore {
 public:
  Hdf5Store(AsideFile file, const StoreSetup& setup)
      : aside_(std::move(file)), columns_(*setup.columns), compression_(setup.settings->compression) {}

  ~Hdf5Store() override {
    const auto lock = lock_hdf5();
    datasets_.clear();
    file_.close();
  }

  absl::Status create(const StoreSetup& setup) {
    uint64_t head_bytes = kTableBytes;
    for (const auto& [key, text] : setup.sink->metadata) head_bytes += text.size();
    // Once before, for HDF5 could not close what it has no room to write; and again, for it makes the file anew.
    if (absl::Status s = room_.reserve(aside_.descriptor(), aside_.path(), head_bytes); !s.ok()) return s;
    room_ = DiskRoom(kReserveBytes);
    const auto lock = lock_hdf5();
    const Hdf5Handle access = access_properties(compression_ == "none");
    file_ = Hdf5Handle(H5Fcreate(aside_.path().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get()), H5Fclose);
    if (!file_.ok()) return error();
    close_once(aside_.path());
    if (absl::Status s = room_.reserve(aside_.descriptor(), aside_.path(), head_bytes); !s.ok()) return s;
    bool good = put_attribute(file_.get(), "run", H5T_NATIVE_UINT32, &setup.sink->run) &&
                put_attribute(file_.get(), "section", H5T_NATIVE_UINT32, &setup.section);
    for (const auto& [key, text] : setup.sink->metadata) good = good && put_text(file_.get(), key, text);
    for (const Column& column : columns_) good = good && create_dataset(column);
    // From here on no object and no attribute may be added.
    if (!good || H5Fstart_swmr_write(file_.get()) < 0) return error();
    return absl::OkStatus();
  }

  void remove() { aside_.remove(); }

  size_t block_rows(const Column& column) const override { return chunk_rows(column); }

  /// A write that fails within HDF5 leaves what it holds in memory damaged, so a full disk must be met before.
  absl::Status reserve(std::span<const uint64_t> rows) override {
    bool enough = true;
    for (size_t c = 0; c < rows.size() && enough; ++c) enough = rows[c] <= room_rows_[c];
    if (enough) return absl::OkStatus();
    struct stat info {};
    if (::fstat(aside_.descriptor(), &info) != 0) return absl::ErrnoToStatus(errno, aside_.path());
    uint64_t bytes = static_cast<uint64_t>(info.st_size) + kTableBytes;
    for (size_t c = 0; c < columns_.size(); ++c) {
      const uint64_t chunk = chunk_rows(columns_[c]), chunk_bytes = chunk * columns_[c].row_bytes();
      const uint64_t there = (put_[c] + chunk - 1) / chunk, wanted = (rows[c] + chunk - 1) / chunk;
      room_rows_[c] = wanted * chunk;
      if (wanted > there) bytes += (wanted - there) * longest(chunk_bytes);
      // A packed chunk that was not full gets another place when it has grown.
      if (!direct()) bytes += longest(chunk_bytes);
    }
    const absl::Status status = room_.reserve(aside_.descriptor(), aside_.path(), bytes);
    if (!status.ok()) forget_room();
    return status;
  }

  absl::Status put(size_t c, uint64_t first_row, std::span<const std::byte> rows) override {
    const auto lock = lock_hdf5();
    const size_t row_bytes = columns_[c].row_bytes();
    const uint64_t count = rows.size() / row_bytes;
    if (absl::Status s = grow(c, first_row + count); !s.ok()) return s;
    bytes_ += rows.size();
    for (uint64_t done = 0; done < count; done += chunk_rows(columns_[c])) {
      const uint64_t some = std::min<uint64_t>(count - done, chunk_rows(columns_[c]));
      const auto part = rows.subspan(done * row_bytes, some * row_bytes);
      absl::Status s = direct() ? put_chunk(c, first_row + done, part) : put_part(c, first_row + done, part);
      if (!s.ok()) return s;
    }
    put_[c] = std::max(put_[c], first_row + count);
    return absl::OkStatus();
  }

  absl::Status flush(std::span<const uint64_t> rows) override {
    const auto lock = lock_hdf5();
    forget_room();  // packed chunks may have got another place
    return flush_locked(rows);
  }

  absl::Status finish(std::span<const uint64_t> rows) override {
    if (file_.ok()) {
      const auto lock = lock_hdf5();
      if (absl::Status s = flush_locked(rows); !s.ok()) return s;
      closed_ = close_file();
    }
    if (!closed_.ok()) return closed_;
    give_back_reserve(aside_.descriptor());
    return aside_.finish();
  }

  /// What HDF5 holds in memory is given up; what it had flushed is as good as a killed writer's.
  uint64_t salvage() override {
    const auto lock = lock_hdf5();
    detach();
    (void)close_file();
    const absl::StatusOr<uint64_t> orbits = complete_hdf5(std::move(aside_));
    return orbits.ok() ? *orbits : 0;
  }

  uint64_t bytes() const override { return bytes_; }

 private:
  bool direct() const { return compression_ == "none"; }
  /// A chunk's room in the file: filters may add to what they cannot make smaller.
  uint64_t longest(uint64_t chunk_bytes) const {
    if (!direct()) return chunk_bytes + chunk_bytes / 64 + 64;
    return (chunk_bytes + kAlignment - 1) / kAlignment * kAlignment;
  }

  void forget_room() { std::fill(room_rows_.begin(), room_rows_.end(), 0); }

  /// HDF5 writes what it holds in memory, damaged or not, when a file is closed: from now on to nowhere.
  void detach() const {
    void* descriptor = nullptr;
    if (!file_.ok() || H5Fget_vfd_handle(file_.get(), H5P_DEFAULT, &descriptor) < 0) return;
    const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nowhere < 0) return;
    ::dup3(nowhere, *static_cast<int*>(descriptor), O_CLOEXEC);
    ::close(nowhere);
  }

  absl::Status close_file() {
    absl::Status first;
    for (Hdf5Handle& dataset : datasets_) {
      if (!dataset.close()) first.Update(error());
    }
    if (!file_.close()) first.Update(error());
    return first;
  }

  absl::Status error() const { return hdf5_error(absl::StrCat("'", aside_.path(), "': cannot write")); }

  bool create_dataset(const Column& column) {
    const int axes = column.elements == 1 ? 1 : 2;
    const hsize_t none[] = {0, column.elements}, most[] = {H5S_UNLIMITED, column.elements};
    const hsize_t chunk[] = {chunk_rows(column), column.elements};
    const Hdf5Handle space(H5Screate_simple(axes, none, most), H5Sclose);
    const Hdf5Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose), link(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
    const Hdf5Handle access(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose);
    // Chunks come whole, and what is put is in the file: no cache holds back what `reserve` would have to know of.
    H5Pset_chunk_cache(access.get(), 0, 0, H5D_CHUNK_CACHE_W0_DEFAULT);
    H5Pset_create_intermediate_group(link.get(), 1);
    H5Pset_chunk(creation.get(), axes, chunk);
    H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER);
    if (compression_ == "scaleoffset" && !is_float(column.element)) {
      H5Pset_scaleoffset(creation.get(), H5Z_SO_INT, H5Z_SO_INT_MINBITS_DEFAULT);
    }
    if (compression_ == "deflate") {
      H5Pset_shuffle(creation.get());
      H5Pset_deflate(creation.get(), kDeflateLevel);
    }
    datasets_.emplace_back(H5Dcreate2(file_.get(), column.path.c_str(), type_of(column.element), space.get(),
                                      link.get(), creation.get(), access.get()),
                           H5Dclose);
    extents_.push_back(0);
    put_.push_back(0);
    room_rows_.push_back(0);
    if (!datasets_.back().ok()) return false;
    const hid_t dataset = datasets_.back().get();
    return column.field == nullptr || (put_attribute(dataset, "scale", H5T_NATIVE_DOUBLE, &column.field->scale) &&
                                       put_attribute(dataset, "bias", H5T_NATIVE_DOUBLE, &column.field->bias) &&
                                       put_text(dataset, "unit", std::string(column.field->unit)));
  }

  absl::Status grow(size_t c, uint64_t rows) { return rows > extents_[c] ? resize(c, rows) : absl::OkStatus(); }

  absl::Status resize(size_t c, uint64_t rows) {
    const hsize_t extent[] = {rows, columns_[c].elements};
    if (H5Dset_extent(datasets_[c].get(), extent) < 0) return error();
    extents_[c] = rows;
    return absl::OkStatus();
  }

  /// Past HDF5's chunk cache and conversions, which would copy.
  absl::Status put_chunk(size_t c, uint64_t first_row, std::span<const std::byte> rows) {
    const size_t whole = chunk_rows(columns_[c]) * columns_[c].row_bytes();
    const std::byte* data = rows.data();
    if (rows.size() < whole) {
      padded_.assign(whole, std::byte{0});
      std::copy(rows.begin(), rows.end(), padded_.begin());
      data = padded_.data();
    }
    const hsize_t offset[] = {first_row, 0};
    if (H5Dwrite_chunk(datasets_[c].get(), H5P_DEFAULT, 0, offset, whole, data) < 0) return error();
    return absl::OkStatus();
  }

  absl::Status put_part(size_t c, uint64_t first_row, std::span<const std::byte> rows) {
    const int axes = columns_[c].elements == 1 ? 1 : 2;
    const hsize_t start[] = {first_row, 0};
    const hsize_t count[] = {rows.size() / columns_[c].row_bytes(), columns_[c].elements};
    const Hdf5Handle memory(H5Screate_simple(axes, count, nullptr), H5Sclose);
    const Hdf5Handle file(H5Dget_space(datasets_[c].get()), H5Sclose);
    if (H5Sselect_hyperslab(file.get(), H5S_SELECT_SET, start, nullptr, count, nullptr) < 0 ||
        H5Dwrite(datasets_[c].get(), type_of(columns_[c].element), memory.get(), file.get(), H5P_DEFAULT, rows.data()) <
            0) {
      return error();  // while HDF5 still knows the reason: closing the spaces makes it forget
    }
    return absl::OkStatus();
  }

  /// Column by column in their order, so that the orbits, which are the last, never say more than there is.
  absl::Status flush_locked(std::span<const uint64_t> rows) {
    for (size_t c = 0; c < datasets_.size(); ++c) {
      if (extents_[c] != rows[c]) {
        if (absl::Status s = resize(c, rows[c]); !s.ok()) return s;
      }
      if (H5Dflush(datasets_[c].get()) < 0) return error();
    }
    return H5Fflush(file_.get(), H5F_SCOPE_LOCAL) < 0 ? error() : absl::OkStatus();
  }

  AsideFile aside_;
  const std::vector<Column>& columns_;
  std::string compression_;
  Hdf5Handle file_;
  std::vector<Hdf5Handle> datasets_;
  std::vector<uint64_t> extents_;    ///< rows of each dataset
  std::vector<uint64_t> put_;        ///< rows of each dataset for which there are chunks in the file
  std::vector<uint64_t> room_rows_;  ///< of each dataset, for which room has been seen to
  std::vector<std::byte> padded_;
  absl::Status closed_;  ///< how HDF5's part of the end went
  DiskRoom room_{kReserveBytes};
  uint64_t bytes_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ColumnStore>> create_hdf5_store(const StoreSetup& setup) {
  absl::StatusOr<AsideFile> file =
      AsideFile::create(setup.settings->to, file_stem(setup.sink->run, setup.section), kEnding);
  if (!file.ok()) return file.status();
  auto store = std::make_unique<Hdf5Store>(*std::move(file), setup);
  if (absl::Status s = store->create(setup); !s.ok()) {
    store->remove();
    return s;
  }
  return store;
}

}  // namespace strobe::scouting
