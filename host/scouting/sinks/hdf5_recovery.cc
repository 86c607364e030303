#include <map>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/scouting/sinks/aside_file.h"
#include "host/scouting/sinks/column_store.h"
#include "host/scouting/sinks/disk_room.h"
#include "host/scouting/sinks/hdf5_handle.h"

namespace strobe::scouting {
namespace {

using Paths = std::vector<std::string>;

/// Collects the paths of all datasets.
herr_t collect(hid_t group, const char* name, const H5O_info_t* info, void* paths) {
  (void)group;
  if (info->type == H5O_TYPE_DATASET) static_cast<Paths*>(paths)->push_back(name);
  return 0;
}

class Recovery {
 public:
  explicit Recovery(AsideFile file) : aside_(std::move(file)) {}

  /// Returns the orbits that were left.
  absl::StatusOr<uint64_t> run() {
    if (absl::Status s = open(); !s.ok()) return s;
    const std::vector<uint64_t> crossings = column("orbits/crossings");
    const uint64_t orbits = std::min<uint64_t>(crossings.size(), extent("orbits/number"));
    total_crossings_ =
        std::accumulate(crossings.begin(), crossings.begin() + static_cast<std::ptrdiff_t>(orbits), 0ull);
    for (const std::string& path : paths_) {
      if (!cut(path, orbits)) return error("completed");
    }
    datasets_.clear();
    if (!file_.close()) return error("completed");
    give_back_reserve(aside_.descriptor());
    if (orbits == 0) {
      aside_.remove();
      return 0;
    }
    if (absl::Status s = aside_.finish(); !s.ok()) return s;
    return orbits;
  }

 private:
  absl::Status open() {
    const Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110);
    // The mark of a writer that never closed, which only it would take off; h5clear asks for this in the same way.
    const hbool_t yes = 1;
    H5Pset(access.get(), "clear_status_flags", &yes);
    H5Pset(access.get(), "skip_eof_check", &yes);
    file_ = Hdf5Handle(H5Fopen(aside_.path().c_str(), H5F_ACC_RDWR, access.get()), H5Fclose);
    // The superblock may not know how far the file had grown.
    if (!file_.ok() || H5Fincrement_filesize(file_.get(), 0) < 0) return error("read");
    if (H5Ovisit1(file_.get(), H5_INDEX_NAME, H5_ITER_NATIVE, collect, &paths_) < 0) return error("read");
    for (const std::string& path : paths_) {
      datasets_[path] = Hdf5Handle(H5Dopen2(file_.get(), path.c_str(), H5P_DEFAULT), H5Dclose);
      if (!datasets_[path].ok()) return error("read");
    }
    return absl::OkStatus();
  }

  /// To be called before anything else is closed: that would make HDF5 forget the reason.
  absl::Status error(const char* action) const {
    return hdf5_error(absl::StrCat("'", aside_.path(), "', which nobody writes any more, cannot be ", action));
  }

  uint64_t extent(const std::string& path) const {
    const auto found = datasets_.find(path);
    if (found == datasets_.end()) return 0;
    hsize_t extents[2] = {0, 0};
    const Hdf5Handle space(H5Dget_space(found->second.get()), H5Sclose);
    H5Sget_simple_extent_dims(space.get(), extents, nullptr);
    return extents[0];
  }

  std::vector<uint64_t> column(const std::string& path) const {
    std::vector<uint64_t> values(extent(path));
    if (values.empty()) return values;
    const hid_t dataset = datasets_.at(path).get();
    if (H5Dread(dataset, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) values.clear();
    return values;
  }

  /// Cuts a column to the rows that belong to the flushed orbits.
  bool cut(const std::string& path, uint64_t orbits) {
    const std::string group = path.substr(0, path.rfind('/') + 1);
    uint64_t rows = 0;
    if (group == "orbits/") {
      rows = orbits;
    } else if (group == "crossings/" || path == group + "count") {
      rows = total_crossings_;
    } else {
      rows = rows_of_group(group);
    }
    if (rows > extent(path)) return false;
    if (rows == extent(path)) return true;
    hsize_t extents[2] = {0, 0};
    const Hdf5Handle space(H5Dget_space(datasets_[path].get()), H5Sclose);
    H5Sget_simple_extent_dims(space.get(), extents, nullptr);
    extents[0] = rows;
    return H5Dset_extent(datasets_[path].get(), extents) >= 0;
  }

  /// Of objects the sum of their counts; of results those whose crossing is there. Known from the first column asked
  /// for, before any of the group is cut.
  uint64_t rows_of_group(const std::string& group) {
    if (const auto found = rows_.find(group); found != rows_.end()) return found->second;
    uint64_t rows = 0;
    const std::vector<uint64_t> counts = column(group + "count"), crossing = column(group + "crossing");
    for (size_t c = 0; c < std::min<uint64_t>(counts.size(), total_crossings_); ++c) rows += counts[c];
    for (const uint64_t each : crossing) rows += each < total_crossings_;
    return rows_[group] = rows;
  }

  AsideFile aside_;
  Hdf5Handle file_;
  Paths paths_;
  std::map<std::string, Hdf5Handle> datasets_;
  std::map<std::string, uint64_t> rows_;
  uint64_t total_crossings_ = 0;
};

}  // namespace

absl::StatusOr<uint64_t> complete_hdf5(AsideFile file) { return Recovery(std::move(file)).run(); }

absl::StatusOr<size_t> recover_hdf5(const std::string& folder) {
  absl::StatusOr<std::vector<AsideFile>> left = AsideFile::adopt(folder, ".h5");
  if (!left.ok()) return left.status();
  const auto lock = lock_hdf5();
  size_t completed = 0;
  for (AsideFile& file : *left) {
    // One that cannot be read, for it was killed before its first flush, stays hidden and is no reason not to start.
    const absl::StatusOr<uint64_t> orbits = complete_hdf5(std::move(file));
    if (!orbits.ok() && absl::IsResourceExhausted(orbits.status())) return orbits.status();
    completed += orbits.ok() && *orbits > 0 ? 1 : 0;
  }
  return completed;
}

}  // namespace strobe::scouting
