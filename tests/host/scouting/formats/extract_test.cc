#include "host/scouting/formats/extract.h"

#include "host/scouting/formats/find_format.h"
#include "host/scouting/formats/isa.h"
#include "tests/host/scouting/formats/support.h"

namespace strobe::scouting {
namespace {

/// A collection of random words.
Collection random_objects(const ObjectFormat& format, size_t objects, uint64_t seed) {
  std::mt19937_64 random(seed);
  Collection collection;
  collection.format = &format;
  collection.first.push_back(0);
  collection.first.push_back(static_cast<uint32_t>(objects));
  for (size_t word = 0; word < format.word_bits.size(); ++word) {
    for (size_t i = 0; i < objects; ++i) {
      if (format.word_bits[word] == 64)
        collection.wide[word].push_back(random());
      else
        collection.narrow[word].push_back(static_cast<uint32_t>(random()));
    }
  }
  return collection;
}

int32_t column_value(const Field& field, const std::vector<std::byte>& column, size_t i) {
  switch (field.type()) {
    case FieldType::kInt8:
      return reinterpret_cast<const int8_t*>(column.data())[i];
    case FieldType::kUint8:
      return reinterpret_cast<const uint8_t*>(column.data())[i];
    case FieldType::kInt16:
      return reinterpret_cast<const int16_t*>(column.data())[i];
    case FieldType::kUint16:
      return reinterpret_cast<const uint16_t*>(column.data())[i];
  }
  return 0;
}

class Extract : public testing::TestWithParam<Isa> {};

TEST_P(Extract, EveryFieldOfEveryFormatIsItsBits) {
  if (!has_isa(GetParam())) GTEST_SKIP() << "this machine has no " << name_of(GetParam());
  for (const SourceFormat* format : formats()) {
    for (const ObjectFormat* object : format->collections) {
      const Collection objects = random_objects(*object, 205, 17);
      for (const Field& each : object->fields) {
        std::vector<std::byte> column(205 * size_of(each.type()));
        extract(objects, each, column.data(), GetParam());
        for (size_t i = 0; i < 205; ++i) {
          ASSERT_EQ(column_value(each, column, i), field(objects, each.name, i)) << object->name << "." << each.name;
        }
      }
    }
  }
}

TEST_P(Extract, AllFieldsAtOnceAreTheFields) {
  if (!has_isa(GetParam())) GTEST_SKIP() << "this machine has no " << name_of(GetParam());
  for (const char* name : {"puppi", "tkmuon"}) {
    const ObjectFormat& object = *find_format(name)->collections[0];
    for (const size_t count : {0u, 1u, 15u, 16u, 31u, 32u, 33u, 1000u}) {
      const Collection objects = random_objects(object, count, count);
      std::vector<std::vector<std::byte>> columns;
      std::vector<void*> to;
      for (const Field& each : object.fields) {
        columns.emplace_back(std::max<size_t>(1, count * size_of(each.type())));
        to.push_back(columns.back().data());
      }
      extract_all(objects, to, GetParam());
      for (size_t f = 0; f < columns.size(); ++f) {
        const Field& each = object.fields[f];
        for (size_t i = 0; i < count; ++i) {
          ASSERT_EQ(column_value(each, columns[f], i), field(objects, each.name, i)) << name << "." << each.name;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Extract, testing::Values(Isa::kScalar, Isa::kAvx2, Isa::kAvx512), [](const auto& isa) {
  return std::string(isa.param == Isa::kScalar ? "Scalar" : isa.param == Isa::kAvx2 ? "Avx2" : "Avx512");
});

/// CMSSW reads raw 256 of the station's eta as +256.
TEST(Fields, EtaOfRaw256IsNegative) {
  const ObjectFormat& muon = *find_format("gmt")->collections[0];
  for (const char* name : {"eta", "eta1", "eta2"}) {
    const Field& eta = *muon.find(name);
    EXPECT_EQ(raw_value(eta, uint64_t{256} << eta.offset), -256) << name;
    EXPECT_EQ(raw_value(eta, uint64_t{255} << eta.offset), 255) << name;
  }
}

TEST(Fields, PhysicalValuesAreScaledAndShifted) {
  Collection muons;
  muons.format = find_format("gmt")->collections[0];
  muons.narrow[0].push_back(11u << 10);
  const uint32_t object = 0;
  double pt = 0, raw = 0;
  extract(muons, *muons.format->find("pt"), {&object, 1}, true, &pt);
  extract(muons, *muons.format->find("pt"), {&object, 1}, false, &raw);
  EXPECT_EQ(pt, 5.0);
  EXPECT_EQ(raw, 11.0);
}

}  // namespace
}  // namespace strobe::scouting
