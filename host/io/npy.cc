#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "host/io/files.h"
#include "platform/files/file.h"

namespace strobe::io {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr uint64_t kMaxHeader = 1 << 20;

absl::Status invalid(const std::string& name, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("'", name, "': ", what));
}

struct NpyHeader {
  DType dtype = DType::kFloat64;
  bool big_endian = false;
  bool is_half = false;
  bool fortran = false;
  std::vector<int64_t> shape;
  size_t offset = 0;  ///< of the data
};

/// The text after `'key':` in the header's dictionary, up to the comma or bracket that ends the value.
std::optional<absl::string_view> entry(absl::string_view header, absl::string_view key) {
  for (const char quote : {'\'', '"'}) {
    const std::string quoted = absl::StrCat(std::string(1, quote), key, std::string(1, quote));
    const size_t at = header.find(quoted);
    if (at == absl::string_view::npos) continue;
    absl::string_view rest = header.substr(at + quoted.size());
    const size_t colon = rest.find(':');
    if (colon == absl::string_view::npos) return std::nullopt;
    rest = absl::StripLeadingAsciiWhitespace(rest.substr(colon + 1));
    const size_t end = !rest.empty() && rest[0] == '(' ? rest.find(')') : rest.find_first_of(",}");
    if (end == absl::string_view::npos) return std::nullopt;
    return absl::StripAsciiWhitespace(rest.substr(0, rest[0] == '(' ? end + 1 : end));
  }
  return std::nullopt;
}

absl::Status parse_descr(absl::string_view text, const std::string& name, NpyHeader* header) {
  const std::string_view shown(text.data(), text.size());
  absl::string_view descr = text;
  if (descr.size() >= 2 && (descr.front() == '\'' || descr.front() == '"')) descr = descr.substr(1, descr.size() - 2);
  const struct {
    const char* code;
    DType dtype;
  } kCodes[] = {{"i1", DType::kInt8},    {"i2", DType::kInt16},   {"i4", DType::kInt32},  {"i8", DType::kInt64},
                {"u1", DType::kUint8},   {"u2", DType::kUint16},  {"u4", DType::kUint32}, {"u8", DType::kUint64},
                {"f4", DType::kFloat32}, {"f8", DType::kFloat64}, {"b1", DType::kUint8},  {"f2", DType::kFloat32}};
  if (descr.size() == 3 && (descr[0] == '<' || descr[0] == '>' || descr[0] == '|' || descr[0] == '=')) {
    header->big_endian = descr[0] == '>';
    for (const auto& code : kCodes) {
      if (descr.substr(1) != code.code) continue;
      header->dtype = code.dtype;
      header->is_half = descr.substr(1) == "f2";
      return absl::OkStatus();
    }
  }
  return absl::UnimplementedError(
      absl::StrCat("'", name, "': numpy type ", std::string(shown), "; integers and floats of 8 to 64 bits are read"));
}

absl::Status parse_shape(absl::string_view text, const std::string& name, NpyHeader* header) {
  if (text.size() < 2 || text.front() != '(' || text.back() != ')') return invalid(name, "the npy header has no shape");
  for (absl::string_view part : absl::StrSplit(text.substr(1, text.size() - 2), ',')) {
    part = absl::StripAsciiWhitespace(part);
    if (part.empty()) continue;
    absl::ConsumeSuffix(&part, "L");
    int64_t extent = 0;
    if (!absl::SimpleAtoi(part, &extent) || header->shape.size() >= 32) {
      return invalid(name, absl::StrCat("the npy header's shape ", text, " cannot be read"));
    }
    header->shape.push_back(extent);
  }
  return absl::OkStatus();
}

absl::StatusOr<NpyHeader> parse_header(std::string_view bytes, const std::string& name) {
  if (!bytes.starts_with(kMagic)) return invalid(name, "expected a numpy .npy file, found no numpy signature");
  if (bytes.size() < 12) return invalid(name, "the npy header is cut short");
  const int version = static_cast<uint8_t>(bytes[6]);
  if (version < 1 || version > 3) return invalid(name, absl::StrCat("npy version ", version, ", 1 to 3 are read"));
  uint64_t length = 0;
  const size_t length_bytes = version == 1 ? 2 : 4;
  for (size_t i = length_bytes; i-- > 0;) length = length << 8 | static_cast<uint8_t>(bytes[8 + i]);
  const size_t start = 8 + length_bytes;
  if (length > kMaxHeader || length > bytes.size() - start) return invalid(name, "the npy header is cut short");
  const absl::string_view text(bytes.data() + start, length);
  NpyHeader header;
  header.offset = start + length;
  const auto descr = entry(text, "descr"), fortran = entry(text, "fortran_order"), shape = entry(text, "shape");
  if (!descr || !fortran || !shape || (*fortran != "True" && *fortran != "False")) {
    return invalid(name, "the npy header lacks descr, fortran_order or shape");
  }
  header.fortran = *fortran == "True";
  if (absl::Status s = parse_descr(*descr, name, &header); !s.ok()) return s;
  if (absl::Status s = parse_shape(*shape, name, &header); !s.ok()) return s;
  return header;
}

/// The row-major index of each element in the order in which a Fortran-order file holds them is walked by counting.
void to_c_order(const std::vector<int64_t>& shape, int64_t size, const std::byte* from, std::byte* to) {
  std::vector<int64_t> strides(shape.size(), 1), at(shape.size(), 0);
  for (size_t d = shape.size() - 1; d-- > 0;) strides[d] = strides[d + 1] * shape[d + 1];
  int64_t count = 1;
  for (const int64_t extent : shape) count *= extent;
  int64_t target = 0;
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(to + target * size, from + i * size, static_cast<size_t>(size));
    for (size_t d = 0; d < shape.size(); ++d) {
      target += strides[d];
      if (++at[d] < shape[d]) break;
      target -= strides[d] * shape[d];
      at[d] = 0;
    }
  }
}

float half_to_float(uint16_t half) {
  const int exponent = half >> 10 & 31;
  const float mantissa = static_cast<float>(half & 1023);
  float value = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024.0F + mantissa, exponent - 25);
  if (exponent == 31) value = mantissa == 0 ? INFINITY : NAN;
  return half & 0x8000 ? -value : value;
}

/// Brings the data into C order and this machine's byte order, in memory of its own.
Array rearrange(const NpyHeader& header, int64_t file_size_of, std::span<const std::byte> data) {
  auto owned = std::make_shared<std::vector<std::byte>>(data.begin(), data.end());
  if (header.fortran && header.shape.size() > 1 && !data.empty()) {
    to_c_order(header.shape, file_size_of, data.data(), owned->data());
  }
  if (header.big_endian) {
    for (size_t i = 0; i < owned->size(); i += static_cast<size_t>(file_size_of)) {
      std::reverse(owned->begin() + static_cast<std::ptrdiff_t>(i),
                   owned->begin() + static_cast<std::ptrdiff_t>(i) + file_size_of);
    }
  }
  if (!header.is_half) {
    const std::span<const std::byte> bytes(*owned);
    return Array(header.dtype, header.shape, bytes, std::move(owned));
  }
  std::vector<float> widened;
  for (size_t i = 0; i + 1 < owned->size(); i += 2) {
    uint16_t half;
    std::memcpy(&half, owned->data() + i, 2);
    widened.push_back(half_to_float(half));
  }
  return Array::of<float>(header.shape, std::move(widened));
}

/// `owner` is what keeps `bytes` alive, or null where they must be copied.
absl::StatusOr<Array> build(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                            const std::string& name) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  absl::StatusOr<NpyHeader> header = parse_header(text, name);
  if (!header.ok()) return header.status();
  absl::StatusOr<int64_t> count = count_elements(header->shape);
  if (!count.ok()) return invalid(name, std::string(count.status().message()));
  const int64_t element = header->is_half ? 2 : size_of(header->dtype);
  const uint64_t needed = static_cast<uint64_t>(*count) * static_cast<uint64_t>(element);
  const std::span<const std::byte> data = bytes.subspan(header->offset);
  if (data.size() < needed) {
    return invalid(name, absl::StrCat("expected ", needed, " bytes of data for shape ", shape_text(header->shape),
                                      ", found ", data.size(), "; the file is cut short"));
  }
  const std::span<const std::byte> values = data.first(needed);
  const bool as_it_stands =
      !header->is_half && (!header->big_endian || element == 1) && (!header->fortran || header->shape.size() < 2);
  if (owner != nullptr && as_it_stands) return Array(header->dtype, header->shape, values, std::move(owner));
  return rearrange(*header, element, values);
}

}  // namespace

absl::StatusOr<Array> read_npy(const std::string& path) {
  absl::StatusOr<std::shared_ptr<const files::MappedFile>> file = files::MappedFile::open(path);
  if (!file.ok()) return file.status();
  return build((*file)->bytes(), *file, path);
}

absl::StatusOr<Array> parse_npy(std::string_view bytes, const std::string& name) {
  return build(std::as_bytes(std::span(bytes)), nullptr, name);
}

namespace {

/// What stands before the data.
std::string npy_header(DType dtype, const std::vector<int64_t>& shape) {
  constexpr std::string_view kCodes[] = {"|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "<f4", "<f8"};
  const std::string_view code = kCodes[static_cast<size_t>(dtype)];
  std::string header = absl::StrCat("{'descr': '", std::string(code), "', 'fortran_order': False, 'shape': (",
                                    absl::StrJoin(shape, ", "), shape.size() == 1 ? ",), }" : "), }");
  // Padded so that the data start at a multiple of 64 bytes.
  header.append(63 - (kMagic.size() + 4 + header.size()) % 64, ' ');
  header += '\n';
  std::string file(kMagic);
  file += '\x01';
  file += '\x00';
  file += static_cast<char>(header.size() & 255);
  file += static_cast<char>(header.size() >> 8);
  file += header;
  return file;
}

}  // namespace

std::string to_npy(const Array& array) {
  std::string file = npy_header(array.dtype(), array.shape());
  file.append(reinterpret_cast<const char*>(array.bytes().data()), array.bytes().size());
  return file;
}

absl::StatusOr<NpyWriter> NpyWriter::create(const std::string& path, DType dtype, const std::vector<int64_t>& shape) {
  const absl::StatusOr<int64_t> elements = count_elements(shape);
  if (!elements.ok()) return elements.status();
  absl::StatusOr<files::AtomicFile> file = files::AtomicFile::create(path);
  if (!file.ok()) return file.status();
  if (absl::Status s = file->write(npy_header(dtype, shape)); !s.ok()) return s;
  return NpyWriter(*std::move(file), static_cast<uint64_t>(*elements * size_of(dtype)));
}

absl::Status NpyWriter::append(std::span<const std::byte> rows) {
  if (rows.size() > missing_bytes_) return absl::InternalError("more rows than the npy header says");
  missing_bytes_ -= rows.size();
  return file_.write(rows);
}

absl::Status NpyWriter::commit() {
  if (missing_bytes_ != 0) return absl::InternalError("fewer rows than the npy header says");
  return file_.commit();
}

absl::Status write_npy(const std::string& path, const Array& array) {
  absl::StatusOr<NpyWriter> writer = NpyWriter::create(path, array.dtype(), array.shape());
  if (!writer.ok()) return writer.status();
  if (absl::Status s = writer->append(array.bytes()); !s.ok()) return s;
  return writer->commit();
}

}  // namespace strobe::io
