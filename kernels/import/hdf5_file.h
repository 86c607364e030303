#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"
#include "kernels/import/hdf5_messages.h"

namespace strobe::import::hdf5 {

/// Reads groups, attributes of text and numeric datasets of an HDF5 file held in memory: what Keras and h5py write with
/// their default settings. It exists because weight files come from strangers and the HDF5 library does not withstand
/// damaged ones. Paths are relative to the root, parts joined by '/', no empty parts.
class File {
 public:
  /// `name` is used in messages. Errors: InvalidArgument (not HDF5, cut short), Unimplemented.
  static absl::StatusOr<File> open(std::string bytes, std::string name);

  const std::string& name() const { return name_; }
  /// Whether there is an object of that path; false, too, where the way there is damaged.
  bool exists(const std::string& path) const { return find(path).ok(); }
  /// Names in a group, sorted by byte. Errors: NotFound, InvalidArgument, Unimplemented.
  absl::StatusOr<std::vector<std::string>> children(const std::string& path) const;
  /// A numeric dataset. Errors: NotFound, InvalidArgument, Unimplemented; each names file and path.
  absl::StatusOr<Array> read(const std::string& path) const;
  /// Whether the dataset's elements are unsigned 8-bit integers. Errors: as read.
  absl::StatusOr<bool> is_uint8(const std::string& path) const;
  /// An attribute of text, scalar or one-dimensional; nullopt where the object has none of that name.
  absl::StatusOr<std::optional<std::vector<std::string>>> strings(const std::string& path,
                                                                  std::string_view attribute) const;
  /// The scalar text of an attribute; nullopt where there is none.
  absl::StatusOr<std::optional<std::string>> text(const std::string& path, std::string_view attribute) const;

 private:
  using Links = std::map<std::string, uint64_t>;

  File(std::string bytes, std::string name) : bytes_(std::move(bytes)), name_(std::move(name)) {}
  absl::Status read_superblock();
  absl::StatusOr<uint64_t> find(const std::string& path) const;
  absl::StatusOr<Links> links(uint64_t group) const;
  absl::Status walk_group(uint64_t node, uint64_t heap, int level, uint64_t* budget, Links* links) const;
  absl::Status read_symbols(uint64_t node, std::string_view heap, Links* links) const;
  absl::StatusOr<std::string_view> local_heap(uint64_t address) const;
  absl::StatusOr<std::string> heap_object(std::string_view reference) const;
  absl::StatusOr<Array> read_at(uint64_t address) const;
  absl::Status wrap(const absl::Status& status, const std::string& path) const;

  std::string bytes_;
  std::string name_;
  uint64_t root_ = 0;
};

/// The bytes of a chunked dataset, row-major. `file` is the whole file.
absl::StatusOr<std::string> read_chunks(std::string_view file, const Layout& layout, const std::vector<int64_t>& shape,
                                        uint32_t element_size, const std::vector<Filter>& filters);

}  // namespace strobe::import::hdf5
