#include <charconv>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/io/files.h"
#include "platform/files/file.h"

namespace strobe::io {
namespace {

constexpr size_t kFlushBytes = 1 << 20;

void append_number(const Array& array, int64_t index, std::string* text) {
  char buffer[40];
  const std::byte* at = array.bytes().data() + index * size_of(array.dtype());
  std::to_chars_result end{};
  if (array.dtype() == DType::kFloat32) {
    float value;
    std::memcpy(&value, at, sizeof value);
    end = std::to_chars(buffer, buffer + sizeof buffer, value);
  } else if (array.dtype() == DType::kFloat64) {
    end = std::to_chars(buffer, buffer + sizeof buffer, array.number(index));
  } else if (array.dtype() == DType::kUint64 || array.dtype() == DType::kInt64) {
    uint64_t value;
    std::memcpy(&value, at, sizeof value);
    end = array.dtype() == DType::kUint64 ? std::to_chars(buffer, buffer + sizeof buffer, value)
                                          : std::to_chars(buffer, buffer + sizeof buffer, static_cast<int64_t>(value));
  } else {
    end = std::to_chars(buffer, buffer + sizeof buffer, static_cast<int64_t>(array.number(index)));
  }
  text->append(buffer, end.ptr);
}

}  // namespace

absl::Status write_csv(const std::string& path, const Array& array, const std::vector<std::string>& header) {
  const int64_t columns = array.row_elements();
  if (!header.empty() && static_cast<int64_t>(header.size()) != columns) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", path, "': expected a header of ", columns, " names, found ", header.size()));
  }
  absl::StatusOr<files::AtomicFile> file = files::AtomicFile::create(path);
  if (!file.ok()) return file.status();
  std::string text = header.empty() ? "" : absl::StrJoin(header, ",") + "\n";
  for (int64_t row = 0; row < array.rows(); ++row) {
    for (int64_t column = 0; column < columns; ++column) {
      if (column > 0) text += ',';
      append_number(array, row * columns + column, &text);
    }
    text += '\n';
    if (text.size() < kFlushBytes) continue;
    if (absl::Status s = file->write(text); !s.ok()) return s;
    text.clear();
  }
  if (absl::Status s = file->write(text); !s.ok()) return s;
  return file->commit();
}

}  // namespace strobe::io
