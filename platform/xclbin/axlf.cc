#include "platform/xclbin/axlf.h"

#include <openssl/evp.h>

#include <cstring>

#include "absl/strings/str_cat.h"

namespace strobe::xclbin::axlf {
namespace {

template <typename T>
T get(std::string_view bytes, size_t at) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    value |= static_cast<T>(static_cast<T>(static_cast<uint8_t>(bytes[at + i])) << (8 * i));
  return value;
}

template <typename T>
void put(std::string& bytes, size_t at, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) bytes[at + i] = static_cast<char>(value >> (8 * i));
}

}  // namespace

uint16_t get16(std::string_view bytes, size_t at) { return get<uint16_t>(bytes, at); }
uint32_t get32(std::string_view bytes, size_t at) { return get<uint32_t>(bytes, at); }
uint64_t get64(std::string_view bytes, size_t at) { return get<uint64_t>(bytes, at); }
void put16(std::string& bytes, size_t at, uint16_t value) { put(bytes, at, value); }
void put32(std::string& bytes, size_t at, uint32_t value) { put(bytes, at, value); }
void put64(std::string& bytes, size_t at, uint64_t value) { put(bytes, at, value); }

std::string get_text(std::string_view bytes, size_t at, size_t size) {
  std::string_view text = bytes.substr(at, size);
  return std::string(text.substr(0, text.find('\0')));
}

std::optional<std::string_view> File::find(Section kind) const {
  for (const SectionView& section : sections) {
    if (section.kind == kind) return section.data;
  }
  return std::nullopt;
}

absl::StatusOr<File> parse(std::string_view bytes) {
  if (bytes.size() < kMagic.size() || bytes.substr(0, kMagic.size()) != kMagic) {
    return absl::InvalidArgumentError("not an xclbin: the file does not begin with \"xclbin2\"");
  }
  if (bytes.size() < kHeaderEnd) {
    return absl::DataLossError(
        absl::StrCat("xclbin is cut short: its header has ", kHeaderEnd, " bytes, the file ", bytes.size()));
  }
  const uint64_t length = get64(bytes, kLengthAt);
  if (length != bytes.size()) {
    return absl::DataLossError(absl::StrCat("xclbin is ", length > bytes.size() ? "cut short" : "longer than it says",
                                            ": its header gives ", length, " bytes, the file has ", bytes.size()));
  }
  const uint32_t count = get32(bytes, kSectionCountAt);
  if (count > kMaxSections || kHeaderEnd + count * kSectionHeaderSize > bytes.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("xclbin header gives ", count, " sections, which a file of ", bytes.size(), " bytes cannot hold"));
  }
  File file;
  file.mode = get16(bytes, kModeAt);
  if (file.mode >= kModeEnd)
    return absl::InvalidArgumentError(absl::StrCat("xclbin header has unknown mode ", file.mode));
  file.vbnv = get_text(bytes, kVbnvAt, kVbnvSize);
  std::memcpy(file.uuid.data(), bytes.data() + kUuidAt, file.uuid.size());
  for (uint32_t i = 0; i < count; ++i) {
    const size_t at = kHeaderEnd + i * kSectionHeaderSize;
    SectionView section;
    section.kind = get32(bytes, at);
    section.offset = get64(bytes, at + 24);
    const uint64_t size = get64(bytes, at + 32);
    if (section.offset > bytes.size() || size > bytes.size() - section.offset) {
      return absl::DataLossError(absl::StrCat("xclbin section ", std::string(section_name(section.kind)),
                                              " reaches from ", section.offset, " over ", size,
                                              " bytes, beyond the file's ", bytes.size()));
    }
    section.data = bytes.substr(section.offset, size);
    file.sections.push_back(section);
  }
  return file;
}

std::array<uint8_t, 16> digest_uuid(std::string_view bytes) {
  static constexpr char kZero[24] = {};
  std::array<uint8_t, EVP_MAX_MD_SIZE> digest{};
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestInit_ex(context, EVP_sha256(), nullptr);
  EVP_DigestUpdate(context, bytes.data(), kUniqueIdAt);
  EVP_DigestUpdate(context, kZero, 8);
  EVP_DigestUpdate(context, bytes.data() + kUniqueIdAt + 8, kUuidAt - kUniqueIdAt - 8);
  EVP_DigestUpdate(context, kZero, 16);
  EVP_DigestUpdate(context, bytes.data() + kUuidAt + 16, bytes.size() - kUuidAt - 16);
  EVP_DigestFinal_ex(context, digest.data(), nullptr);
  EVP_MD_CTX_free(context);
  std::array<uint8_t, 16> uuid{};
  std::memcpy(uuid.data(), digest.data(), uuid.size());
  uuid[6] = static_cast<uint8_t>((uuid[6] & 0x0F) | 0x80);
  uuid[8] = static_cast<uint8_t>((uuid[8] & 0x3F) | 0x80);
  return uuid;
}

bool made_by_strobe(const File& file) {
  auto build = file.find(kBuildMetadata);
  return build && build->substr(0, kMaker.size()) == kMaker;
}

std::string_view section_name(uint32_t kind) {
  switch (kind) {
    case kBitstream:
      return "BITSTREAM";
    case kEmbeddedMetadata:
      return "EMBEDDED_METADATA";
    case kMemTopology:
      return "MEM_TOPOLOGY";
    case kConnectivity:
      return "CONNECTIVITY";
    case kIpLayout:
      return "IP_LAYOUT";
    case kBuildMetadata:
      return "BUILD_METADATA";
    case kUserMetadata:
      return "USER_METADATA";
    default:
      return "of another kind";
  }
}

}  // namespace strobe::xclbin::axlf
