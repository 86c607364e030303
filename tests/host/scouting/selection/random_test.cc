#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>

#include "absl/strings/str_cat.h"
#include "host/scouting/formats/find_format.h"
#include "host/scouting/selection/selection.h"
#include "hwy/targets.h"
#include "tests/host/scouting/selection/random_expression.h"
#include "yaml-cpp/yaml.h"

namespace strobe::scouting {
namespace {

bool same_bits(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

/// A random configuration, its meaning, and orbits to try it on.
struct Trial {
  std::vector<SourceSetup> sources;
  std::vector<naive::NamedList> lists;
  std::vector<naive::Expression> values;
  naive::Expression require;
  std::string text;
  naive::World world;
};

Trial make_trial(std::mt19937_64& random) {
  Trial trial;
  const std::vector<std::vector<const char*>> choices = {
      {"gmt"},     {"gmt"},     {"tkmuon"},        {"puppi"},
      {"calo-zs"}, {"stub-zs"}, {"gmt", "gmt-zs"}, {"gmt", "calo-zs", "puppi"}};
  const auto& chosen = choices[random() % choices.size()];
  for (size_t i = 0; i < chosen.size(); ++i) trial.sources.push_back({absl::StrCat("s", i), find_format(chosen[i])});
  const int window = random() % 3 == 0 ? 1 + static_cast<int>(random() % 4) : 0;
  naive::ExpressionMaker maker(random, window);
  trial.text = "select:\n";
  const size_t lists = 1 + random() % 3;
  for (size_t i = 0; i < lists; ++i) {
    naive::NamedList named;
    named.list.name = absl::StrCat("l", i);
    named.list.source = random() % trial.sources.size();
    const auto collections = trial.sources[named.list.source].format->collections;
    named.list.collection = random() % collections.size();
    named.format = collections[named.list.collection];
    absl::StrAppend(&trial.text, "  ", named.list.name, ": {from: ", trial.sources[named.list.source].name, ".",
                    std::string(named.format->name));
    if (random() % 3 != 0) {
      const naive::ObjectExpression where = maker.object(*named.format, "", 2);
      named.list.where = where.value;
      absl::StrAppend(&trial.text, ", where: \"", where.text, "\"");
    }
    if (random() % 3 != 0) {
      const naive::ObjectExpression sort = maker.object(*named.format, "", static_cast<int>(random() % 3));
      named.list.sort = sort.value;
      absl::StrAppend(&trial.text, ", sort: \"", sort.text, "\"");
    }
    if (random() % 2 == 0) {
      named.list.first = 1 + random() % 4;
      absl::StrAppend(&trial.text, ", first: ", named.list.first);
    }
    trial.text += "}\n";
    trial.lists.push_back(named);
  }
  trial.text += "values:\n";
  for (int i = 0; i < 4; ++i) {
    naive::Expression value = maker.crossing(trial.lists, trial.values, 1 + static_cast<int>(random() % 4));
    const std::string name = absl::StrCat("v", i);
    absl::StrAppend(&trial.text, "  ", name, ": \"", value.text, "\"\n");
    trial.values.push_back({name, value.value});
  }
  trial.require = maker.crossing(trial.lists, trial.values, 2);
  absl::StrAppend(&trial.text, "require: \"", trial.require.text, "\"\n");
  return trial;
}

void make_orbits(Trial& trial, std::mt19937_64& random) {
  trial.world.first_crossing = static_cast<int>(random() % 2);
  const uint32_t first = random() % 5 == 0 ? 0xfffffffe : static_cast<uint32_t>(random() % 100000);
  for (uint32_t i = 0; i < 3; ++i) {
    if (i != 1 && random() % 4 == 0) continue;
    auto& parts = trial.world.orbits[first + i];
    for (const SourceSetup& source : trial.sources) {
      naive::OrbitOptions options;
      options.crossings = random() % 4 == 0 ? 0.9 : 0.02 + 0.1 * static_cast<double>(random() % 3);
      options.more = random() % 4 == 0 ? 0.95 : 0.5;
      options.few_values = random() % 3 != 0;
      parts.push_back(random() % 8 == 0 ? nullptr : naive::random_orbit(*source.format, first + i, options, random));
    }
  }
}

void expect_equal(const Trial& trial, const Selected& selected, uint32_t orbit) {
  size_t row = 0, passed = 0;
  for (int number = 0; number <= 3564; ++number) {
    const naive::Crossing crossing{&trial.world, orbit, number};
    bool there = false;
    for (size_t s = 0; s < trial.sources.size(); ++s) {
      const SourceOrbit* part = trial.world.part(orbit, s);
      there |=
          part != nullptr && std::find(part->crossings.begin(), part->crossings.end(), number) != part->crossings.end();
    }
    if (!there) continue;
    ASSERT_LT(row, selected.crossings().size());
    ASSERT_EQ(selected.crossings()[row], number);
    for (size_t v = 0; v < trial.values.size(); ++v) {
      const double expected = trial.values[v].value(crossing), found = selected.value(v)[row];
      ASSERT_TRUE(same_bits(expected, found))
          << "v" << v << " of crossing " << number << ": expected " << expected << ", found " << found << "\n"
          << trial.text;
    }
    if (trial.require.value(crossing) > 0) {
      ASSERT_LT(passed, selected.passed().size());
      ASSERT_EQ(selected.passed()[passed++], row);
    }
    ++row;
  }
  EXPECT_EQ(row, selected.crossings().size());
  EXPECT_EQ(passed, selected.passed().size());
}

void run_trials(uint64_t seed, int trials) {
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < trials; ++i) {
    Trial trial = make_trial(random);
    SelectionSetup setup;
    setup.sources = trial.sources;
    // The numbers' first crossing is fixed when the selection is made, so one of each.
    Selected selected;
    Workspace workspace;
    make_orbits(trial, random);
    setup.first_crossing = static_cast<uint32_t>(trial.world.first_crossing);
    auto selection = Selection::compile(YAML::Load(trial.text), setup);
    ASSERT_TRUE(selection.ok()) << selection.status() << "\n" << trial.text;
    for (const auto& [number, parts] : trial.world.orbits) {
      std::vector<std::vector<const SourceOrbit*>> views;
      std::vector<OrbitView> orbits;
      views.reserve(3);
      for (const uint32_t each : {number - 1, number, number + 1}) {
        views.emplace_back();
        for (size_t s = 0; s < trial.sources.size(); ++s) views.back().push_back(trial.world.part(each, s));
        orbits.push_back({each, views.back()});
      }
      const auto view = [&](size_t k, uint32_t each) {
        return trial.world.orbits.contains(each) ? &orbits[k] : nullptr;
      };
      selection->evaluate(view(0, number - 1), orbits[1], view(2, number + 1), selected, workspace);
      expect_equal(trial, selected, number);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(RandomSelections, AreWhatTheNaiveInterpreterSays) {
  const uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  run_trials(seed, 40);
}

TEST(RandomSelections, AreTheSameOnEveryInstructionSet) {
  for (int64_t left = hwy::SupportedTargets(); left != 0; left &= left - 1) {
    hwy::SetSupportedTargetsForTest(left & -left);
    SCOPED_TRACE(hwy::TargetName(left & -left));
    run_trials(5, 10);
    hwy::SetSupportedTargetsForTest(0);
  }
}

}  // namespace
}  // namespace strobe::scouting
