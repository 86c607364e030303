#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

/// The trigger's data formats as tables. One table drives decoding, documentation and the generator.
namespace strobe::scouting {

constexpr size_t kMostWords = 3;

/// The smallest machine type that holds a field: of columns in files and of vector code.
enum class FieldType : uint8_t { kInt8, kUint8, kInt16, kUint16 };

/// Some bits of an object's word.
struct Field {
  std::string_view name;  ///< "pt", "eta": as in selections, columns of files and docs
  uint8_t word = 0;       ///< index into the object's words
  uint8_t offset = 0;     ///< lowest bit
  uint8_t width = 0;      ///< at most 16
  bool is_signed = false;
  /// The physical value is scale * (raw + bias), in `unit`; scale 1 where the field is a plain number.
  double scale = 1, bias = 0;
  std::string_view unit;     ///< "GeV", "rad", "cm", or empty
  std::string_view meaning;  ///< for the documentation

  /// The smallest type that holds every raw value.
  constexpr FieldType type() const {
    if (is_signed) return width <= 8 ? FieldType::kInt8 : FieldType::kInt16;
    return width <= 8 ? FieldType::kUint8 : FieldType::kUint16;
  }
};

/// One kind of object: its words and their fields.
struct ObjectFormat {
  std::string_view name;               ///< "muon", "jet", "puppi"
  std::span<const uint8_t> word_bits;  ///< 32 or 64, in the order of the words
  std::span<const Field> fields;
  std::string_view summary;
  bool one_a_crossing = false;  ///< never more: selections need no index

  constexpr const Field* find(std::string_view field) const {
    for (const Field& each : fields) {
      if (each.name == field) return &each;
    }
    return nullptr;
  }
};

/// How the bytes of a stream are cut into orbits.
enum class Framing : uint8_t {
  kDmaPacket,    ///< Run 3: orbit header, a 192-byte block a crossing, trailer with bitmap, packet trailer
  kRawOrbit,     ///< CMSSW's orbit header, then a payload of zero-suppressed blocks; a file header may come first
  kEvents,       ///< Phase 2: 64-bit event header and its words, nothing between events
  kDthBlocks,    ///< Phase 2 events inside DTH's 8 kB blocks
  kPatternText,  ///< EMP, MP7 or APx test vectors: a valid frame is a crossing (frame number modulo 3564)
};

/// What one source sends: its objects, and how it is framed and known downstream.
struct SourceFormat {
  std::string_view name;  ///< as in configurations: "gmt", "gmt-zs", "calo", "puppi-dth"
  Framing framing;
  uint32_t source_id;  ///< CMS's number in the raw file
  std::span<const ObjectFormat* const> collections;
  std::string_view summary;
};

}  // namespace strobe::scouting
