#include <gmock/gmock.h>

#include <random>

#include "import_fixture.h"
#include "kernels/import/hdf5_file.h"
#include "kernels/import/keras.h"
#include "platform/files/file.h"

namespace strobe::import {
namespace {

std::string content(const std::string& path) {
  auto bytes = files::read_file(path);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return bytes.ok() ? *std::move(bytes) : std::string();
}

std::string fixture(const std::string& name) { return std::string(STROBE_SOURCE_DIR) + "/tests/data/import/" + name; }

/// Reads every dataset and attribute that can be reached, and so every path of the HDF5 reader.
void read_everything(const hdf5::File& file, const std::string& path, int depth) {
  (void)file.text(path, "name");
  (void)file.strings(path, "weight_names");
  (void)file.text(path, "vlen");
  (void)file.read(path);
  const auto children = file.children(path);
  if (!children.ok() || depth == 0) return;
  for (const std::string& child : *children)
    read_everything(file, path.empty() ? child : path + "/" + child, depth - 1);
}

/// Changes a few bytes of `bytes`; every change follows from the seed.
std::string damaged(const std::string& bytes, std::mt19937& random) {
  std::string bad = bytes;
  for (uint32_t i = 0, changes = 1 + random() % 4; i < changes; ++i) {
    bad[random() % bad.size()] = static_cast<char>(random() % 3 == 0 ? 0xff : random());
  }
  return bad;
}

TEST(Damage, Hdf5CutShortIsAnError) {
  const std::string whole = content(fixture("whole.h5"));
  for (size_t length = 0; length < whole.size(); length += 1 + length / 50) {
    EXPECT_FALSE(read_keras_h5(whole.substr(0, length), "t").ok()) << length;
  }
  EXPECT_TRUE(read_keras_h5(whole, "t").ok());
}

TEST(Damage, Hdf5WithChangedBytesIsReadOrRefused) {
  const uint32_t seed = 20;
  RecordProperty("seed", static_cast<int>(seed));
  std::mt19937 random(seed);
  for (const char* name : {"whole.h5", "datasets.h5", "newest.h5"}) {
    const std::string whole = content(fixture(name));
    for (int i = 0; i < 500; ++i) {
      const std::string bad = damaged(whole, random);
      if (auto file = hdf5::File::open(bad, "t"); file.ok()) read_everything(*file, "", 4);
      (void)read_keras_h5(bad, "t");
    }
  }
}

// A group's tree that names itself as its child, and a header that continues in itself.
TEST(Damage, Hdf5LoopsEnd) {
  const std::string whole = content(fixture("datasets.h5"));
  for (const std::string_view signature : {"TREE", "SNOD", "HEAP", "GCOL"}) {
    for (size_t at = whole.find(signature); at != std::string::npos; at = whole.find(signature, at + 1)) {
      for (size_t offset = 4; offset < 64 && at + offset + 8 <= whole.size(); offset += 4) {
        std::string bad = whole;
        for (size_t i = 0; i < 8; ++i) bad[at + offset + i] = static_cast<char>(at >> 8 * i);
        if (auto file = hdf5::File::open(bad, "t"); file.ok()) read_everything(*file, "", 4);
      }
    }
  }
}

TEST(Damage, ArchivesAreReadOrRefused) {
  NEED_SHARED_DATA();
  const std::string whole = content(model_path("hgq/layers/qdense.keras"));
  ASSERT_TRUE(read_keras_zip(whole, "t").ok());
  for (size_t length = 0; length < whole.size(); length += 1 + length / 20) {
    EXPECT_FALSE(read_keras_zip(std::string_view(whole).substr(0, length), "t").ok()) << length;
  }
  std::mt19937 random(21);
  for (int i = 0; i < 500; ++i) (void)read_keras_zip(damaged(whole, random), "t");
}

TEST(Damage, ConfigurationsAreReadOrRefused) {
  NEED_SHARED_DATA();
  const std::string json = content(model_path("keras/qkeras_3layer.json"));
  const std::string weights = content(model_path("keras/qkeras_3layer_weights.h5"));
  ASSERT_TRUE(read_keras_json(json, weights, "t", "w").ok());
  for (size_t length = 0; length + 1 < json.size(); length += 1 + length / 20) {
    EXPECT_FALSE(read_keras_json(json.substr(0, length), weights, "t", "w").ok()) << length;
  }
  std::mt19937 random(22);
  for (int i = 0; i < 1000; ++i) (void)read_keras_json(damaged(json, random), weights, "t", "w");
}

// The weights of another model are refused by shape or by name, never taken.
TEST(Damage, WeightsOfAnotherModelAreRefused) {
  NEED_SHARED_DATA();
  const auto model =
      import_model(model_path("keras/qkeras_3layer.json"), {model_path("keras/KERAS_3layer_weights.h5")});
  EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(model.status().message()),
              testing::AllOf(testing::HasSubstr("'fc1'"), testing::HasSubstr("KERAS_3layer_weights.h5")));
}

}  // namespace
}  // namespace strobe::import
