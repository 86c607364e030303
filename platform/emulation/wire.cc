#include "platform/emulation/wire.h"

#include <cstring>

namespace strobe::emulation {
namespace {

enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

bool take_varint(std::string_view& bytes, uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (!(byte & 0x80)) return true;
  }
  return false;
}

bool take_fixed(std::string_view& bytes, size_t size, uint64_t& value) {
  if (bytes.size() < size) return false;
  value = 0;
  std::memcpy(&value, bytes.data(), size);
  bytes.remove_prefix(size);
  return true;
}

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

}  // namespace

std::optional<CallHeader> parse_call_header(std::string_view bytes) {
  CallHeader header;
  if (bytes.size() != kCallHeaderBytes || bytes[0] != 0x09 || bytes[9] != 0x15) return std::nullopt;
  std::memcpy(&header.size, bytes.data() + 1, 8);
  std::memcpy(&header.api, bytes.data() + 10, 4);
  return header;
}

std::string reply_header(uint64_t size) {
  std::string out(kReplyHeaderBytes, '\x09');
  std::memcpy(out.data() + 1, &size, 8);
  return out;
}

template <typename Visit>
void Message::walk(Visit visit) const {
  std::string_view rest = bytes_;
  while (!rest.empty()) {
    uint64_t key = 0, value = 0;
    if (!take_varint(rest, key)) return;
    std::string_view text;
    switch (key & 7) {
      case kVarint:
        if (!take_varint(rest, value)) return;
        break;
      case kFixed64:
        if (!take_fixed(rest, 8, value)) return;
        break;
      case kFixed32:
        if (!take_fixed(rest, 4, value)) return;
        break;
      case kBytes:
        if (!take_varint(rest, value) || value > rest.size()) return;
        text = rest.substr(0, value);
        rest.remove_prefix(value);
        break;
      default:
        return;
    }
    visit(static_cast<uint32_t>(key >> 3), value, text);
  }
}

uint64_t Message::number(uint32_t field) const {
  uint64_t found = 0;
  walk([&](uint32_t f, uint64_t value, std::string_view) {
    if (f == field) found = value;
  });
  return found;
}

std::string_view Message::text(uint32_t field) const {
  std::string_view found;
  walk([&](uint32_t f, uint64_t, std::string_view text) {
    if (f == field) found = text;
  });
  return found;
}

void put_number(std::string& message, uint32_t field, uint64_t value) {
  put_varint(message, field << 3 | kVarint);
  put_varint(message, value);
}

void put_bytes(std::string& message, uint32_t field, std::string_view value) {
  put_varint(message, field << 3 | kBytes);
  put_varint(message, value.size());
  message += value;
}

}  // namespace strobe::emulation
