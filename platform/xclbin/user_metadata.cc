#include "absl/strings/str_cat.h"
#include "platform/xclbin/axlf.h"
#include "platform/xclbin/xclbin.h"

namespace strobe::xclbin {

absl::StatusOr<std::string> with_user_metadata(const std::string& image, std::string_view user_metadata) {
  auto file = axlf::parse(image);
  if (!file.ok()) return file.status();
  if (file->find(axlf::kUserMetadata)) {
    return absl::InvalidArgumentError("the xclbin has a USER_METADATA section already");
  }
  if (file->sections.size() + 1 > axlf::kMaxSections) {
    return absl::InvalidArgumentError(
        absl::StrCat("the xclbin has ", file->sections.size(), " sections; no room for one more"));
  }
  // The table grows by one header, so everything behind it moves by that much.
  const size_t table_end = axlf::kHeaderEnd + file->sections.size() * axlf::kSectionHeaderSize;
  std::string result =
      image.substr(0, table_end) + std::string(axlf::kSectionHeaderSize, '\0') + image.substr(table_end);
  for (size_t s = 0; s < file->sections.size(); ++s) {
    const size_t offset_at = axlf::kHeaderEnd + s * axlf::kSectionHeaderSize + axlf::kSectionHeaderSize - 16;
    axlf::put64(result, offset_at, axlf::get64(result, offset_at) + axlf::kSectionHeaderSize);
  }
  result.resize((result.size() + 7) / 8 * 8, '\0');
  axlf::put32(result, table_end, axlf::kUserMetadata);
  axlf::put64(result, table_end + axlf::kSectionHeaderSize - 16, result.size());
  axlf::put64(result, table_end + axlf::kSectionHeaderSize - 8, user_metadata.size());
  result += user_metadata;
  axlf::put32(result, axlf::kSectionCountAt, static_cast<uint32_t>(file->sections.size()) + 1);
  axlf::put64(result, axlf::kLengthAt, result.size());
  return result;
}

}  // namespace strobe::xclbin
