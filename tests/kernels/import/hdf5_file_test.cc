#include "kernels/import/hdf5_file.h"

#include <gmock/gmock.h>

#include "import_fixture.h"
#include "platform/files/file.h"

namespace strobe::import::hdf5 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

File open(const std::string& name) {
  auto bytes = files::read_file(std::string(STROBE_SOURCE_DIR) + "/tests/data/import/" + name);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  auto file = File::open(*std::move(bytes), name);
  EXPECT_TRUE(file.ok()) << file.status();
  return *std::move(file);
}

void expect_ramp(const File& file, const std::string& path, std::vector<int64_t> shape) {
  const auto array = file.read(path);
  ASSERT_TRUE(array.ok()) << path << ": " << array.status();
  EXPECT_EQ(array->shape, shape) << path;
  for (size_t i = 0; i < array->data.size(); ++i) {
    EXPECT_EQ(array->data[i], static_cast<double>(i) * 0.25 - 3) << path << " at " << i;
  }
}

TEST(Hdf5File, ReadsFloatsOfEveryWidthAndOrder) {
  const File file = open("datasets.h5");
  expect_ramp(file, "a/b/f8", {3, 4});
  expect_ramp(file, "a/b/big_f4", {3, 4});
  expect_ramp(file, "a/b/f2", {3, 4});
}

TEST(Hdf5File, ReadsIntegersAndBooleans) {
  const File file = open("datasets.h5");
  EXPECT_THAT(file.read("a/b/i1")->data, ElementsAre(-3, 0, 127));
  EXPECT_THAT(file.read("a/b/u8")->data, ElementsAre(0, 1099511627776.0));
  EXPECT_THAT(file.read("a/b/bools")->data, ElementsAre(1, 0, 1));
  EXPECT_TRUE(file.read("a/b/scalar")->shape.empty());
  EXPECT_THAT(file.read("a/b/scalar")->data, ElementsAre(1.5));
  EXPECT_THAT(file.read("a/b/empty")->shape, ElementsAre(0, 4));
}

TEST(Hdf5File, UnpacksChunksThatReachOverTheEdge) {
  const File file = open("datasets.h5");
  expect_ramp(file, "a/b/packed", {7, 5});
  expect_ramp(file, "a/b/chunked", {7, 5});
}

TEST(Hdf5File, FindsEveryMemberOfALargeGroup) {
  const File file = open("datasets.h5");
  ASSERT_EQ(file.children("many")->size(), 60u);
  for (int i = 0; i < 60; ++i) EXPECT_EQ(file.read("many/d" + std::to_string(i))->data[0], i);
}

TEST(Hdf5File, ReadsTextAttributes) {
  const File file = open("datasets.h5");
  EXPECT_EQ(file.text("", "vlen")->value(), "of variable length: \xc3\xa4");
  EXPECT_THAT(file.strings("", "fixed")->value(), ElementsAre("one", "three"));
  EXPECT_FALSE(file.text("", "absent")->has_value());
  EXPECT_FALSE(file.strings("", "number").ok());
}

TEST(Hdf5File, ReadsTheNewestGroupsAndNamesWhatItCannot) {
  const File file = open("newest.h5");
  expect_ramp(file, "a/f4", {2, 3});
  EXPECT_EQ(file.text("a", "name")->value(), "new");
  const auto packed = file.read("a/packed");
  EXPECT_EQ(packed.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(packed.status().message()), testing::AllOf(HasSubstr("newest.h5"), HasSubstr("a/packed")));
}

TEST(Hdf5File, ErrorsNameFileAndPath) {
  const File file = open("datasets.h5");
  for (const char* path : {"nowhere", "a/b/f8/deeper", "a/b", "a/b/text"}) {
    const auto array = file.read(path);
    ASSERT_FALSE(array.ok()) << path;
    EXPECT_THAT(std::string(array.status().message()), testing::AllOf(HasSubstr("datasets.h5"), HasSubstr(path)));
  }
  EXPECT_THAT(std::string(File::open("\x89PNG", "x.h5").status().message()), HasSubstr("no HDF5 signature"));
}

}  // namespace
}  // namespace strobe::import::hdf5
