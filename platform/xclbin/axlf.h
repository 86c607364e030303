#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

/// The container format itself, written down here so that strobe reads and writes xclbins on machines without XRT.
/// Field positions are those of XRT's <xclbin.h>; a test compares them where XRT is installed.
namespace strobe::xclbin::axlf {

enum Section : uint32_t {
  kBitstream = 0,
  kEmbeddedMetadata = 2,
  kMemTopology = 6,
  kConnectivity = 7,
  kIpLayout = 8,
  kBuildMetadata = 14,
  kUserMetadata = 16,
};
inline constexpr uint32_t kMaxKnownSection = 31;

enum Mode : uint16_t { kFlat = 0, kPartial = 1, kHwEmu = 4, kSwEmu = 5, kHwEmuPartial = 6, kModeEnd = 7 };

inline constexpr std::string_view kMagic{"xclbin2\0", 8};
inline constexpr size_t kHeaderEnd = 456;  ///< where the first section header begins
inline constexpr size_t kSectionHeaderSize = 40;
inline constexpr size_t kMaxSections = 1024;  ///< the format allows 65536; no tool writes more than a few dozen
inline constexpr size_t kMemDataSize = 40, kMemDataStart = 8, kConnectionSize = 12, kConnectionStart = 4;
inline constexpr size_t kIpDataSize = 80, kIpDataStart = 8, kIpNameSize = 64, kTagSize = 16;
inline constexpr size_t kVbnvSize = 64;
inline constexpr uint32_t kIpKernel = 1, kIpControlShift = 8, kIpControlMask = 0xFF00, kIpInterruptEnable = 1;

/// Byte positions of the header's fields that strobe uses.
inline constexpr size_t kSignatureLengthAt = 8, kReservedAt = 12, kUniqueIdAt = 296, kLengthAt = 304, kPatchAt = 328,
                        kMajorAt = 330, kMinorAt = 331, kModeAt = 332, kVbnvAt = 352, kUuidAt = 416,
                        kSectionCountAt = 448;

struct SectionView {
  uint32_t kind = 0;
  uint64_t offset = 0;
  std::string_view data;
};

struct File {
  uint16_t mode = 0;
  std::string vbnv;
  std::array<uint8_t, 16> uuid{};
  std::vector<SectionView> sections;

  /// The first section of a kind.
  std::optional<std::string_view> find(Section kind) const;
};

/// Little-endian numbers at a place that the caller has checked.
uint16_t get16(std::string_view bytes, size_t at);
uint32_t get32(std::string_view bytes, size_t at);
uint64_t get64(std::string_view bytes, size_t at);
void put16(std::string& bytes, size_t at, uint16_t value);
void put32(std::string& bytes, size_t at, uint32_t value);
void put64(std::string& bytes, size_t at, uint64_t value);

/// Text of at most `size` bytes up to its first zero byte.
std::string get_text(std::string_view bytes, size_t at, size_t size);

/// Header and section table; every section lies inside the file afterwards.
absl::StatusOr<File> parse(std::string_view bytes);

/// A UUID (version 8: own scheme) from the digest of the file with the UUID's and the unique id's own bytes taken as
/// zero.
std::array<uint8_t, 16> digest_uuid(std::string_view bytes);

/// Whether `write` made this file, so that its UUID must be its digest.
bool made_by_strobe(const File& file);

/// What BUILD_METADATA of a file made by `write` begins with.
inline constexpr std::string_view kMaker = "{\"build_metadata\":{\"generated_by\":{\"name\":\"strobe\"";

std::string_view section_name(uint32_t kind);

}  // namespace strobe::xclbin::axlf
