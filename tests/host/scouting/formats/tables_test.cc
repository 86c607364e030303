#include <set>

#include "host/scouting/formats/find_format.h"
#include "tests/host/scouting/formats/support.h"

namespace strobe::scouting {
namespace {

TEST(Tables, HaveUniqueNames) {
  std::set<std::string_view> names;
  for (const SourceFormat* format : formats()) {
    EXPECT_TRUE(names.insert(format->name).second) << format->name;
    EXPECT_EQ(find_format(format->name), format);
    for (const ObjectFormat* object : format->collections) {
      std::set<std::string_view> fields;
      for (const Field& field : object->fields) EXPECT_TRUE(fields.insert(field.name).second) << field.name;
    }
  }
  EXPECT_EQ(find_format("muon"), nullptr);
  EXPECT_TRUE(format_names().starts_with("gmt, gmt-zs, calo, "));
}

TEST(Tables, FieldsFitTheirWordsAndTypes) {
  for (const SourceFormat* format : formats()) {
    for (const ObjectFormat* object : format->collections) {
      ASSERT_LE(object->word_bits.size(), kMostWords);
      for (const Field& field : object->fields) {
        ASSERT_LT(field.word, object->word_bits.size()) << object->name << "." << field.name;
        EXPECT_GE(field.width, 1);
        EXPECT_LE(field.width, 16);
        EXPECT_LE(field.offset + field.width, object->word_bits[field.word]) << object->name << "." << field.name;
      }
    }
  }
}

/// Bits that two fields share are a mistake, but for the few that mean two things.
TEST(Tables, FieldsOverlapOnlyWhereTheFormatSaysSo) {
  const std::set<std::string_view> two_meanings = {"z0", "dxy", "quality", "wpuppi", "em_id"};
  for (const SourceFormat* format : formats()) {
    for (const ObjectFormat* object : format->collections) {
      if (object->name == "link") continue;
      std::array<uint64_t, kMostWords> taken{};
      for (const Field& field : object->fields) {
        const uint64_t bits = ((uint64_t{1} << field.width) - 1) << field.offset;
        if (!(object->name == "puppi" && two_meanings.contains(field.name))) {
          EXPECT_EQ(taken[field.word] & bits, 0u) << object->name << "." << field.name;
        }
        taken[field.word] |= bits;
      }
    }
  }
}

}  // namespace
}  // namespace strobe::scouting
