#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

/// Lines of test-vector text: EMP v1 and v2, MP7, APx.
namespace strobe::scouting::pattern {

/// Flags of a link's word, as the second word of the collection `link` has them.
constexpr uint32_t kValid = 1, kEndOfPacket = 2, kStartOfPacket = 4, kStartOfOrbit = 8, kStrobe = 16;
constexpr unsigned kSidebandShift = 8, kLinkShift = 16;

constexpr size_t kMostLinks = 256;

/// One link's word in a frame.
struct Word {
  uint64_t data;
  uint32_t flags;
};

/// What stands once at a stream's start.
struct Header {
  std::vector<uint32_t> links;  ///< numbers of the columns; empty until they are known
  bool sideband = true;         ///< APx: each word has one
};

/// Whether a line is a frame (of EMP, MP7 or APx), and not part of a header.
bool is_frame(std::string_view line);
/// Takes what a header line says. False if it is none that is known.
bool read_header_line(std::string_view line, Header& header);
/// The number of a frame; none if it cannot be read.
std::optional<uint64_t> frame_number(std::string_view line);
/// A frame's words, one a link; false if the line is damaged. `words` is cleared first.
bool read_frame(std::string_view line, const Header& header, std::vector<Word>& words);

}  // namespace strobe::scouting::pattern
