#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

/// The building blocks of the HDF5 file format ("HDF5 File Format Specification" 3.0, The HDF Group): object headers
/// and the messages in them. Written for untrusted files: every access is checked against the file, every loop is
/// bounded.
namespace strobe::import::hdf5 {

inline constexpr uint64_t kUndefined = ~uint64_t{0};

/// Reads little-endian values from a stretch of the file. Past the end it gives zeros and `ok()` turns false, so that a
/// caller may check once after several reads.
class Cursor {
 public:
  Cursor(std::string_view bytes, uint64_t offset) : bytes_(bytes), position_(offset), ok_(offset <= bytes.size()) {}

  uint64_t unsigned_le(int size);
  uint8_t u8() { return static_cast<uint8_t>(unsigned_le(1)); }
  uint16_t u16() { return static_cast<uint16_t>(unsigned_le(2)); }
  uint32_t u32() { return static_cast<uint32_t>(unsigned_le(4)); }
  uint64_t u64() { return unsigned_le(8); }
  std::string_view take(uint64_t size);
  void skip(uint64_t size) { take(size); }
  bool expect(std::string_view signature) { return take(signature.size()) == signature; }
  bool ok() const { return ok_; }
  uint64_t position() const { return position_; }
  uint64_t left() const { return ok_ ? bytes_.size() - position_ : 0; }

 private:
  std::string_view bytes_;
  uint64_t position_;
  bool ok_;
};

enum class MessageType : uint16_t {
  kDataspace = 0x01,
  kLinkInfo = 0x02,
  kDatatype = 0x03,
  kLink = 0x06,
  kLayout = 0x08,
  kFilters = 0x0b,
  kAttribute = 0x0c,
  kContinuation = 0x10,
  kSymbolTable = 0x11,
  kAttributeInfo = 0x15,
};

struct Message {
  uint16_t type = 0;
  bool shared = false;
  std::string_view data;
  bool is(MessageType t) const { return type == static_cast<uint16_t>(t); }
};

/// All messages of the object header at `address`, continuation blocks included. Errors: InvalidArgument.
absl::StatusOr<std::vector<Message>> read_object_header(std::string_view file, uint64_t address);

/// Extents of a dataset or attribute; empty for a scalar. Errors: InvalidArgument, Unimplemented.
absl::StatusOr<std::vector<int64_t>> parse_dataspace(std::string_view data);

struct Datatype {
  enum class Kind { kInteger, kFloat, kFixedString, kVariableString };
  Kind kind = Kind::kInteger;
  uint32_t size = 0;  ///< bytes an element
  bool is_signed = false;
  bool big_endian = false;
};

absl::StatusOr<Datatype> parse_datatype(std::string_view data);

/// The number at `bytes` (at least `type.size` long) of a numeric type.
double decode_number(const char* bytes, const Datatype& type);

struct Layout {
  enum class Kind { kCompact, kContiguous, kChunked };
  Kind kind = Kind::kContiguous;
  std::string_view compact;
  uint64_t address = kUndefined;  ///< of the data, or of the chunks' B-tree
  uint64_t size = 0;              ///< bytes, contiguous only
  std::vector<uint64_t> chunk;    ///< extents of a chunk, in elements
};

absl::StatusOr<Layout> parse_layout(std::string_view data);

/// Filters in the order in which the writer applied them.
enum class Filter { kDeflate, kShuffle, kFletcher32 };
absl::StatusOr<std::vector<Filter>> parse_filters(std::string_view data);

struct Attribute {
  std::string name;
  Datatype type;
  std::vector<int64_t> shape;
  std::string_view data;
};

/// The attribute's name is filled in even where its type cannot be read, in which case nullopt is returned for
/// attributes other than `wanted`.
absl::StatusOr<std::optional<Attribute>> parse_attribute(std::string_view data, std::string_view wanted);

struct Link {
  std::string name;
  uint64_t address = kUndefined;  ///< kUndefined: a soft or external link
};

absl::StatusOr<Link> parse_link(std::string_view data);

}  // namespace strobe::import::hdf5
