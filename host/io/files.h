#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/io/array.h"
#include "platform/files/file.h"

/// Readers and writers. Readers' errors: NotFound, PermissionDenied, InvalidArgument (damaged or of another kind),
/// Unimplemented; each names the file. Writers leave the file whole or as it was before.
namespace strobe::io {

/// A numpy array file: any integer or float type of 8 to 64 bits (float16 becomes float32, bool uint8), either byte
/// order, C or Fortran order. Little-endian C-order data stay in the mapped file, whatever its size.
absl::StatusOr<Array> read_npy(const std::string& path);
/// The same from memory; `bytes` is copied. `name` is used in messages.
absl::StatusOr<Array> parse_npy(std::string_view bytes, const std::string& name);

/// All arrays of a numpy archive, stored or deflated, in the file's order, named without ".npy".
absl::StatusOr<std::vector<NamedArray>> read_npz(const std::string& path);
absl::StatusOr<std::vector<NamedArray>> parse_npz(std::string_view bytes, const std::string& name);

/// A table of numbers, a row an event.
struct Csv {
  std::vector<std::string> header;  ///< empty where the first line holds a number
  Array array;                      ///< float64 [rows, columns]; int64 where every field is an integer
};

/// Fields separated by ',' (or ';' or tab, whichever the first line has), blanks around them and empty lines at the end
/// ignored, lines starting with '#' skipped, quotes taken off. "nan" and "inf" are numbers. Errors name line and
/// column.
absl::StatusOr<Csv> read_csv(const std::string& path);
absl::StatusOr<Csv> parse_csv(std::string_view text, const std::string& name);

/// Raw rows of `row_shape` elements of `dtype`, little-endian, nothing else; mapped. Errors: InvalidArgument where the
/// file's size is no whole number of rows.
absl::StatusOr<Array> read_bin(const std::string& path, DType dtype, const std::vector<int64_t>& row_shape);

absl::Status write_npy(const std::string& path, const Array& array);
/// A .npy file whose rows come piece by piece; it appears whole, with `commit`, or not at all.
class NpyWriter {
 public:
  /// `shape` is that of the whole array. Errors: as files::AtomicFile.
  static absl::StatusOr<NpyWriter> create(const std::string& path, DType dtype, const std::vector<int64_t>& shape);
  absl::Status append(std::span<const std::byte> rows);
  /// Errors: Internal where the rows were not as many as the shape says.
  absl::Status commit();

 private:
  NpyWriter(files::AtomicFile file, uint64_t missing_bytes) : file_(std::move(file)), missing_bytes_(missing_bytes) {}
  files::AtomicFile file_;
  uint64_t missing_bytes_;
};

absl::Status write_npz(const std::string& path, const std::vector<NamedArray>& arrays, bool deflate = false);
/// A line a row, columns of further axes side by side; numbers as short as they can be to be read back exactly.
/// Errors: InvalidArgument where the header's length is not the number of columns.
absl::Status write_csv(const std::string& path, const Array& array, const std::vector<std::string>& header = {});
absl::Status write_bin(const std::string& path, const Array& array);

/// Serialised as numpy's format 1.0.
std::string to_npy(const Array& array);

}  // namespace strobe::io
