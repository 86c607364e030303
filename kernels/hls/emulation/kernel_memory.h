#pragma once

#include <stdint.h>
#include <string.h>

#include <vector>

#include "ap_int.h"

/// Between bytes of emulated card memory and the 512-bit words of a kernel compiled with g++.
namespace strobe_emulation {

/// Rows a call: streams between a kernel's processes then stay in the cache. A multiple of 64, so that a call starts at
/// a whole word whatever the size of a row.
constexpr uint32_t kRowsACall = 256;

class Words {
 public:
  /// Takes a copy; bytes beyond `bytes` in the last word are 0.
  void load(uint64_t address, uint64_t bytes) {
    resize(bytes);
    const unsigned char* from = reinterpret_cast<const unsigned char*>(static_cast<uintptr_t>(address));
    for (size_t i = 0; i < words_.size(); ++i, bytes -= 64) {
      words_[i] = ap_uint<512>(0);
      memcpy(words_[i].V.w, from + 64 * i, bytes < 64 ? bytes : 64);
    }
  }
  void store(uint64_t address, uint64_t bytes) const {
    unsigned char* to = reinterpret_cast<unsigned char*>(static_cast<uintptr_t>(address));
    for (size_t i = 0; i < words_.size(); ++i, bytes -= 64) memcpy(to + 64 * i, words_[i].V.w, bytes < 64 ? bytes : 64);
  }
  void resize(uint64_t bytes) { words_.resize((bytes + 63) / 64); }
  ap_uint<512>* data() { return words_.data(); }

 private:
  std::vector<ap_uint<512>> words_;
};

/// The forest that a compute unit was last started with (kernels/layers/forest_engine/forest_image.h): copied anew when
/// the card's memory holds one with another hash. One a thread, which is one a compute unit.
class ForestWords {
 public:
  const ap_uint<512>* at(uint64_t address) {
    const unsigned char* from = reinterpret_cast<const unsigned char*>(static_cast<uintptr_t>(address));
    uint64_t hash = 0;
    uint32_t count = 0;
    memcpy(&hash, from + 8, sizeof hash);
    memcpy(&count, from + 16, sizeof count);
    if (hash != hash_) words_.load(address, 64ull * count);
    hash_ = hash;
    return words_.data();
  }

 private:
  uint64_t hash_ = 0;
  Words words_;
};

}  // namespace strobe_emulation
