#include "kernels/import/ubjson.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

namespace strobe::import {
namespace {

constexpr int kMaxDepth = 100;

/// How many bytes a value of a fixed-size type takes; 0 for all others.
size_t size_of(char type) {
  switch (type) {
    case 'i':
    case 'U':
    case 'C':
      return 1;
    case 'I':
      return 2;
    case 'l':
    case 'd':
      return 4;
    case 'L':
    case 'D':
      return 8;
    default:
      return 0;
  }
}

class Reader {
 public:
  Reader(std::string_view bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  absl::StatusOr<Json> document() {
    absl::StatusOr<Json> value = any(0);
    if (!value.ok()) return value;
    while (at_ < bytes_.size() && bytes_[at_] == 'N') ++at_;
    if (at_ != bytes_.size()) return flaw("the end of the document");
    return value;
  }

 private:
  /// What an array or object says of its elements before they come.
  struct Header {
    char type = 0;                ///< 0: each element carries its own
    std::optional<size_t> count;  ///< absent: an end marker follows the elements
  };

  absl::Status flaw(std::string_view expected) const {
    return absl::InvalidArgumentError(
        absl::StrCat("'", name_, "': UBJSON, byte ", at_, " of ", bytes_.size(), ": expected ", std::string(expected)));
  }

  size_t left() const { return bytes_.size() - at_; }

  absl::StatusOr<char> marker() {
    while (left() > 0 && bytes_[at_] == 'N') ++at_;
    if (left() == 0) return flaw("a value, found the end of the file");
    return bytes_[at_++];
  }

  uint64_t big_endian(size_t size) {
    uint64_t value = 0;
    for (size_t i = 0; i < size; ++i) value = value << 8 | static_cast<uint8_t>(bytes_[at_++]);
    return value;
  }

  /// A number, whose bytes are known to be there.
  Json number(char type) {
    const uint64_t raw = big_endian(size_of(type));
    switch (type) {
      case 'i':
        return static_cast<int8_t>(raw);
      case 'I':
        return static_cast<int16_t>(raw);
      case 'l':
        return static_cast<int32_t>(raw);
      case 'L':
        return static_cast<int64_t>(raw);
      case 'd':
        return static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(raw)));
      case 'D':
        return std::bit_cast<double>(raw);
      case 'C':
        return std::string(1, static_cast<char>(raw));
      default:
        return raw;
    }
  }

  absl::StatusOr<size_t> length() {
    absl::StatusOr<char> type = marker();
    if (!type.ok()) return type.status();
    const size_t size = size_of(*type);
    if (size == 0 || *type == 'd' || *type == 'D' || *type == 'C' || size > left()) return flaw("a length");
    const auto value = number(*type).get<int64_t>();
    if (value < 0) return flaw("a length that is not negative");
    return static_cast<size_t>(value);
  }

  absl::StatusOr<std::string> text() {
    absl::StatusOr<size_t> size = length();
    if (!size.ok()) return size.status();
    if (*size > left()) return flaw(absl::StrCat("a text of ", *size, " bytes, found ", left()));
    std::string value(bytes_.substr(at_, *size));
    at_ += *size;
    return value;
  }

  absl::StatusOr<Header> header() {
    Header found;
    if (left() > 0 && bytes_[at_] == '$') {
      ++at_;
      if (left() < 2 || bytes_[at_ + 1] != '#') return flaw("a type and '#' after '$'");
      found.type = bytes_[at_++];
      // Elements without bytes would make a short file into a large array.
      if (size_of(found.type) == 0 && found.type != 'S' && found.type != '[' && found.type != '{')
        return flaw("an element type that takes bytes");
    }
    if (left() > 0 && bytes_[at_] == '#') {
      ++at_;
      absl::StatusOr<size_t> count = length();
      if (!count.ok()) return count.status();
      const size_t each = std::max<size_t>(1, size_of(found.type));
      if (*count > left() / each) return flaw(absl::StrCat(*count, " elements, found ", left(), " bytes"));
      found.count = *count;
    }
    return found;
  }

  bool take_end(const Header& header, size_t have, char end) {
    if (header.count) return have == *header.count;
    while (left() > 0 && bytes_[at_] == 'N') ++at_;
    if (left() == 0 || bytes_[at_] != end) return false;
    ++at_;
    return true;
  }

  absl::StatusOr<Json> element(const Header& header, int depth) {
    return header.type == 0 ? any(depth) : of_type(header.type, depth);
  }

  absl::StatusOr<Json> array(int depth) {
    absl::StatusOr<Header> found = header();
    if (!found.ok()) return found.status();
    Json list = Json::array();
    while (!take_end(*found, list.size(), ']')) {
      absl::StatusOr<Json> value = element(*found, depth + 1);
      if (!value.ok()) return value;
      list.push_back(*std::move(value));
    }
    return list;
  }

  absl::StatusOr<Json> object(int depth) {
    absl::StatusOr<Header> found = header();
    if (!found.ok()) return found.status();
    Json members = Json::object();
    for (size_t have = 0; !take_end(*found, have, '}'); ++have) {
      absl::StatusOr<std::string> key = text();
      if (!key.ok()) return key.status();
      absl::StatusOr<Json> value = element(*found, depth + 1);
      if (!value.ok()) return value;
      members[*std::move(key)] = *std::move(value);
    }
    return members;
  }

  absl::StatusOr<Json> any(int depth) {
    absl::StatusOr<char> type = marker();
    if (!type.ok()) return type.status();
    return of_type(*type, depth);
  }

  absl::StatusOr<Json> of_type(char type, int depth) {
    if (depth > kMaxDepth) return flaw(absl::StrCat("at most ", kMaxDepth, " levels of nesting"));
    if (const size_t size = size_of(type); size > 0) {
      if (size > left()) return flaw("a number, found the end of the file");
      return number(type);
    }
    switch (type) {
      case 'Z':
        return Json();
      case 'T':
        return Json(true);
      case 'F':
        return Json(false);
      case 'S': {
        absl::StatusOr<std::string> value = text();
        if (!value.ok()) return value.status();
        return Json(*std::move(value));
      }
      case '[':
        return array(depth);
      case '{':
        return object(depth);
      default:
        --at_;
        return flaw(absl::StrCat("a type marker, found 0x", absl::Hex(static_cast<uint8_t>(type), absl::kZeroPad2)));
    }
  }

  std::string_view bytes_;
  const std::string& name_;
  size_t at_ = 0;
};

}  // namespace

bool looks_like_ubjson(std::string_view head) {
  return head.size() >= 2 && head[0] == '{' && std::string_view("iUIlL#$N").find(head[1]) != std::string_view::npos;
}

absl::StatusOr<Json> parse_ubjson(std::string_view bytes, const std::string& name) {
  return Reader(bytes, name).document();
}

}  // namespace strobe::import
