#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "host/io/files.h"
#include "import_fixture.h"
#include "kernels/import/float_model.h"
#include "kernels/import/forest.h"
#include "kernels/import/forest_reference.h"

/// Forests of the shared data beside what their frameworks gave for the jets.
namespace strobe::import {

inline std::string tree_path(const std::string& name) { return model_path("trees/" + name); }

inline std::shared_ptr<const Forest> must_import_forest(const std::string& path) {
  auto model = import_model(path);
  EXPECT_TRUE(model.ok()) << path << ": " << model.status();
  if (!model.ok()) return nullptr;
  EXPECT_EQ(model->layers.size(), 2u) << path;
  EXPECT_EQ(model->layers.back().kind, "Forest") << path;
  return model->layers.back().forest;
}

/// A file of the project's own forests.
inline std::string own(const std::string& name) {
  return std::string(STROBE_SOURCE_DIR) + "/tests/data/import/forests/" + name;
}

/// The arrays of a .npz file by name.
inline std::map<std::string, std::vector<double>> arrays_of(const std::string& path) {
  std::map<std::string, std::vector<double>> by_name;
  auto arrays = io::read_npz(path);
  EXPECT_TRUE(arrays.ok()) << arrays.status();
  if (arrays.ok()) {
    for (const auto& named : *arrays) by_name[named.name] = named.array.numbers();
  }
  return by_name;
}

/// Arrays of `expected/<name>__framework.npz`.
inline std::map<std::string, std::vector<double>> framework_arrays(const std::string& name) {
  return arrays_of(tree_path("expected/" + name + "__framework.npz"));
}

/// The 1024 jets as numbers.
inline std::vector<double> jets() {
  auto raw = io::read_npy(shared_data() + "/jets/features_fixed16_6.npy");
  EXPECT_TRUE(raw.ok()) << raw.status();
  std::vector<double> values = raw.ok() ? raw->numbers() : std::vector<double>();
  for (double& v : values) v /= 1024;
  return values;
}

inline ForestEvaluation must_evaluate_forest(const Forest& forest, const std::vector<double>& inputs) {
  auto result = evaluate_forest(forest, inputs, inputs.size() / static_cast<size_t>(forest.features));
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *std::move(result) : ForestEvaluation{};
}

inline double largest_difference(const std::vector<double>& found, const std::vector<double>& expected) {
  EXPECT_EQ(found.size(), expected.size());
  if (found.size() != expected.size()) return 1e300;
  double worst = 0;
  for (size_t i = 0; i < found.size(); ++i) worst = std::max(worst, std::abs(found[i] - expected[i]));
  return worst;
}

/// Compares a forest with its framework: the same leaf in every tree for every event, margins and final answers to the
/// framework's rounding.
inline void expect_as_framework(const Forest& forest, const std::string& name, double tolerance) {
  SCOPED_TRACE(name);
  auto expected = framework_arrays(name);
  const auto found = must_evaluate_forest(forest, expected.contains("inputs") ? expected["inputs"] : jets());
  ASSERT_FALSE(found.margins.empty());
  if (expected.contains("leaf_index")) {
    EXPECT_TRUE(std::equal(found.leaves.begin(), found.leaves.end(), expected["leaf_index"].begin(),
                           expected["leaf_index"].end()));
  }
  ASSERT_TRUE(expected.contains("margins") || expected.contains("probabilities"));
  if (expected.contains("margins")) {
    EXPECT_LT(largest_difference(found.margins, expected["margins"]), tolerance);
  }
  if (expected.contains("probabilities")) {
    std::vector<double> answers = found.margins;
    apply_post_transform(forest, answers);
    EXPECT_LT(largest_difference(answers, expected["probabilities"]), tolerance);
  }
}

}  // namespace strobe::import
