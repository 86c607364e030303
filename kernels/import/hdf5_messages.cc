#include "kernels/import/hdf5_messages.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace strobe::import::hdf5 {
namespace {

constexpr size_t kMaxBlocks = 4096;  ///< continuation blocks of one object header
constexpr size_t kMaxMessages = 1 << 18;
constexpr int kMaxRank = 32;  ///< HDF5's own limit

absl::Status damaged(std::string what) { return absl::InvalidArgumentError(absl::StrCat("damaged HDF5: ", what)); }

uint64_t padded(uint64_t size) { return (size + 7) & ~uint64_t{7}; }

struct Block {
  uint64_t begin, end;
};

/// Splits one block of an object header into messages; continuation messages go to `blocks`.
absl::Status split_block(std::string_view file, Block block, int version, bool creation_order,
                         std::vector<Message>* messages, std::vector<Block>* blocks) {
  Cursor at(file.substr(0, block.end), block.begin);
  const uint64_t prefix = version == 1 ? 8 : (creation_order ? 6 : 4);
  while (at.left() >= prefix) {
    Message message;
    message.type = version == 1 ? at.u16() : at.u8();
    const uint16_t size = at.u16();
    message.shared = (at.u8() & 2) != 0;
    at.skip(version == 1 ? 3 : (creation_order ? 2 : 0));
    message.data = at.take(size);
    if (!at.ok()) return damaged("a message reaches beyond its object header");
    if (messages->size() >= kMaxMessages) return damaged("an object header has too many messages");
    if (message.is(MessageType::kContinuation)) {
      Cursor link(message.data, 0);
      const uint64_t begin = link.u64(), length = link.u64();
      if (!link.ok() || begin > file.size() || length > file.size() - begin) {
        return damaged("an object header continues outside the file");
      }
      blocks->push_back({begin, begin + length});
    } else {
      messages->push_back(message);
    }
  }
  return absl::OkStatus();
}

/// Reads the prefix of an object header and says where its first block of messages lies.
absl::StatusOr<Block> first_block(std::string_view file, uint64_t address, int* version, bool* creation_order) {
  Cursor at(file, address);
  if (file.substr(std::min<uint64_t>(address, file.size())).substr(0, 4) == "OHDR") {
    at.skip(4);
    *version = at.u8();
    const uint8_t flags = at.u8();
    *creation_order = (flags & 4) != 0;
    if (flags & 0x20) at.skip(16);
    if (flags & 0x10) at.skip(4);
    const uint64_t size = at.unsigned_le(1 << (flags & 3));
    if (!at.ok() || *version != 2 || size > at.left()) return damaged("an object header does not fit the file");
    return Block{at.position(), at.position() + size};
  }
  *version = at.u8();
  at.skip(7);
  const uint64_t size = at.u32();
  at.skip(4);
  if (!at.ok() || *version != 1 || size > at.left()) {
    return damaged(absl::StrCat("expected an object header at byte ", address, ", found none"));
  }
  return Block{at.position(), at.position() + size};
}

}  // namespace

uint64_t Cursor::unsigned_le(int size) {
  const std::string_view raw = take(static_cast<uint64_t>(size));
  uint64_t value = 0;
  for (size_t i = raw.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(raw[i]);
  return value;
}

std::string_view Cursor::take(uint64_t size) {
  if (!ok_ || size > bytes_.size() - position_) {
    ok_ = false;
    return {};
  }
  const std::string_view taken = bytes_.substr(position_, size);
  position_ += size;
  return taken;
}

absl::StatusOr<std::vector<Message>> read_object_header(std::string_view file, uint64_t address) {
  int version = 0;
  bool creation_order = false;
  absl::StatusOr<Block> first = first_block(file, address, &version, &creation_order);
  if (!first.ok()) return first.status();
  std::vector<Block> blocks = {*first};
  std::vector<Message> messages;
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (i > kMaxBlocks) return damaged("an object header continues without end");
    Block block = blocks[i];
    if (i > 0 && version == 2) {
      // A continuation of version 2 has a signature in front and a checksum behind.
      if (block.end - block.begin < 8 || file.substr(block.begin, 4) != "OCHK") {
        return damaged("an object header's continuation has no signature");
      }
      block = {block.begin + 4, block.end - 4};
    }
    if (absl::Status s = split_block(file, block, version, creation_order, &messages, &blocks); !s.ok()) return s;
  }
  return messages;
}

absl::StatusOr<std::vector<int64_t>> parse_dataspace(std::string_view data) {
  Cursor at(data, 0);
  const int version = at.u8(), rank = at.u8();
  at.skip(1);
  if (version == 1) {
    at.skip(5);
  } else if (version == 2) {
    if (at.u8() == 2) return absl::UnimplementedError("a null dataspace holds no values");
  } else {
    return damaged(absl::StrCat("dataspace of version ", version));
  }
  if (rank > kMaxRank) return damaged(absl::StrCat("dataspace of rank ", rank));
  std::vector<int64_t> shape;
  for (int i = 0; i < rank; ++i) {
    const uint64_t extent = at.u64();
    if (extent > uint64_t{1} << 40) return damaged(absl::StrCat("an extent of ", extent));
    shape.push_back(static_cast<int64_t>(extent));
  }
  if (!at.ok()) return damaged("a dataspace is cut short");
  return shape;
}

absl::StatusOr<Datatype> parse_datatype(std::string_view data) {
  Cursor at(data, 0);
  const uint8_t head = at.u8();
  const uint32_t bits = static_cast<uint32_t>(at.unsigned_le(3));
  Datatype type;
  type.size = at.u32();
  if (!at.ok()) return damaged("a datatype is cut short");
  switch (head & 15) {
    case 0:
      type.kind = Datatype::Kind::kInteger;
      type.big_endian = (bits & 1) != 0;
      type.is_signed = (bits & 8) != 0;
      if (!std::has_single_bit(type.size) || type.size > 8) {
        return damaged(absl::StrCat("an integer of ", type.size, " bytes"));
      }
      return type;
    case 1:
      type.kind = Datatype::Kind::kFloat;
      type.is_signed = true;
      type.big_endian = (bits & 1) != 0;
      at.skip(5);
      if (const int exponent = at.u8(); !(type.size == 2 && exponent == 5) && !(type.size == 4 && exponent == 8) &&
                                        !(type.size == 8 && exponent == 11)) {
        return absl::UnimplementedError(absl::StrCat("a float of ", type.size, " bytes with ", exponent,
                                                     " exponent bits; float16, float32 and float64 are read"));
      }
      return type;
    case 3:
      type.kind = Datatype::Kind::kFixedString;
      return type;
    case 8:  // An enumeration, such as h5py's bool: its base type follows.
      return data.size() > 16 ? parse_datatype(data.substr(8, 16)) : damaged("a datatype is cut short");
    case 9:
      if ((bits & 15) != 1) return absl::UnimplementedError("a sequence of variable length");
      if (type.size != 16) return damaged("a variable-length string of an unknown size");
      type.kind = Datatype::Kind::kVariableString;
      return type;
    default:
      return absl::UnimplementedError(absl::StrCat("HDF5 datatype class ", head & 15));
  }
}

double decode_number(const char* bytes, const Datatype& type) {
  uint64_t raw = 0;
  for (uint32_t i = 0; i < type.size; ++i) {
    const uint32_t from = type.big_endian ? i : type.size - 1 - i;
    raw = raw << 8 | static_cast<uint8_t>(bytes[from]);
  }
  if (type.kind == Datatype::Kind::kInteger) {
    if (!type.is_signed) return static_cast<double>(raw);
    const int unused = 64 - 8 * static_cast<int>(type.size);
    return static_cast<double>(static_cast<int64_t>(raw << unused) >> unused);
  }
  if (type.size == 8) return std::bit_cast<double>(raw);
  if (type.size == 4) return static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(raw)));
  const int exponent = static_cast<int>(raw >> 10 & 31);
  const double mantissa = static_cast<double>(raw & 1023);
  double value = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  if (exponent == 31) value = mantissa == 0 ? INFINITY : NAN;
  return raw >> 15 & 1 ? -value : value;
}

absl::StatusOr<Layout> parse_layout(std::string_view data) {
  Cursor at(data, 0);
  const int version = at.u8(), kind = at.u8();
  if (!at.ok()) return damaged("a data layout is cut short");
  if ((version != 3 && version != 4) || (version == 4 && kind >= 2)) {
    return absl::UnimplementedError(
        absl::StrCat("data layout version ", version, " class ", kind, "; save with h5py's default settings"));
  }
  Layout layout;
  if (kind == 0) {
    layout.kind = Layout::Kind::kCompact;
    layout.compact = at.take(at.u16());
  } else if (kind == 1) {
    layout.kind = Layout::Kind::kContiguous;
    layout.address = at.u64();
    layout.size = at.u64();
  } else if (kind == 2) {
    layout.kind = Layout::Kind::kChunked;
    const int dimensions = at.u8();
    layout.address = at.u64();
    if (dimensions < 1 || dimensions > kMaxRank + 1) return damaged("a chunked layout of impossible rank");
    for (int i = 0; i + 1 < dimensions; ++i) {
      layout.chunk.push_back(at.u32());
      if (layout.chunk.back() == 0) return damaged("a chunk without extent");
    }
    at.skip(4);
  } else {
    return damaged(absl::StrCat("data layout class ", kind));
  }
  if (!at.ok()) return damaged("a data layout is cut short");
  return layout;
}

absl::StatusOr<std::vector<Filter>> parse_filters(std::string_view data) {
  Cursor at(data, 0);
  const int version = at.u8(), count = at.u8();
  if (version == 1) at.skip(6);
  std::vector<Filter> filters;
  for (int i = 0; i < count && at.ok(); ++i) {
    const int id = at.u16();
    const int name_size = version == 1 || id >= 256 ? at.u16() : 0;
    at.skip(2);
    const int values = at.u16();
    at.skip(version == 1 ? padded(static_cast<uint64_t>(name_size)) : static_cast<uint64_t>(name_size));
    at.skip(4 * static_cast<uint64_t>(values) + (version == 1 && values % 2 ? 4 : 0));
    if (id < 1 || id > 3) {
      return absl::UnimplementedError(absl::StrCat("HDF5 filter ", id, "; gzip, shuffle and fletcher32 are read"));
    }
    filters.push_back(id == 1 ? Filter::kDeflate : id == 2 ? Filter::kShuffle : Filter::kFletcher32);
  }
  if (!at.ok()) return damaged("a filter list is cut short");
  return filters;
}

absl::StatusOr<std::optional<Attribute>> parse_attribute(std::string_view data, std::string_view wanted) {
  Cursor at(data, 0);
  const int version = at.u8();
  const uint8_t flags = at.u8();
  const uint64_t name_size = at.u16(), type_size = at.u16(), space_size = at.u16();
  if (version < 1 || version > 3) return damaged(absl::StrCat("attribute of version ", version));
  if (version == 3) at.skip(1);
  const auto field = [&](uint64_t size) { return at.take(version == 1 ? padded(size) : size).substr(0, size); };
  Attribute attribute;
  attribute.name = field(name_size);
  attribute.name.resize(strnlen(attribute.name.data(), attribute.name.size()));
  const std::string_view type = field(type_size), space = field(space_size);
  if (!at.ok()) return damaged("an attribute is cut short");
  if (attribute.name != wanted) return std::nullopt;
  if (version > 1 && (flags & 3) != 0) return absl::UnimplementedError("an attribute of a shared type");
  absl::StatusOr<Datatype> parsed = parse_datatype(type);
  if (!parsed.ok()) return parsed.status();
  attribute.type = *parsed;
  absl::StatusOr<std::vector<int64_t>> shape = parse_dataspace(space);
  if (!shape.ok()) return shape.status();
  attribute.shape = *std::move(shape);
  attribute.data = at.take(at.left());
  return attribute;
}

absl::StatusOr<Link> parse_link(std::string_view data) {
  Cursor at(data, 0);
  const int version = at.u8();
  const uint8_t flags = at.u8();
  const int type = flags & 8 ? at.u8() : 0;
  if (flags & 4) at.skip(8);
  if (flags & 16) at.skip(1);
  const uint64_t size = at.unsigned_le(1 << (flags & 3));
  Link link;
  link.name = at.take(size);
  if (type == 0) link.address = at.u64();
  if (!at.ok() || version != 1) return damaged("a link is cut short");
  return link;
}

}  // namespace strobe::import::hdf5
