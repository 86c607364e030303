#include "kernels/emulator/packed_words.h"

namespace strobe::emulator {

bool is_flipped(const IntegerGraph& graph, const Word& word, size_t part) {
  return word.bytes && word.parts[part] != kNoValue && graph.at(word.parts[part]).range.low < 0;
}

bool is_input_word(const IntegerGraph& graph, const Word& word) {
  if (word.bytes || word.parts[0] == kNoValue || word.parts[1] == kNoValue) return false;
  const IntegerNode& a = graph.at(word.parts[0]);
  const IntegerNode& b = graph.at(word.parts[1]);
  const auto plain = [&](const IntegerNode& n) { return n.op == IntegerOp::kInput && n.is_signed && n.width == 16; };
  return plain(a) && plain(b) && a.input == b.input && a.element % 2 == 0 && b.element == a.element + 1;
}

int32_t packed_weights(const IntegerGraph& graph, const IntegerNode& sum, const Word& word, Wide& bias) {
  uint32_t packed = 0;
  for (const IntegerTerm& t : graph.terms_of(sum)) {
    for (size_t p = 0; p < 4; ++p) {
      if (word.parts[p] != t.value) continue;
      const auto weight = static_cast<uint32_t>(static_cast<uint64_t>(t.weight)) & (word.bytes ? 0xffu : 0xffffu);
      packed |= weight << (word.bytes ? 8 * p : 16 * p);
      if (is_flipped(graph, word, p)) bias -= 128 * t.weight;
    }
  }
  return static_cast<int32_t>(packed);
}

}  // namespace strobe::emulator
