#include "platform/xclbin/xclbin.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/platform/xclbin/sample.h"

namespace strobe::xclbin {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class EachTarget : public testing::TestWithParam<Target> {};

TEST_P(EachTarget, ComesBackAsItWasWritten) {
  const Xclbin x = sample(GetParam());
  auto bytes = write(x);
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  auto back = read(*bytes);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->target, x.target);
  EXPECT_EQ(back->platform, x.platform);
  EXPECT_EQ(back->part, x.part);
  EXPECT_EQ(back->project, x.project);
  EXPECT_EQ(back->bitstream, x.bitstream);
  EXPECT_EQ(back->user_metadata, x.user_metadata);
  EXPECT_EQ(*back->image, *bytes);
  ASSERT_EQ(back->kernels.size(), x.kernels.size());
  for (size_t k = 0; k < x.kernels.size(); ++k) {
    EXPECT_EQ(back->kernels[k].name, x.kernels[k].name);
    EXPECT_EQ(back->kernels[k].control, x.kernels[k].control);
    EXPECT_EQ(back->kernels[k].address_range, x.kernels[k].address_range);
    ASSERT_EQ(back->kernels[k].arguments.size(), x.kernels[k].arguments.size());
    for (size_t a = 0; a < x.kernels[k].arguments.size(); ++a) {
      const Argument &got = back->kernels[k].arguments[a], &want = x.kernels[k].arguments[a];
      EXPECT_EQ(std::tie(got.name, got.kind, got.offset, got.size, got.type, got.port),
                std::tie(want.name, want.kind, want.offset, want.size, want.type, want.port));
    }
  }
  ASSERT_EQ(back->compute_units.size(), x.compute_units.size());
  for (size_t i = 0; i < x.compute_units.size(); ++i) {
    const ComputeUnit &got = back->compute_units[i], &want = x.compute_units[i];
    EXPECT_EQ(std::tie(got.kernel, got.instance, got.base_address),
              std::tie(want.kernel, want.instance, want.base_address));
  }
  ASSERT_EQ(back->banks.size(), x.banks.size());
  for (size_t i = 0; i < x.banks.size(); ++i) {
    const MemoryBank &got = back->banks[i], &want = x.banks[i];
    EXPECT_EQ(std::tie(got.tag, got.type, got.base_address, got.size_kib, got.used),
              std::tie(want.tag, want.type, want.base_address, want.size_kib, want.used));
  }
  ASSERT_EQ(back->connections.size(), x.connections.size());
  for (size_t i = 0; i < x.connections.size(); ++i) {
    const Connection &got = back->connections[i], &want = x.connections[i];
    EXPECT_EQ(std::tie(got.compute_unit, got.argument, got.bank),
              std::tie(want.compute_unit, want.argument, want.bank));
  }
}

TEST_P(EachTarget, HasNoFindings) {
  std::vector<std::string> texts;
  for (const Finding& finding : check(*write(sample(GetParam()))))
    texts.push_back(finding.section + ": " + finding.text);
  EXPECT_THAT(texts, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Xclbin, EachTarget,
                         testing::Values(Target::kEmulator, Target::kSwEmu, Target::kHwEmu, Target::kHw),
                         [](const auto& parameter) { return std::string(target_name(parameter.param)); });

TEST(Write, GivesEqualBytesForEqualDescriptionsAndAnotherUuidForOthers) {
  Xclbin x = sample();
  const std::string first = *write(x);
  EXPECT_EQ(first, *write(x));
  const std::string uuid = uuid_text(read(first)->uuid);
  EXPECT_EQ(uuid.size(), 36u);
  x.user_metadata += '.';
  EXPECT_NE(uuid_text(read(*write(x))->uuid), uuid);
}

/// A description with one thing wrong, and a word of the message that must say so.
struct Wrong {
  const char* name;
  void (*spoil)(Xclbin&);
  const char* word;
};
class EachWrong : public testing::TestWithParam<Wrong> {};

TEST_P(EachWrong, IsRefusedWithItsReason) {
  Xclbin x = sample();
  GetParam().spoil(x);
  auto bytes = write(x);
  EXPECT_EQ(bytes.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(bytes.status().message()), HasSubstr(GetParam().word));
}

INSTANTIATE_TEST_SUITE_P(
    Description, EachWrong,
    testing::Values(
        Wrong{"KernelName", [](Xclbin& x) { x.kernels[0].name = "9 lives"; }, "'9 lives'"},
        Wrong{"KernelNameTwice", [](Xclbin& x) { x.kernels[1].name = "jets"; }, "used twice"},
        Wrong{"NoKernel", [](Xclbin& x) { x.kernels.clear(); }, "no kernel"},
        Wrong{"LongInstance", [](Xclbin& x) { x.compute_units[0].instance = std::string(80, 'a'); }, "62 letters"},
        Wrong{"InstanceTwice", [](Xclbin& x) { x.compute_units[1].instance = "jets_1"; }, "used twice"},
        Wrong{"UnitOverlap", [](Xclbin& x) { x.compute_units[1].base_address = 0x18000; }, "below the end"},
        Wrong{"UnitOfNothing", [](Xclbin& x) { x.compute_units[2].kernel = 2; }, "kernel 2"},
        Wrong{"ArgumentOffset", [](Xclbin& x) { x.kernels[0].arguments[0].offset = 0xfffc; }, "does not fit"},
        Wrong{"ArgumentOnControl", [](Xclbin& x) { x.kernels[0].arguments[0].offset = 0; }, "does not fit"},
        Wrong{"BankTag", [](Xclbin& x) { x.banks[0].tag = std::string(16, 'b'); }, "15 letters"},
        Wrong{"Unconnected", [](Xclbin& x) { x.connections.pop_back(); }, "connected to no memory bank"},
        Wrong{"ConnectedTwice",
              [](Xclbin& x) {
                x.connections.push_back({0, 0, 1});
              },
              "connected twice"},
        Wrong{"ConnectedScalar", [](Xclbin& x) { x.connections[0].argument = 2; }, "but is none"},
        Wrong{"ConnectedBank", [](Xclbin& x) { x.connections[0].bank = 3; }, "memory bank 3"},
        Wrong{"UnusedBank", [](Xclbin& x) { x.banks[0].used = false; }, "unused"},
        Wrong{"Platform", [](Xclbin& x) { x.platform = "u250"; }, "vendor:board:name:version"},
        Wrong{"NoBitstream", [](Xclbin& x) { x.bitstream.clear(); }, "needs a bitstream"},
        Wrong{"EmulatorBitstream", [](Xclbin& x) { x.target = Target::kEmulator; }, "no bitstream"}),
    [](const auto& parameter) { return parameter.param.name; });

TEST(Read, LeavesSectionsOfOtherToolsAlone) {
  // As v++ does: a section that strobe has no use for, an IP that is no kernel, metadata padded with zeros.
  std::string bytes = *write(sample(Target::kHw));
  const size_t build = bytes.find("{\"build_metadata\"");
  bytes.replace(build, 20, "{\"v++\": \"2022.1\"}   ");
  auto x = read(bytes);
  ASSERT_TRUE(x.ok()) << x.status();
  EXPECT_EQ(x->target, Target::kHw);
  EXPECT_EQ(x->compute_units.size(), 3u);
}

}  // namespace
}  // namespace strobe::xclbin
