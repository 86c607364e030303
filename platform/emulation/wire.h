#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The little of protobuf's encoding that XRT's emulation messages use. Written by hand: the model is started for every
/// device, and linking protobuf would cost it more time than all its messages.
namespace strobe::emulation {

inline constexpr size_t kCallHeaderBytes = 14, kReplyHeaderBytes = 9;

struct CallHeader {
  uint64_t size = 0;
  uint32_t api = 0;
};

/// size = 1: fixed64, xcl_api = 2: fixed32. Nullopt where the bytes are something else.
std::optional<CallHeader> parse_call_header(std::string_view bytes);
std::string reply_header(uint64_t size);

/// Reads fields of one message; a later field of the same number wins, unknown ones are passed over.
class Message {
 public:
  explicit Message(std::string_view bytes) : bytes_(bytes) {}
  uint64_t number(uint32_t field) const;
  std::string_view text(uint32_t field) const;

 private:
  template <typename Visit>
  void walk(Visit visit) const;
  std::string_view bytes_;
};

void put_number(std::string& message, uint32_t field, uint64_t value);
void put_bytes(std::string& message, uint32_t field, std::string_view value);

}  // namespace strobe::emulation
