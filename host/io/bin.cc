#include "absl/strings/str_cat.h"
#include "host/io/files.h"
#include "platform/files/file.h"

namespace strobe::io {

absl::StatusOr<Array> read_bin(const std::string& path, DType dtype, const std::vector<int64_t>& row_shape) {
  absl::StatusOr<int64_t> row = count_elements(row_shape);
  if (!row.ok()) return row.status();
  if (*row == 0)
    return absl::InvalidArgumentError(
        absl::StrCat("'", path, "': rows of shape ", shape_text(row_shape), " hold nothing"));
  absl::StatusOr<std::shared_ptr<const files::MappedFile>> file = files::MappedFile::open(path);
  if (!file.ok()) return file.status();
  const auto bytes = (*file)->bytes();
  const int64_t row_bytes = *row * size_of(dtype), size = static_cast<int64_t>(bytes.size());
  if (size % row_bytes != 0) {
    return absl::InvalidArgumentError(absl::StrCat("'", path, "': expected whole rows of ", row_bytes, " bytes (",
                                                   std::string(to_string(dtype)), " ", shape_text(row_shape),
                                                   "), found ", size, " bytes, ", size % row_bytes, " too many"));
  }
  std::vector<int64_t> shape = {size / row_bytes};
  shape.insert(shape.end(), row_shape.begin(), row_shape.end());
  return Array(dtype, std::move(shape), bytes, *std::move(file));
}

absl::Status write_bin(const std::string& path, const Array& array) {
  absl::StatusOr<files::AtomicFile> file = files::AtomicFile::create(path);
  if (!file.ok()) return file.status();
  if (absl::Status s = file->write(array.bytes()); !s.ok()) return s;
  return file->commit();
}

}  // namespace strobe::io
