#include <xrt/experimental/xrt_xclbin.h>
#include <xrt/xclbin.h>

#include <cstddef>
#include <map>

#include "gtest/gtest.h"
#include "platform/xclbin/axlf.h"
#include "platform/xclbin/xclbin.h"
#include "tests/platform/xclbin/sample.h"

namespace strobe::xclbin {
namespace {

TEST(Format, IsWhatXrtsHeaderSays) {
  EXPECT_EQ(axlf::kSignatureLengthAt, offsetof(::axlf, m_signature_length));
  EXPECT_EQ(axlf::kReservedAt, offsetof(::axlf, reserved));
  EXPECT_EQ(axlf::kUniqueIdAt, offsetof(::axlf, m_uniqueId));
  EXPECT_EQ(axlf::kLengthAt, offsetof(::axlf, m_header.m_length));
  EXPECT_EQ(axlf::kMajorAt, offsetof(::axlf, m_header.m_versionMajor));
  EXPECT_EQ(axlf::kMinorAt, offsetof(::axlf, m_header.m_versionMinor));
  EXPECT_EQ(axlf::kModeAt, offsetof(::axlf, m_header.m_mode));
  EXPECT_EQ(axlf::kVbnvAt, offsetof(::axlf, m_header.m_platformVBNV));
  EXPECT_EQ(axlf::kUuidAt, offsetof(::axlf, m_header.uuid));
  EXPECT_EQ(axlf::kSectionCountAt, offsetof(::axlf, m_header.m_numSections));
  EXPECT_EQ(axlf::kHeaderEnd, offsetof(::axlf, m_sections));
  EXPECT_EQ(axlf::kSectionHeaderSize, sizeof(axlf_section_header));
  EXPECT_EQ(axlf::kMemDataStart, offsetof(mem_topology, m_mem_data));
  EXPECT_EQ(axlf::kMemDataSize, sizeof(mem_data));
  EXPECT_EQ(axlf::kIpDataStart, offsetof(ip_layout, m_ip_data));
  EXPECT_EQ(axlf::kIpDataSize, sizeof(ip_data));
  EXPECT_EQ(axlf::kConnectionStart, offsetof(connectivity, m_connection));
  EXPECT_EQ(axlf::kConnectionSize, sizeof(connection));
  EXPECT_EQ(static_cast<int>(axlf::kUserMetadata), USER_METADATA);
  EXPECT_EQ(static_cast<int>(axlf::kBuildMetadata), BUILD_METADATA);
  EXPECT_EQ(static_cast<int>(axlf::kSwEmu), XCLBIN_SW_EMU);
  EXPECT_EQ(static_cast<int>(MemoryBank::Type::kHbm), MEM_HBM);
  EXPECT_EQ(static_cast<int>(MemoryBank::Type::kHost), MEM_HOST);
}

TEST(Xrt, ReadsWhatStrobeWrites) {
  const Xclbin x = sample(Target::kHw);
  const std::string bytes = *write(x);
  xrt::xclbin loaded(std::vector<char>(bytes.begin(), bytes.end()));
  EXPECT_EQ(loaded.get_xsa_name(), x.platform);
  EXPECT_EQ(loaded.get_uuid().to_string(), uuid_text(read(bytes)->uuid));
  std::map<std::string, size_t> units;
  for (const auto& kernel : loaded.get_kernels()) {
    units[kernel.get_name()] = kernel.get_cus().size();
    for (const auto& described : x.kernels) {
      if (described.name != kernel.get_name()) continue;
      const auto arguments = kernel.get_args();
      ASSERT_EQ(arguments.size(), described.arguments.size());
      for (size_t a = 0; a < arguments.size(); ++a) {
        EXPECT_EQ(arguments[a].get_name(), described.arguments[a].name);
        EXPECT_EQ(arguments[a].get_offset(), described.arguments[a].offset);
        EXPECT_EQ(arguments[a].get_size(), described.arguments[a].size);
      }
    }
  }
  EXPECT_EQ(units, (std::map<std::string, size_t>{{"jets", 2}, {"muons", 1}}));
  std::vector<std::string> banks;
  for (const auto& bank : loaded.get_mems()) banks.push_back(bank.get_tag());
  EXPECT_EQ(banks, (std::vector<std::string>{"DDR[0]", "DDR[1]", "HOST[0]"}));
}

}  // namespace
}  // namespace strobe::xclbin
