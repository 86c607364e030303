#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace strobe::scouting {

/// The longest name of a source, a model, a list or a value.
constexpr size_t kLongestName = 64;

/// `text` as messages quote it: at most `most` bytes of it, and "..." where that is not all. Never half a UTF-8
/// character.
inline std::string shortened(std::string_view text, size_t most = 80) {
  if (text.size() <= most) return std::string(text);
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
  while (most > 0 && continues(text[most])) --most;
  return std::string(text.substr(0, most)) + "...";
}

}  // namespace strobe::scouting
