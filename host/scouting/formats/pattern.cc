#include <cstring>

#include "host/scouting/formats/answers.h"
#include "host/scouting/formats/framings.h"
#include "host/scouting/formats/pattern_text.h"
#include "host/scouting/formats/tables.h"

namespace strobe::scouting {
namespace {

constexpr size_t kLongestLine = size_t{1} << 16;
/// An orbit of 128 links of 64 bit takes 3564 lines of 2.4 to 3.0 kB.
constexpr size_t kLongestOrbit = size_t{16} << 20;

/// A line at the front of some text.
struct Line {
  std::string_view text;  ///< without the line feed
  size_t bytes = 0;       ///< with it
};

class PatternDecoder final : public Decoder {
 public:
  explicit PatternDecoder(const DecoderOptions& options) : options_(options) {}

  const SourceFormat& format() const override { return kPattern; }
  size_t longest_bytes() const override { return kLongestOrbit; }

  Decoded decode(std::span<const std::byte> bytes, bool at_end, SourceOrbit& orbit) override {
    begin_orbit(kPattern, orbit);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const std::optional<Line> line = front_line(text, at_end);
    if (!line) {
      if (text.size() < kLongestLine) return need_more();
      return bad(text.size(), Fault::kBadHeader, absl::StrCat("a line of more than ", kLongestLine, " characters"));
    }
    if (!pattern::is_frame(line->text)) return header_lines(text, at_end);
    const auto number = pattern::frame_number(line->text);
    if (!number || *number / kCrossingsPerOrbit > ~uint32_t{0}) {
      return bad(line->bytes, Fault::kBadHeader, absl::StrCat("a frame without a number: '", excerpt(*line), "'"));
    }
    return decode_frames(text, at_end, *number / kCrossingsPerOrbit, orbit);
  }

 private:
  static std::string excerpt(const Line& line) { return std::string(line.text.substr(0, 60)); }

  static std::optional<Line> front_line(std::string_view text, bool at_end) {
    const void* const feed = text.empty() ? nullptr : std::memchr(text.data(), '\n', text.size());
    if (feed != nullptr) {
      const size_t size = static_cast<size_t>(static_cast<const char*>(feed) - text.data());
      return Line{text.substr(0, size), size + 1};
    }
    if (!at_end || text.empty()) return std::nullopt;
    return Line{text, text.size()};
  }

  /// All header lines at the front; the first that is not known is bad by itself.
  Decoded header_lines(std::string_view text, bool at_end) {
    size_t taken = 0;
    while (const auto line = front_line(text.substr(taken), at_end)) {
      if (pattern::is_frame(line->text)) break;
      if (!pattern::read_header_line(line->text, header_)) {
        if (taken > 0) break;
        return bad(line->bytes, Fault::kBadHeader,
                   absl::StrCat("expected a header line or 'Frame', found '", excerpt(*line), "'"));
      }
      taken += line->bytes;
    }
    return nothing(taken);
  }

  /// Bytes of the frames at the front that belong to orbit `number`; nothing if its end is not seen yet.
  static std::optional<size_t> frames_size(std::string_view text, bool at_end, uint64_t number) {
    size_t taken = 0;
    while (true) {
      const auto line = front_line(text.substr(taken), at_end);
      if (!line) break;
      if (!pattern::is_frame(line->text)) return taken;
      const auto frame = pattern::frame_number(line->text);
      if (frame && *frame / kCrossingsPerOrbit != number) return taken;
      taken += line->bytes;
      if (taken > kLongestOrbit) return taken;
    }
    if (at_end || text.size() >= kLongestOrbit) return taken;
    return std::nullopt;
  }

  Decoded decode_frames(std::string_view text, bool at_end, uint64_t number, SourceOrbit& orbit) {
    const std::optional<size_t> size = frames_size(text, at_end, number);
    if (!size) return need_more();
    orbit.number = static_cast<uint32_t>(number);
    for (size_t taken = 0; taken < *size;) {
      const Line line = *front_line(text.substr(taken, *size - taken), true);
      append_frame(line, orbit);
      taken += line.bytes;
    }
    orbit.crossings_in += orbit.crossings.size();
    if (orbit.crossings_in == 0) return nothing(*size);
    if (options_.columns) {
      Collection& links = orbit.collections[0];
      links.first.push_back(static_cast<uint32_t>(links.wide[0].size()));
    }
    return whole_orbit(*size, orbit);
  }

  void append_frame(const Line& line, SourceOrbit& orbit) {
    const auto drop = [&](Fault fault) {
      ++orbit.crossing_faults[static_cast<size_t>(fault)];
      ++orbit.crossings_in;
      const auto* begin = reinterpret_cast<const std::byte*>(line.text.data());
      keep_bad(orbit, fault, begin, begin + line.text.size());
    };
    const auto frame = pattern::frame_number(line.text);
    if (!frame || !pattern::read_frame(line.text, header_, words_)) return drop(Fault::kBadObject);
    uint32_t flags = 0;
    for (const pattern::Word& word : words_) flags |= word.flags;
    if ((flags & pattern::kValid) == 0) return;
    const auto crossing = static_cast<uint16_t>(*frame % kCrossingsPerOrbit);
    if (!orbit.crossings.empty() && crossing <= orbit.crossings.back()) return drop(Fault::kBadCrossing);
    orbit.crossings.push_back(crossing);
    if (!options_.columns) return;
    Collection& links = orbit.collections[0];
    links.first.push_back(static_cast<uint32_t>(links.wide[0].size()));
    for (const pattern::Word& word : words_) {
      links.wide[0].push_back(word.data);
      links.narrow[1].push_back(word.flags);
    }
  }

  const DecoderOptions options_;
  pattern::Header header_;
  std::vector<pattern::Word> words_;
};

}  // namespace

std::unique_ptr<Decoder> make_pattern_decoder(const SourceFormat&, const DecoderOptions& options) {
  return std::make_unique<PatternDecoder>(options);
}

}  // namespace strobe::scouting
