#include "host/scouting/formats/pattern_text.h"

#include <array>

namespace strobe::scouting::pattern {
namespace {

constexpr std::array<int8_t, 256> kHexDigits = [] {
  std::array<int8_t, 256> digits{};
  for (auto& digit : digits) digit = -1;
  for (int i = 0; i < 10; ++i) digits['0' + i] = static_cast<int8_t>(i);
  for (int i = 0; i < 6; ++i) digits['a' + i] = digits['A' + i] = static_cast<int8_t>(10 + i);
  return digits;
}();

int hex_digit(char c) { return kHexDigits[static_cast<unsigned char>(c)]; }

/// Reads a line from its front.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  void skip_blanks() {
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\t' || text_[0] == '\r')) text_.remove_prefix(1);
  }
  bool at_end() {
    skip_blanks();
    return text_.empty();
  }
  bool take(std::string_view word) {
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  std::string_view token() {
    skip_blanks();
    const std::string_view token = text_.substr(0, text_.find_first_of(" \t\r"));
    text_.remove_prefix(token.size());
    return token;
  }
  std::optional<uint64_t> decimal() {
    skip_blanks();
    uint64_t value = 0;
    size_t digits = 0;
    for (; digits < text_.size() && text_[digits] >= '0' && text_[digits] <= '9'; ++digits) {
      value = value * 10 + static_cast<uint64_t>(text_[digits] - '0');
    }
    if (digits == 0 || digits > 15) return std::nullopt;
    text_.remove_prefix(digits);
    return value;
  }
  /// Of one to sixteen digits, ending at a blank or the line's end.
  std::optional<uint64_t> hex() {
    uint64_t value = 0;
    size_t digits = 0;
    for (; digits < text_.size() && hex_digit(text_[digits]) >= 0; ++digits) {
      value = value << 4 | static_cast<uint64_t>(hex_digit(text_[digits]));
    }
    if (digits == 0 || digits > 16) return std::nullopt;
    text_.remove_prefix(digits);
    if (!text_.empty() && text_[0] != ' ' && text_[0] != '\t' && text_[0] != '\r') return std::nullopt;
    return value;
  }
  std::optional<uint32_t> bit() {
    if (text_.empty() || (text_[0] != '0' && text_[0] != '1')) return std::nullopt;
    const uint32_t value = text_[0] == '1';
    text_.remove_prefix(1);
    return value;
  }

 private:
  std::string_view text_;
};

std::string_view trimmed(std::string_view line) {
  const size_t begin = line.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1);
}

/// "1v0123456789abcdef", the strobe "1s" before it where there is one. EMP v1, and MP7 with half as many digits.
std::optional<Word> colon_word(Cursor& at) {
  uint32_t flags = 0;
  auto first = at.bit();
  if (!first) return std::nullopt;
  if (at.take("s")) {
    flags = *first * kStrobe;
    first = at.bit();
    if (!first) return std::nullopt;
  }
  if (!at.take("v")) return std::nullopt;
  const auto data = at.hex();
  if (!data) return std::nullopt;
  return Word{*data, flags | *first * kValid};
}

/// "1101 0123456789abcdef": flags as the line "Metadata" names them, the last one is valid. EMP v2.
std::optional<Word> flagged_word(Cursor& at) {
  const std::string_view bits = at.token();
  if (bits.size() < 4 || bits.size() > 5) return std::nullopt;
  uint32_t flags = 0;
  for (const char bit : bits) {
    if (bit != '0' && bit != '1') return std::nullopt;
    flags = flags << 1 | static_cast<uint32_t>(bit == '1');
  }
  at.skip_blanks();
  const auto data = at.hex();
  if (!data) return std::nullopt;
  return Word{*data, flags};
}

/// "0x01 0x0123456789abcdef"; without a sideband every word is valid. APx.
std::optional<Word> sideband_word(Cursor& at, bool sideband) {
  uint32_t flags = kValid;
  if (sideband) {
    if (!at.take("0x")) return std::nullopt;
    const auto bits = at.hex();
    if (!bits || *bits > 0xFF) return std::nullopt;
    flags = static_cast<uint32_t>(*bits << kSidebandShift | (*bits & kValid));
    at.skip_blanks();
  }
  if (!at.take("0x")) return std::nullopt;
  const auto data = at.hex();
  if (!data) return std::nullopt;
  return Word{*data, flags};
}

bool read_links(Cursor at, Header& header) {
  std::vector<uint32_t> links;
  while (!at.at_end()) {
    const auto link = at.decimal();
    if (!link || *link > 0xFFFF || links.size() == kMostLinks) return false;
    links.push_back(static_cast<uint32_t>(*link));
  }
  header.links = std::move(links);
  return true;
}

/// "#LinkLabel LINK_00 LINK_01": the numbers at the labels' ends, or the columns' places.
bool read_labels(Cursor at, Header& header) {
  std::vector<uint32_t> links;
  while (!at.at_end()) {
    const std::string_view label = at.token();
    size_t digits = label.size();
    while (digits > 0 && label[digits - 1] >= '0' && label[digits - 1] <= '9') --digits;
    const auto number = Cursor(label.substr(digits)).decimal();
    if (links.size() == kMostLinks) return false;
    links.push_back(number && *number <= 0xFFFF ? static_cast<uint32_t>(*number) : static_cast<uint32_t>(links.size()));
  }
  header.links = std::move(links);
  return true;
}

}  // namespace

bool is_frame(std::string_view line) {
  line = trimmed(line);
  return line.starts_with("Frame") || line.starts_with("0x");
}

bool read_header_line(std::string_view line, Header& header) {
  line = trimmed(line);
  Cursor at(line);
  if (at.take("Board") || at.take("ID:")) {
    header = Header{};
    return true;
  }
  if (at.take("Link")) {
    at.skip_blanks();
    at.take(":");
    return read_links(at, header);
  }
  if (at.take("#LinkLabel")) return read_labels(at, header);
  if (at.take("#Sideband")) {
    const std::string_view state = at.token();
    header = Header{.sideband = state == "ON" || state == "on"};
    return header.sideband || state == "OFF" || state == "off";
  }
  return line.empty() || line.starts_with("Quad/Chan") || line.starts_with("Metadata") || line.starts_with("#");
}

std::optional<uint64_t> frame_number(std::string_view line) {
  Cursor at(trimmed(line));
  if (at.take("0x")) return at.hex();
  if (!at.take("Frame")) return std::nullopt;
  return at.decimal();
}

bool read_frame(std::string_view line, const Header& header, std::vector<Word>& words) {
  words.clear();
  Cursor at(trimmed(line));
  const bool apx = at.take("0x");
  if (apx ? !at.hex() : !(at.take("Frame") && at.decimal())) return false;
  at.skip_blanks();
  const bool colon = at.take(":");
  while (!at.at_end()) {
    const auto word = apx ? sideband_word(at, header.sideband) : colon ? colon_word(at) : flagged_word(at);
    if (!word || words.size() == kMostLinks) return false;
    const size_t place = words.size();
    const uint32_t link = place < header.links.size() ? header.links[place] : static_cast<uint32_t>(place);
    words.push_back({word->data, word->flags | link << kLinkShift});
  }
  return !words.empty() && (header.links.empty() || header.links.size() == words.size());
}

}  // namespace strobe::scouting::pattern
