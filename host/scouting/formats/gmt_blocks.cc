#include "host/scouting/formats/gmt_blocks-inl.h"

namespace strobe::scouting {
namespace {

/// One block, word by word.
class ScalarBlock {
 public:
  explicit ScalarBlock(const std::byte* from) { std::memcpy(words_, from, kBlockBytes); }

  bool agrees(uint32_t number) const {
    uint32_t difference = 0;
    for (int link = 0; link < 8; ++link) {
      difference |= (words_[link] ^ number) & kOrbitMask;
      difference |= (words_[8 + link] ^ words_[8]) & kCrossingMask;
    }
    return difference == 0;
  }
  uint32_t crossing() const { return words_[8] & kCrossingMask; }
  uint32_t mask() const {
    uint32_t mask = 0;
    for (uint32_t lane = 0; lane < kMuonsPerBlock; ++lane) {
      mask |= static_cast<uint32_t>((words_[place(lane)] & kPtMask) != 0) << lane;
    }
    return mask;
  }
  void columns(uint32_t present, uint32_t* f, uint32_t* s, uint32_t* extra) const {
    for (; present != 0; present &= present - 1) {
      const uint32_t lane = static_cast<uint32_t>(__builtin_ctz(present));
      *f++ = words_[place(lane)];
      *s++ = words_[place(lane) + 8];
      *extra++ = extra_word(lane);
    }
  }
  void payload(uint32_t present, std::byte* to) const {
    for (; present != 0; present &= present - 1, to += kMuonBytes) {
      const uint32_t lane = static_cast<uint32_t>(__builtin_ctz(present));
      store(to, words_[place(lane)]);
      store(to + 4, words_[place(lane) + 8]);
      store(to + 8, extra_word(lane));
    }
  }

 private:
  /// Word f of a lane: mu1f at 16, mu2f at 32; word s is 8 further.
  static uint32_t place(uint32_t lane) { return 16 + lane + (lane & 8); }
  uint32_t extra_word(uint32_t lane) const { return (words_[8 + (lane & 7)] & ~1u) | lane >> 3; }

  uint32_t words_[kBlockBytes / 4];
};

}  // namespace

GmtBlocks gmt_blocks_scalar(bool columns, bool payload) { return choose<ScalarBlock>(columns, payload); }

}  // namespace strobe::scouting
