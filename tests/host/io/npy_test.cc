#include <gmock/gmock.h>

#include <limits>

#include "host/io/files.h"
#include "io_fixture.h"

namespace strobe::io {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

template <typename T>
class EveryType : public testing::Test {};
using Types = testing::Types<int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t, float, double>;
TYPED_TEST_SUITE(EveryType, Types);

TYPED_TEST(EveryType, ComesBackFromNpyBitForBit) {
  using T = TypeParam;
  const std::vector<T> values = {0, 1, std::numeric_limits<T>::lowest(), std::numeric_limits<T>::max(), 7, 5};
  TemporaryFolder folder;
  const std::string path = folder.file("a.npy");
  ASSERT_TRUE(write_npy(path, Array::of<T>({3, 2}, values)).ok());
  const auto back = read_npy(path);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->dtype(), dtype_of<T>());
  EXPECT_THAT(back->shape(), ElementsAre(3, 2));
  const auto view = back->template view<T>();
  EXPECT_EQ(std::vector<T>(view.begin(), view.end()), values);
  EXPECT_EQ(folder.files(), 1u);
}

TEST(NpyWriter, GivesTheSameFileInPieces) {
  const std::vector<int16_t> values = {1, 2, 3, 4, 5, 6};
  const Array array = Array::of<int16_t>({3, 2}, values);
  TemporaryFolder folder;
  ASSERT_TRUE(write_npy(folder.file("whole.npy"), array).ok());
  auto writer = NpyWriter::create(folder.file("pieces.npy"), DType::kInt16, {3, 2});
  ASSERT_TRUE(writer.ok()) << writer.status();
  ASSERT_TRUE(writer->append(array.bytes().first(4)).ok());
  EXPECT_EQ(writer->append(array.bytes()).code(), absl::StatusCode::kInternal) << "more than the shape";
  ASSERT_TRUE(writer->append(array.bytes().subspan(4)).ok());
  EXPECT_EQ(folder.files(), 1u) << "nothing is seen before the end";
  ASSERT_TRUE(writer->commit().ok());
  EXPECT_EQ(*files::read_file(folder.file("pieces.npy")), *files::read_file(folder.file("whole.npy")));
}

TEST(NpyWriter, DoesNotFinishAFileWithMissingRows) {
  TemporaryFolder folder;
  {
    auto writer = NpyWriter::create(folder.file("short.npy"), DType::kInt16, {3, 2});
    ASSERT_TRUE(writer.ok()) << writer.status();
    EXPECT_EQ(writer->commit().code(), absl::StatusCode::kInternal);
  }
  EXPECT_EQ(folder.files(), 0u);
}

TEST(Npy, ReadsBigEndianFortranOrderOfNumpy) {
  const auto array = read_npy(test_file("big_fortran.npy"));
  ASSERT_TRUE(array.ok()) << array.status();
  EXPECT_EQ(array->to_string(), "int16 [2, 3]");
  EXPECT_THAT(*array->integers(), ElementsAre(-3, -2, -1, 0, 1, 2));
}

TEST(Npy, ReadsFortranOrderOfThreeAxes) {
  const auto array = read_npy(test_file("fortran3.npy"));
  ASSERT_TRUE(array.ok()) << array.status();
  const auto values = *array->integers();
  for (int64_t i = 0; i < 24; ++i) EXPECT_EQ(values[static_cast<size_t>(i)], i);
}

TEST(Npy, WidensHalfPrecisionAndBooleans) {
  const auto half = read_npy(test_file("half.npy"));
  ASSERT_TRUE(half.ok()) << half.status();
  EXPECT_EQ(half->dtype(), DType::kFloat32);
  EXPECT_THAT(half->numbers(), ElementsAre(1.5, -0.25, 65504.0, 0x1p-24));
  const auto flags = read_npy(test_file("bool.npy"));
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_THAT(*flags->integers(), ElementsAre(1, 0));
}

TEST(Npy, RefusesTypesThatAreNoNumbers) {
  const auto array = read_npy(test_file("complex.npy"));
  EXPECT_EQ(array.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(array.status().message()), HasSubstr("<c16"));
}

TEST(Npy, SaysHowManyBytesATruncatedFileLacks) {
  const std::string whole = to_npy(Array::of<int16_t>({4, 2}, std::vector<int16_t>(8, 1)));
  const auto array = parse_npy(std::string_view(whole).substr(0, whole.size() - 3), "events.npy");
  EXPECT_EQ(array.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(array.status().message()),
              testing::AllOf(HasSubstr("events.npy"), HasSubstr("expected 16 bytes"), HasSubstr("found 13")));
}

TEST(Npy, EveryTruncationIsAnError) {
  const std::string whole = to_npy(Array::of<float>({2, 2}, {1, 2, 3, 4}));
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(parse_npy(std::string_view(whole).substr(0, length), "t").ok()) << length;
  }
  EXPECT_TRUE(parse_npy(whole, "t").ok());
}

TEST(Npy, HugeShapesAreRefusedWithoutAllocation) {
  for (const char* shape :
       {"(9223372036854775807, 2)", "(4611686018427387904,)", "(-1, 3)", "(1000000000000, 0, 10000000000000)"}) {
    std::string header = std::string("{'descr': '<f8', 'fortran_order': True, 'shape': ") + shape + ", }";
    std::string file("\x93NUMPY\x01\x00", 8);
    file += static_cast<char>(header.size());
    file += '\0';
    EXPECT_FALSE(parse_npy(file + header, "t").ok()) << shape;
  }
}

TEST(Npy, MissingFileAndFolderAreNamed) {
  EXPECT_EQ(read_npy("/nowhere/x.npy").status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(read_npy("/tmp").status().message()), HasSubstr("folder"));
  const absl::Status status = write_npy("/nowhere/x.npy", Array::of<float>({1}, {1}));
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nowhere/x.npy"));
}

TEST(Array, IntegersRefusesFractionsByIndex) {
  const Array array = Array::of<double>({3}, {1, 2.5, 3});
  EXPECT_THAT(std::string(array.integers().status().message()),
              testing::AllOf(HasSubstr("2.5"), HasSubstr("element 1")));
  EXPECT_FALSE(Array::of<double>({1}, {1e300}).integers().ok());
  EXPECT_FALSE(Array::of<uint64_t>({1}, {UINT64_MAX}).integers().ok());
  EXPECT_EQ(Array::of<double>({1}, {-9223372036854775808.0}).integers()->front(), INT64_MIN);
}

TEST(Bin, RowsMustBeWhole) {
  TemporaryFolder folder;
  const std::string path = folder.file("events.bin");
  ASSERT_TRUE(write_bin(path, Array::of<int16_t>({2, 3}, {1, 2, 3, 4, 5, -6})).ok());
  const auto rows = read_bin(path, DType::kInt16, {3});
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(rows->to_string(), "int16 [2, 3]");
  EXPECT_EQ(rows->number(5), -6);
  const auto wrong = read_bin(path, DType::kInt32, {2});
  EXPECT_THAT(std::string(wrong.status().message()),
              testing::AllOf(HasSubstr("8 bytes"), HasSubstr("found 12"), HasSubstr("4 too many")));
}

}  // namespace
}  // namespace strobe::io
