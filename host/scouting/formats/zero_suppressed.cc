#include "host/scouting/formats/zero_suppressed.h"

#include "host/scouting/formats/answers.h"
#include "host/scouting/formats/calo_objects.h"
#include "host/scouting/formats/gmt_blocks.h"
#include "host/scouting/formats/tables.h"

namespace strobe::scouting {
namespace {

constexpr size_t kHeaderWords = 3;  // header, crossing, orbit
/// Stubs and towers have no bound of their own; a whole orbit with 200 towers in every crossing stays below this.
constexpr size_t kLongestOpenPayload = size_t{4} << 20;

std::optional<ZeroSuppressedBlock> with_header(std::span<const std::byte> bytes, uint32_t count_mask,
                                               size_t object_bytes) {
  if (bytes.size() < 4 * kHeaderWords) return std::nullopt;
  const size_t count = load<uint32_t>(bytes.data()) & count_mask;
  const size_t size = 4 * kHeaderWords + count * object_bytes;
  if (size > bytes.size()) return std::nullopt;
  return ZeroSuppressedBlock{size, load<uint32_t>(bytes.data() + 4), load<uint32_t>(bytes.data() + 8),
                             bytes.data() + 4 * kHeaderWords, count};
}

std::optional<ZeroSuppressedBlock> read_muons(std::span<const std::byte> bytes) {
  if (bytes.size() < 4 * kHeaderWords) return std::nullopt;
  const uint32_t header = load<uint32_t>(bytes.data());
  const size_t count = (header >> 16 & 0xF) + (header & 0xF);
  const size_t size = kBlockHeaderBytes + count * kMuonBytes;
  if (size > bytes.size()) return std::nullopt;
  return ZeroSuppressedBlock{size, load<uint32_t>(bytes.data() + 4), load<uint32_t>(bytes.data() + 8),
                             bytes.data() + kBlockHeaderBytes, count};
}

std::optional<ZeroSuppressedBlock> read_calo(std::span<const std::byte> bytes) {
  if (bytes.size() < 4 * kCaloPayloadWords) return std::nullopt;
  return ZeroSuppressedBlock{4 * kCaloPayloadWords, load<uint32_t>(bytes.data() + 4), load<uint32_t>(bytes.data() + 8),
                             bytes.data() + 4 * kHeaderWords, kCaloLinks};
}

std::optional<ZeroSuppressedBlock> read_sums(std::span<const std::byte> bytes) {
  constexpr size_t kBytes = 4 * (2 + kCaloSums);
  if (bytes.size() < kBytes) return std::nullopt;
  return ZeroSuppressedBlock{kBytes, load<uint32_t>(bytes.data()), load<uint32_t>(bytes.data() + 4), bytes.data() + 8,
                             kCaloSums};
}

std::optional<ZeroSuppressedBlock> read_counted_byte(std::span<const std::byte> bytes) {
  return with_header(bytes, 0xFF, sizeof(uint32_t));
}
std::optional<ZeroSuppressedBlock> read_counted(std::span<const std::byte> bytes) {
  return with_header(bytes, ~0u, sizeof(uint32_t));
}
std::optional<ZeroSuppressedBlock> read_stubs(std::span<const std::byte> bytes) {
  return with_header(bytes, ~0u, sizeof(uint64_t));
}

void append_muons(const ZeroSuppressedBlock& block, SourceOrbit& orbit) {
  Collection& muons = orbit.collections[0];
  const size_t size = muons.narrow[0].size();
  muons.first.push_back(static_cast<uint32_t>(size));
  for (size_t word = 0; word < 3; ++word) {
    muons.narrow[word].resize(size + block.count);
    uint32_t* const column = muons.narrow[word].data() + size;
    for (size_t i = 0; i < block.count; ++i) column[i] = load<uint32_t>(block.objects + kMuonBytes * i + 4 * word);
  }
}

template <typename Word>
void append_words(const ZeroSuppressedBlock& block, SourceOrbit& orbit) {
  Collection& objects = orbit.collections[0];
  auto& column = [&]() -> Buffer<Word>& {
    if constexpr (sizeof(Word) == 8)
      return objects.wide[0];
    else
      return objects.narrow[0];
  }();
  const size_t size = column.size();
  objects.first.push_back(static_cast<uint32_t>(size));
  column.resize(size + block.count);
  if (block.count > 0) std::memcpy(column.data() + size, block.objects, block.count * sizeof(Word));
}

void append_calo_links(const ZeroSuppressedBlock& block, SourceOrbit& orbit) {
  CaloWords words;
  for (size_t link = 0; link < kCaloLinks; ++link) {
    std::memcpy(words[link].data(), block.objects + 4 * (link * (1 + kCaloWordsPerLink) + 1), 4 * kCaloWordsPerLink);
  }
  reserve_calo(orbit, kMostCrossings);
  append_calo(words, orbit);
}

void append_sums(const ZeroSuppressedBlock& block, SourceOrbit& orbit) {
  for (size_t i = 0; i < kCaloSums; ++i) {
    Collection& sum = orbit.collections[i];
    sum.first.push_back(static_cast<uint32_t>(sum.narrow[0].size()));
    sum.narrow[0].push_back(load<uint32_t>(block.objects + 4 * i));
  }
}

/// Ends the crossing tables of collections that have one word.
void finish_tables(SourceOrbit& orbit) {
  for (Collection& objects : orbit.collections) {
    const size_t count = objects.format->word_bits[0] == 64 ? objects.wide[0].size() : objects.narrow[0].size();
    objects.first.push_back(static_cast<uint32_t>(count));
  }
}

}  // namespace

ZeroSuppressedLayout zero_suppressed_layout(const SourceFormat& format) {
  const auto orbit_of = [](size_t block) { return 4 + kMostCrossings * block; };
  if (&format == &kGmtZs) {
    // The header's two counts of four bits go to 30, though a block has 16 lanes.
    return {read_muons, append_muons, finish_tables, orbit_of(kBlockHeaderBytes + 30 * kMuonBytes)};
  }
  if (&format == &kCaloZs) {
    return {read_calo, append_calo_links, finish_tables, orbit_of(4 * kCaloPayloadWords)};
  }
  if (&format == &kSumZs) return {read_sums, append_sums, finish_tables, orbit_of(4 * (2 + kCaloSums))};
  if (&format == &kStubZs) return {read_stubs, append_words<uint64_t>, finish_tables, kLongestOpenPayload};
  if (&format == &kTowerZs) return {read_counted, append_words<uint32_t>, finish_tables, kLongestOpenPayload};
  return {read_counted_byte, append_words<uint32_t>, finish_tables, orbit_of(4 * (kHeaderWords + 255))};
}

}  // namespace strobe::scouting
