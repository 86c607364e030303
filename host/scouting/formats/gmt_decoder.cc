#include "host/scouting/formats/dma_decoder.h"
#include "host/scouting/formats/longest_ascending.h"
#include "host/scouting/formats/tables.h"

namespace strobe::scouting::dma {
namespace {

/// Why a block cannot be kept, if so.
std::optional<Fault> fault_of(const std::byte* block, uint32_t number, const std::byte* trailer) {
  const uint32_t crossing = load<uint32_t>(block + 32) & kCrossingMask;
  if (words_equal(block + 32, crossing, kCrossingMask) != 8) return Fault::kCrossingMismatch;
  if (words_equal(block, number, kOrbitMask) != 8) return Fault::kOrbitMismatch;
  if (crossing > kHighestCrossing) return Fault::kBadCrossing;
  const uint32_t word = load<uint32_t>(trailer + kMarkerBytes + 4 * (crossing / 32));
  if ((word >> (crossing % 32) & 1) == 0) return Fault::kBitmapMismatch;
  return std::nullopt;
}

class GmtDecoder final : public PacketDecoder {
 public:
  GmtDecoder(const DecoderOptions& options, GmtBlocks blocks)
      : PacketDecoder(kGmt, options), blocks_(blocks), one_(gmt_blocks_scalar(options.columns, options.payload)) {}

 protected:
  const std::byte* fast(const std::byte* begin, const std::byte* end, size_t done, uint32_t number,
                        SourceOrbit& orbit) override {
    if (done == 0) prepare(orbit);
    return blocks_(begin + done, end, number, output_);
  }

  bool finish_fast(const std::byte* trailer, SourceOrbit& orbit) override {
    if (std::memcmp(output_.seen, trailer + kMarkerBytes, kBitmapBytes) != 0) return false;
    complete(orbit);
    return true;
  }

  Decoded careful(Span blocks, uint32_t number, SourceOrbit& orbit) override {
    prepare(orbit);
    const std::vector<uint32_t> expected = bitmap_crossings(blocks.end);
    std::vector<const std::byte*> believed = believe(blocks, number, expected, orbit);
    for (const std::byte* block : believed) one_(block, block + kBlockBytes, number, output_);
    complete(orbit);
    if (expected.size() > blocks.blocks()) {
      orbit.crossing_faults[static_cast<size_t>(Fault::kBitmapMismatch)] += expected.size() - blocks.blocks();
    }
    orbit.crossings_in = std::max(expected.size(), blocks.blocks());
    return whole_orbit(0, orbit);
  }

  Start starts_at(const std::byte* at, const std::byte* end, uint32_t) const override {
    if (end - at < 8) return Start::kUnknown;
    if (is_packet_trailer(at)) return Start::kYes;
    if (end - at < static_cast<ptrdiff_t>(2 * kHeaderBytes)) return starts_as_far_as_seen(at, end);
    if (is_marker(at + kHeaderBytes)) return is_empty(at + kHeaderBytes, end);
    // Absent muons are zeros, which would pass for orbit 0 anywhere.
    const uint32_t number = orbit_number(at);
    return number != 0 && majority(at + kHeaderBytes, kOrbitMask) == number ? Start::kYes : Start::kNo;
  }

  const std::byte* find_start(const std::byte* begin, const std::byte* trailer) const override;
  uint32_t believed_number(const std::byte* header, Span blocks) const override;

 private:
  /// The same where fewer than the first block's eight orbit words are there.
  static Start starts_as_far_as_seen(const std::byte* at, const std::byte* end) {
    size_t words = 0, equal = 0;
    for (const std::byte* word = at + kHeaderBytes; end - word >= 4; word += 4) {
      ++words;
      equal += orbit_number(word) == orbit_number(at) || load<uint32_t>(word) == kMarker;
    }
    return 2 * equal >= words ? Start::kUnknown : Start::kNo;
  }

  void prepare(SourceOrbit& orbit);
  void complete(SourceOrbit& orbit);
  static std::vector<const std::byte*> believe(Span blocks, uint32_t number, const std::vector<uint32_t>& expected,
                                               SourceOrbit& orbit);

  const GmtBlocks blocks_, one_;
  GmtOutput output_;
};

void GmtDecoder::prepare(SourceOrbit& orbit) {
  output_ = GmtOutput{};
  orbit.crossings.reserve(kMostCrossings);
  output_.crossings = orbit.crossings.data();
  if (options_.columns) {
    Collection& muons = orbit.collections[0];
    muons.first.reserve(kMostCrossings + 1);
    for (auto& column : muons.narrow) column.reserve(kMostCrossings * kMuonsPerBlock);
    output_.first = muons.first.data();
    output_.f = muons.narrow[0].data();
    output_.s = muons.narrow[1].data();
    output_.extra = muons.narrow[2].data();
  }
  if (options_.payload) {
    orbit.payload.reserve(4 + kMostCrossings * (kBlockHeaderBytes + kMuonsPerBlock * kMuonBytes));
    orbit.payload_first.reserve(kMostCrossings + 1);
    output_.payload = orbit.payload.data();
    output_.payload_first = orbit.payload_first.data();
    std::memcpy(output_.payload, &format_.source_id, 4);
    output_.payload_bytes = 4;
  }
}

void GmtDecoder::complete(SourceOrbit& orbit) {
  orbit.crossings.resize(output_.blocks);
  if (options_.columns) {
    Collection& muons = orbit.collections[0];
    muons.first.resize(output_.blocks + 1);
    muons.first.back() = output_.muons;
    for (auto& column : muons.narrow) column.resize(output_.muons);
  }
  if (options_.payload) {
    orbit.payload_first.resize(output_.blocks + 1);
    orbit.payload_first.back() = output_.payload_bytes;
    orbit.payload.resize(output_.payload_bytes);
  }
}

/// The blocks that are right in themselves and stand in the right order. Others are counted and kept in `orbit.bad`.
std::vector<const std::byte*> GmtDecoder::believe(Span blocks, uint32_t number, const std::vector<uint32_t>& expected,
                                                  SourceOrbit& orbit) {
  const auto drop = [&](const std::byte* block, Fault fault) {
    ++orbit.crossing_faults[static_cast<size_t>(fault)];
    keep_bad(orbit, fault, block, block + kBlockBytes);
  };
  std::vector<const std::byte*> right;
  std::vector<uint32_t> crossings, in_place;
  for (size_t i = 0; i < blocks.blocks(); ++i) {
    const std::byte* const block = blocks.begin + i * kBlockBytes;
    if (const auto fault = fault_of(block, number, blocks.end)) {
      drop(block, *fault);
      continue;
    }
    const uint32_t crossing = load<uint32_t>(block + 32) & kCrossingMask;
    // With as many blocks as bits, the i-th block must be the i-th bit's.
    if (expected.size() == blocks.blocks() && expected[i] == crossing) {
      in_place.push_back(static_cast<uint32_t>(right.size()));
    }
    right.push_back(block);
    crossings.push_back(crossing);
  }
  std::vector<uint32_t> chosen = longest_ascending(crossings);
  if (in_place.size() >= chosen.size()) chosen = in_place;
  std::vector<const std::byte*> believed;
  for (size_t i = 0, at = 0; i < right.size(); ++i) {
    if (at < chosen.size() && chosen[at] == i) {
      believed.push_back(right[i]);
      ++at;
    } else {
      drop(right[i], Fault::kBitmapMismatch);
    }
  }
  return believed;
}

/// Goes back from the trailer block by block for as long as they carry one orbit's number, to the header that has it.
const std::byte* GmtDecoder::find_start(const std::byte* begin, const std::byte* trailer) const {
  std::optional<uint32_t> number;
  for (const std::byte* at = trailer; at - begin >= static_cast<ptrdiff_t>(kHeaderBytes); at -= kBlockBytes) {
    const std::byte* const header = at - kHeaderBytes;
    if (!number && at != trailer) number = majority(at, kOrbitMask);
    const bool room = at - begin >= static_cast<ptrdiff_t>(kBlockBytes);
    const auto before = room ? majority(at - kBlockBytes, kOrbitMask) : std::nullopt;
    if (number && orbit_number(header) == *number && before != number) return header;
    if (at == trailer && !before && population(trailer) == 0) return header;
    if (!room) break;
  }
  return nullptr;
}

uint32_t GmtDecoder::believed_number(const std::byte* header, Span blocks) const {
  const uint32_t number = orbit_number(header);
  // A value that more than half of the blocks carry survives this vote (Boyer and Moore); the second pass checks it.
  uint32_t candidate = number;
  size_t votes = 0, agreeing = 0;
  const auto carried = [&](size_t i) { return majority(blocks.begin + i * kBlockBytes, kOrbitMask); };
  for (size_t i = 0; i < blocks.blocks(); ++i) {
    const auto value = carried(i);
    if (!value) continue;
    if (votes == 0) candidate = *value;
    votes = *value == candidate ? votes + 1 : votes - 1;
  }
  for (size_t i = 0; i < blocks.blocks(); ++i) agreeing += carried(i) == candidate;
  return 2 * agreeing > blocks.blocks() ? candidate : number;
}

}  // namespace

std::unique_ptr<Decoder> make_gmt_decoder(const DecoderOptions& options, GmtBlocks blocks) {
  return std::make_unique<GmtDecoder>(options, blocks);
}

}  // namespace strobe::scouting::dma
