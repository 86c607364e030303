#include "host/scouting/generate/pattern_framer.h"

#include <array>
#include <charconv>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "host/scouting/generate/bytes.h"

namespace strobe::scouting {
namespace {

constexpr size_t kLinks = 4;

void put_text(const std::string& text, Buffer<std::byte>& bytes) { bytes.append(std::as_bytes(std::span(text))); }

/// "  11101 ffffffffffffffff": strobe, start of orbit, start and end of packet, valid; the word.
void put_word(uint32_t flags, uint64_t word, std::string& line) {
  constexpr char kDigits[] = "0123456789abcdef";
  line += "  ";
  for (int bit = 4; bit >= 0; --bit) line += (flags >> bit & 1) != 0 ? '1' : '0';
  line += ' ';
  for (int shift = 60; shift >= 0; shift -= 4) line += kDigits[word >> shift & 0xf];
}

class PatternFramer : public Framer {
 public:
  void preamble(Buffer<std::byte>& bytes) const override {
    std::string text =
        "ID: generated\nMetadata: (strobe, start of orbit, start of packet, end of packet, valid)\n\n      Link  ";
    for (size_t link = 0; link < kLinks; ++link) absl::StrAppendFormat(&text, "          %03d             ", link);
    put_text(text + "\n", bytes);
  }

  /// A line for each of the orbit's frames: where nothing collides, no link is valid.
  void append(const GeneratedOrbit& orbit, Packet& packet) const override {
    OrbitPlace place{.number = orbit.data.number, .begin = packet.bytes.size()};
    const Collection& links = orbit.data.collections[0];
    size_t c = 0;
    for (uint32_t crossing = 0; crossing < kCrossingsPerOrbit; ++crossing) {
      const bool is_sent = c < orbit.data.crossings.size() && orbit.data.crossings[c] == crossing;
      if (is_sent) place.blocks.push_back(static_cast<uint32_t>(packet.bytes.size()));
      std::string line = absl::StrFormat("Frame %04d  ", uint64_t{orbit.data.number} * kCrossingsPerOrbit + crossing);
      for (size_t link = 0; link < kLinks; ++link) {
        const size_t object = is_sent ? links.first[c] + link : 0;
        constexpr uint32_t kFlags = 0x1f, kStrobe = 0x10;
        put_word(is_sent ? links.narrow[1][object] & kFlags : kStrobe, is_sent ? links.wide[0][object] : 0, line);
      }
      put_text(line + "\n", packet.bytes);
      if (is_sent) ++c;
    }
    place.blocks.push_back(static_cast<uint32_t>(packet.bytes.size()));
    place.end = packet.bytes.size();
    packet.orbits.push_back(std::move(place));
  }

  bool renumbers() const override { return false; }
  void renumber(size_t, uint32_t, Packet&) const override {}
};

}  // namespace

std::unique_ptr<Framer> make_pattern_framer() { return std::make_unique<PatternFramer>(); }

}  // namespace strobe::scouting
