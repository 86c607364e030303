#pragma once

#include "kernels/emulator/dots.h"
#include "kernels/emulator/integer_graph.h"

/// How the values that a tile multiplies lie side by side in words.
namespace strobe::emulator {

/// Whether a part is stored with its sign flipped, so that it is a byte without a sign, 128 too large.
bool is_flipped(const IntegerGraph& graph, const Word& word, size_t part);

/// Two neighbouring inputs of 16 bits are a word as they come.
bool is_input_word(const IntegerGraph& graph, const Word& word);

/// The weights of a word's parts side by side. Flipped bytes are 128 too large, which the bias takes back.
int32_t packed_weights(const IntegerGraph& graph, const IntegerNode& sum, const Word& word, Wide& bias);

}  // namespace strobe::emulator
