#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "platform/xclbin/axlf.h"
#include "platform/xclbin/xclbin.h"
#include "tests/platform/xclbin/sample.h"

namespace strobe::xclbin {
namespace {

using testing::HasSubstr;

bool same(const Xclbin& a, const Xclbin& b) {
  auto strip = [](Xclbin x) {
    x.uuid = {};
    return write(x);
  };
  auto left = strip(a), right = strip(b);
  return left.ok() && right.ok() && *left == *right;
}

TEST(Damage, OfAnyByteIsDetectedOrHarmless) {
  const std::string good = *write(sample());
  const Xclbin described = *read(good);
  for (size_t at = 0; at < good.size(); ++at) {
    for (const int flip : {0x01, 0x80, 0xFF}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ flip);
      auto x = read(bad);
      const auto findings = check(bad);
      if (!x.ok()) {
        EXPECT_FALSE(findings.empty()) << "byte " << at;
        continue;
      }
      // Unseen where the change hits the mark by which strobe knows its own files: then all the rest must be intact.
      EXPECT_TRUE(same(*x, described)) << "byte " << at << " was changed unseen";
    }
  }
}

TEST(Damage, OfAForeignFileNeverCrashes) {
  // Without strobe's mark there is no digest to rely on: structure alone must hold.
  std::string foreign = *write(sample());
  foreign[foreign.find("\"strobe\"") + 1] = 'S';
  for (size_t at = 0; at < foreign.size(); ++at) {
    for (const int flip : {0x01, 0x40, 0xFF}) {
      std::string bad = foreign;
      bad[at] = static_cast<char>(bad[at] ^ flip);
      auto x = read(bad);
      check(bad);
      if (x.ok()) {
        for (const ComputeUnit& unit : x->compute_units) ASSERT_LT(static_cast<size_t>(unit.kernel), x->kernels.size());
        for (const Connection& connection : x->connections) {
          ASSERT_LT(static_cast<size_t>(connection.compute_unit), x->compute_units.size());
          ASSERT_LT(static_cast<size_t>(connection.bank), x->banks.size());
        }
      }
    }
  }
}

TEST(Damage, ByTruncationIsAlwaysDetected) {
  const std::string good = *write(sample());
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(read(good.substr(0, length)).ok()) << length;
    EXPECT_FALSE(check(good.substr(0, length)).empty()) << length;
  }
  EXPECT_FALSE(read(good + "x").ok());
}

TEST(Damage, RandomBytesAreNoXclbin) {
  const uint32_t seed = 20240607;
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes(random() % 2000, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    EXPECT_FALSE(read(bytes).ok());
    if (bytes.size() >= 8) bytes.replace(0, 8, axlf::kMagic);
    EXPECT_FALSE(read(bytes).ok());
  }
}

TEST(Damage, NamesWhatIsWrong) {
  EXPECT_THAT(std::string(read("").status().message()), HasSubstr("not an xclbin"));
  EXPECT_THAT(std::string(read("\x89HDF and more").status().message()), HasSubstr("not an xclbin"));
  const std::string good = *write(sample());
  EXPECT_THAT(std::string(read(good.substr(0, 300)).status().message()), HasSubstr("cut short"));
  EXPECT_THAT(std::string(read(good.substr(0, good.size() - 1)).status().message()), HasSubstr("cut short"));
  std::string changed = good;
  changed[changed.size() - 5] ^= 1;
  EXPECT_THAT(std::string(read(changed).status().message()), HasSubstr("damaged"));
}

/// Sections that contradict each other, in a file whose UUID is right.
std::vector<std::string> findings_after(void (*spoil)(std::string&)) {
  std::string bytes = *write(sample());
  spoil(bytes);
  const auto uuid = axlf::digest_uuid(bytes);
  std::copy(uuid.begin(), uuid.end(), bytes.begin() + axlf::kUuidAt);
  std::vector<std::string> out;
  for (const Finding& finding : check(bytes)) out.push_back(finding.section + ": " + finding.text);
  return out;
}

size_t section_at(const std::string& bytes, axlf::Section kind) {
  const auto file = axlf::parse(bytes);
  for (const auto& section : file->sections) {
    if (section.kind == kind) return section.offset;
  }
  return 0;
}

TEST(Check, FindsTablesThatDisagreeWithTheMetadata) {
  using testing::Contains;
  EXPECT_THAT(findings_after([](std::string& b) { axlf::put64(b, section_at(b, axlf::kIpLayout) + 16, 0x70000); }),
              Contains(HasSubstr("EMBEDDED_METADATA says 65536")));
  EXPECT_THAT(findings_after([](std::string& b) { b[section_at(b, axlf::kIpLayout) + 8 + 4 + 1] = 0; }),
              Contains(HasSubstr("another control protocol")));
  EXPECT_THAT(findings_after([](std::string& b) { b[b.find("jets:jets_2") + 10] = '7'; }),
              Contains(HasSubstr("'jets:jets_2' of EMBEDDED_METADATA is missing")));
  EXPECT_THAT(findings_after([](std::string& b) { axlf::put32(b, section_at(b, axlf::kConnectivity) + 4, 2); }),
              Contains(HasSubstr("'rows' is a scalar")));
  EXPECT_THAT(findings_after([](std::string& b) { axlf::put32(b, section_at(b, axlf::kConnectivity) + 12, 9); }),
              Contains(HasSubstr("memory bank 9")));
  EXPECT_THAT(findings_after([](std::string& b) { axlf::put32(b, section_at(b, axlf::kConnectivity) + 8, 77); }),
              Contains(HasSubstr("IP 77")));
  EXPECT_THAT(findings_after([](std::string& b) { b[section_at(b, axlf::kMemTopology) + 9] = 0; }),
              Contains(HasSubstr("marked unused")));
  EXPECT_THAT(findings_after([](std::string& b) {
                axlf::put64(b, section_at(b, axlf::kMemTopology) + 8 + 40 + 16, 0x4000000000);
              }),
              Contains(HasSubstr("banks overlap")));
  EXPECT_THAT(findings_after([](std::string& b) {
                b[b.find(
                    "\x7F"
                    "ELF")] = 'E';
              }),
              Contains(HasSubstr("no ELF")));
  EXPECT_THAT(findings_after([](std::string& b) {
                axlf::put64(b, axlf::kHeaderEnd + 24, axlf::get64(b, axlf::kHeaderEnd + 24) + 1);
              }),
              Contains(HasSubstr("multiple of 8")));
  EXPECT_THAT(findings_after([](std::string& b) { axlf::put32(b, axlf::kHeaderEnd + 40, 8); }),
              Contains(HasSubstr("there twice")));
}

TEST(Check, StopsAtEntityBombs) {
  Xclbin x = sample();
  std::string bytes = *write(x);
  const size_t at = bytes.find("<?xml");
  const std::string bomb = "<!DOCTYPE b [<!ENTITY a \"aaaaaaaa\">]><project>&a;</project>";
  std::string foreign = bytes;
  foreign[foreign.find("\"strobe\"") + 1] = 'S';
  foreign.replace(at, bomb.size(), bomb);
  EXPECT_THAT(std::string(read(foreign).status().message()), HasSubstr("document type"));
}

}  // namespace
}  // namespace strobe::xclbin
