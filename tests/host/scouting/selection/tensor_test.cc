#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "absl/strings/str_cat.h"
#include "host/scouting/formats/find_format.h"
#include "host/scouting/selection/selection.h"
#include "hwy/targets.h"
#include "tests/host/scouting/selection/random_expression.h"
#include "yaml-cpp/yaml.h"

namespace strobe::scouting {
namespace {

using model::FixedType;
using model::Overflow;
using model::Rounding;

FixedType random_type(std::mt19937_64& random, int widest) {
  const bool is_signed = random() % 2 == 0;
  const int width = 1 + static_cast<int>(random() % static_cast<uint64_t>(is_signed ? widest : widest - 1));
  const int integer = static_cast<int>(random() % 24) - 2;
  return {is_signed, width, integer, static_cast<Rounding>(random() % 7), static_cast<Overflow>(random() % 4)};
}

/// What the reference says of one element.
int64_t expected_raw(double value, const FixedType& type, bool raw, TensorCounts& counts) {
  if (raw) {
    const auto high = static_cast<int64_t>(type.max_raw());
    const int64_t low = type.is_signed ? -high - 1 : 0;
    if (std::isnan(value)) {
      ++counts.not_finite;
      return 0;
    }
    const double rounded = std::nearbyint(value);
    if (rounded < static_cast<double>(low) || rounded > static_cast<double>(high)) {
      ++counts.saturated;
      return rounded < 0 ? low : high;
    }
    return static_cast<double>(high) == rounded ? high : static_cast<int64_t>(rounded);
  }
  if (!std::isfinite(value)) {
    ++counts.not_finite;
    value = std::isnan(value) ? 0 : std::copysign(std::numeric_limits<double>::max(), value);
  }
  model::OverflowCount overflow;
  const int64_t result = model::cast(value, type, &overflow);
  counts.wrapped += overflow.wrapped;
  counts.saturated += overflow.saturated;
  return result;
}

struct TensorTrial {
  naive::World world;
  std::vector<naive::NamedList> lists;
  std::vector<naive::Expression> elements;         ///< of crossings
  std::vector<naive::ObjectExpression> of_object;  ///< of objects, behind them
  naive::Expression require;
  model::Tensor tensor;
  bool raw = false, per_object = false;
  std::string text;
};

TensorTrial make_trial(std::mt19937_64& random, const SourceFormat& format, int widest) {
  TensorTrial trial;
  naive::ExpressionMaker maker(random, 0);
  naive::NamedList list;
  list.format = format.collections[0];
  list.list.name = std::string("good");
  list.list.first = 1 + random() % 3;
  trial.lists.push_back(list);
  trial.require = maker.crossing(trial.lists, {}, 2);
  trial.raw = random() % 2 == 0;
  trial.per_object = random() % 2 == 0;
  trial.text = absl::StrCat("select:\n  good: {from: ", std::string(list.format->name), ", first: ", list.list.first,
                            "}\nrequire: \"", trial.require.text,
                            "\"\nmodels:\n  - name: net\n    encoding: ", trial.raw ? "raw" : "number",
                            "\n    per: ", trial.per_object ? "good" : "crossing", "\n    inputs:\n      x:\n");
  const size_t count = 1 + random() % 40;
  for (size_t i = 0; i < count; ++i) {
    trial.elements.push_back(maker.crossing(trial.lists, {}, static_cast<int>(random() % 3)));
    absl::StrAppend(&trial.text, "        - \"", trial.elements.back().text, "\"\n");
  }
  for (size_t i = 0; trial.per_object && i < 3; ++i) {
    trial.of_object.push_back(maker.object(*list.format, "", 1));
    absl::StrAppend(&trial.text, "        - \"", trial.of_object.back().text, "\"\n");
  }
  trial.tensor.name = std::string("x");
  trial.tensor.type.shape = {static_cast<int64_t>(count + trial.of_object.size())};
  const bool uniform = random() % 2 == 0;
  const int64_t types = uniform ? 1 : trial.tensor.type.elements();
  for (int64_t i = 0; i < types; ++i) trial.tensor.type.types.push_back(random_type(random, widest));
  return trial;
}

int64_t load(const std::byte* from, int bits, bool is_signed) {
  uint64_t value = 0;
  std::memcpy(&value, from, static_cast<size_t>(bits / 8));
  return is_signed ? static_cast<int64_t>(value << (64 - bits)) >> (64 - bits) : static_cast<int64_t>(value);
}

void expect_tensor(const TensorTrial& trial, const Selected& selected, const std::vector<std::byte>& rows,
                   size_t row_count, const TensorCounts& found) {
  TensorCounts counts;
  size_t row = 0;
  const auto check = [&](size_t element, double value) {
    const FixedType& type = trial.tensor.type.at(static_cast<int64_t>(element));
    const int64_t expected = expected_raw(value, type, trial.raw, counts);
    const int bits = trial.tensor.type.container();
    const std::byte* at = rows.data() + row * static_cast<size_t>(trial.tensor.type.row_bytes()) +
                          element * static_cast<size_t>(bits / 8);
    ASSERT_EQ(expected, load(at, bits, type.is_signed))
        << "row " << row << ", element " << element << ", value " << value << ", " << type.to_string() << "\n"
        << trial.text;
  };
  for (const uint32_t passed : selected.passed()) {
    const naive::Crossing crossing{&trial.world, selected.orbit(), selected.crossings()[passed]};
    const std::vector<naive::Object> objects = trial.lists[0].list.objects(crossing);
    for (size_t place = 0; place < (trial.per_object ? objects.size() : 1); ++place) {
      ASSERT_LT(row, row_count);
      for (size_t i = 0; i < trial.elements.size(); ++i) check(i, trial.elements[i].value(crossing));
      for (size_t i = 0; i < trial.of_object.size(); ++i)
        check(trial.elements.size() + i, trial.of_object[i].value(objects[place]));
      ++row;
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
  EXPECT_EQ(row, row_count);
  EXPECT_EQ(counts.saturated, found.saturated) << trial.text;
  EXPECT_EQ(counts.wrapped, found.wrapped) << trial.text;
  EXPECT_EQ(counts.not_finite, found.not_finite) << trial.text;
}

void run_trials(uint64_t seed, int trials) {
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  const char* formats[] = {"gmt", "tkmuon", "jet-zs"};
  const int widths[] = {8, 16, 32, 64};
  for (int i = 0; i < trials; ++i) {
    const SourceFormat& format = *find_format(formats[random() % 3]);
    TensorTrial trial = make_trial(random, format, widths[random() % 4]);
    SelectionSetup setup;
    setup.sources.push_back({"source", &format});
    setup.models.push_back({"net", {trial.tensor}, {}});
    auto selection = Selection::compile(YAML::Load(trial.text), setup);
    ASSERT_TRUE(selection.ok()) << selection.status() << "\n" << trial.text;
    Selected selected;
    Workspace workspace;
    for (const uint32_t orbit : {7U, 8U}) {
      naive::OrbitOptions options;
      options.crossings = 0.02 + 0.2 * static_cast<double>(random() % 2);
      trial.world.orbits[orbit].push_back(naive::random_orbit(format, orbit, options, random));
      const SourceOrbit* part = trial.world.part(orbit, 0);
      selection->evaluate(nullptr, {orbit, {&part, 1}}, nullptr, selected, workspace);
      const size_t count = selection->tensor_rows(0, selected);
      const size_t bytes = count * static_cast<size_t>(trial.tensor.type.row_bytes());
      const std::byte kUntouched{0xa5};
      std::vector<std::byte> rows(bytes + 64, kUntouched);
      const TensorCounts counts = selection->write_tensor(0, 0, selected, workspace, std::span(rows).first(bytes));
      for (size_t k = bytes; k < rows.size(); ++k) ASSERT_EQ(rows[k], kUntouched) << "written beyond the last row";
      expect_tensor(trial, selected, rows, count, counts);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(RandomTensors, HoldWhatTheReferenceSays) {
  const uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  run_trials(seed, 60);
}

TEST(RandomTensors, AreTheSameOnEveryInstructionSet) {
  for (int64_t left = hwy::SupportedTargets(); left != 0; left &= left - 1) {
    hwy::SetSupportedTargetsForTest(left & -left);
    SCOPED_TRACE(hwy::TargetName(left & -left));
    run_trials(3, 12);
    hwy::SetSupportedTargetsForTest(0);
  }
}

}  // namespace
}  // namespace strobe::scouting
