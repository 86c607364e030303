#pragma once

#include "host/scouting/formats/decoder.h"
#include "host/scouting/formats/dma_packet.h"

namespace strobe::scouting::dma {

/// Cuts a stream of DMA packets into orbits. `decode` believes that all is right and lets `fast` find out; on any doubt
/// the packet goes through `recover` (dma_recovery.cc), which is slow and looks at every part. What differs between
/// muons and calorimeter stands in the functions below.
class PacketDecoder : public Decoder {
 public:
  PacketDecoder(const SourceFormat& format, const DecoderOptions& options) : format_(format), options_(options) {}

  const SourceFormat& format() const override { return format_; }
  Decoded decode(std::span<const std::byte> bytes, bool at_end, SourceOrbit& orbit) override;
  void expect_more() override { goes_on_ = true; }
  /// Twice the longest orbit: one that is damaged is told from the next one's trailer.
  size_t longest_bytes() const override { return 2 * kLongestOrbit; }

 protected:
  enum class Start : uint8_t { kNo, kYes, kUnknown };

  /// Decodes blocks from `begin` on until one is not right; returns where it stopped. The first `done` bytes of them
  /// the last call has decoded, and stopped there, with the same orbit.
  virtual const std::byte* fast(const std::byte* begin, const std::byte* end, size_t done, uint32_t number,
                                SourceOrbit& orbit) = 0;
  /// After `fast` stopped at an orbit trailer: whether the trailer's bitmap agrees. Completes the orbit if so.
  virtual bool finish_fast(const std::byte* trailer, SourceOrbit& orbit) = 0;
  /// Decodes block by block and drops what cannot be believed. `orbit` is empty. Not an orbit if nothing can be kept.
  virtual Decoded careful(Span blocks, uint32_t number, SourceOrbit& orbit) = 0;
  /// Whether an orbit (or a packet's trailer) may begin at `at`, after orbit `previous`.
  virtual Start starts_at(const std::byte* at, const std::byte* end, uint32_t previous) const = 0;
  /// Where the orbit begins whose trailer is at `trailer`, looked for from `begin`; null if that cannot be told.
  virtual const std::byte* find_start(const std::byte* begin, const std::byte* trailer) const = 0;
  /// The number that the blocks carry, where they do and most agree: better than a damaged header.
  virtual uint32_t believed_number(const std::byte* header, Span blocks) const = 0;

  /// Whether the trailer at `trailer`, right behind what would be a header, is one of an orbit without blocks: the last
  /// 32 bytes of a block stand before a trailer too.
  static Start is_empty(const std::byte* trailer, const std::byte* end) {
    if (end - trailer < static_cast<ptrdiff_t>(kMarkerBytes + kBitmapBytes)) return Start::kUnknown;
    return population(trailer) == 0 ? Start::kYes : Start::kNo;
  }

  const SourceFormat& format_;
  const DecoderOptions options_;

 private:
  bool goes_on_ = false;  ///< the next call has the bytes of the last one, and more
  size_t done_ = 0;       ///< bytes of blocks that the last call decoded before it needed more
  /// What follows an orbit's trailer.
  struct Tail {
    enum class Kind : uint8_t { kWhole, kNeedMore, kCut } kind;
    const std::byte* end = nullptr;  ///< of the orbit with its packet's trailer; for kCut, where the next orbit begins
    bool damaged = false;            ///< a packet trailer that is not quite one
  };
  Tail tail(const std::byte* trailer, const std::byte* end, bool at_end, uint32_t number) const;
  Tail look_for_cut(const std::byte* trailer, const Tail& whole, const std::byte* end, bool at_end) const;

  Decoded recover(std::span<const std::byte> bytes, bool at_end, SourceOrbit& orbit);
  Decoded recover_orbit(const std::byte* begin, const std::byte* trailer, const Tail& tail, SourceOrbit& orbit);
  Decoded without_trailer(std::span<const std::byte> bytes, bool at_end) const;
  Decoded lost(const std::byte* begin, const std::byte* end, const std::string& detail) const;
};

std::unique_ptr<Decoder> make_gmt_decoder(const DecoderOptions& options, GmtBlocks blocks);
std::unique_ptr<Decoder> make_calo_decoder(const DecoderOptions& options);

}  // namespace strobe::scouting::dma
