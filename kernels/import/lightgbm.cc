#include "kernels/import/lightgbm.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "kernels/import/forest_tree.h"

namespace strobe::import {
namespace {

/// Lines `key=value` of the header or of one tree.
using Section = std::map<std::string, absl::string_view, std::less<>>;

absl::string_view value_of(const Section& section, std::string_view key) {
  const auto found = section.find(key);
  return found == section.end() ? absl::string_view() : found->second;
}

absl::StatusOr<std::vector<double>> numbers_of(const Section& section, const char* key, size_t count,
                                               const std::string& label) {
  std::vector<double> numbers;
  for (const absl::string_view part : absl::StrSplit(value_of(section, key), ' ', absl::SkipWhitespace())) {
    double number = 0;
    if (!absl::SimpleAtod(part, &number)) {
      return absl::InvalidArgumentError(absl::StrCat(label, ": ", key, ": entry ", numbers.size(), " is not a number"));
    }
    numbers.push_back(number);
  }
  if (numbers.size() != count) {
    return absl::InvalidArgumentError(
        absl::StrCat(label, ": ", key, ": expected ", count, " numbers, found ", numbers.size()));
  }
  return numbers;
}

absl::StatusOr<int64_t> integer_of(const Section& section, const char* key, int64_t lowest, int64_t highest,
                                   const std::string& label) {
  int64_t number = 0;
  if (!absl::SimpleAtoi(value_of(section, key), &number) || number < lowest || number > highest) {
    return absl::InvalidArgumentError(absl::StrCat(label, ": ", key, ": expected a whole number from ", lowest, " to ",
                                                   highest, ", found '", value_of(section, key).substr(0, 40), "'"));
  }
  return number;
}

/// Numbers of one tree's splits.
struct Splits {
  std::vector<double> feature, threshold, decision, left, right, cat_boundaries, cat_words;
};

class Reader {
 public:
  Reader(std::string_view text, const std::string& name) : text_(text.data(), text.size()), name_(name) {}

  absl::StatusOr<FloatModel> read() {
    if (absl::Status s = read_sections(); !s.ok())
      return absl::Status(s.code(), absl::StrCat("'", name_, "': ", s.message()));
    return forest_model(std::move(forest_), name_, "lightgbm", std::move(provenance_));
  }

 private:
  absl::Status read_sections() {
    Section section;
    bool in_header = true, ended = false;
    for (absl::string_view line : absl::StrSplit(text_, '\n')) {
      if (absl::EndsWith(line, "\r")) line.remove_suffix(1);
      ended = line == "end of trees";
      if (ended || absl::StartsWith(line, "Tree=")) {
        if (absl::Status s = in_header ? read_header(section) : read_tree(section); !s.ok()) return s;
        in_header = false;
        section.clear();
        if (ended) break;
      }
      const size_t equals = line.find('=');
      section[std::string(line.substr(0, equals))] =
          equals == absl::string_view::npos ? absl::string_view() : line.substr(equals + 1);
    }
    if (!ended) return absl::InvalidArgumentError("expected 'end of trees', found the end of the file");
    const size_t count = forest_.trees.size(), each = static_cast<size_t>(forest_.outputs);
    if (count == 0 || count % each != 0)
      return absl::InvalidArgumentError(absl::StrCat("expected a multiple of ", each, " trees, found ", count));
    if (average_) forest_.post_scale /= static_cast<double>(count / each);
    return absl::OkStatus();
  }

  absl::Status read_header(const Section& header) {
    auto features = integer_of(header, "max_feature_idx", 0, kMaxForestFeatures - 1, "header");
    if (!features.ok()) return features.status();
    auto outputs = integer_of(header, "num_tree_per_iteration", 1, kMaxForestOutputs, "header");
    if (!outputs.ok()) return outputs.status();
    forest_.features = static_cast<int32_t>(*features) + 1;
    forest_.outputs = static_cast<int32_t>(*outputs);
    forest_.base.assign(static_cast<size_t>(*outputs), 0);
    forest_.single_precision_inputs = false;
    average_ = header.contains("average_output");
    const std::vector<std::string> names = absl::StrSplit(value_of(header, "feature_names"), ' ', absl::SkipEmpty());
    if (names.size() == static_cast<size_t>(forest_.features)) forest_.feature_names = names;
    provenance_["format"] = "LightGBM text";
    provenance_["lightgbm_version"] = std::string(value_of(header, "version"));
    return read_objective(value_of(header, "objective"));
  }

  /// The margins do not depend on the objective; what turns them into answers does.
  absl::Status read_objective(absl::string_view text) {
    provenance_["objective"] = std::string(text);
    const std::vector<std::string> words = absl::StrSplit(text, ' ', absl::SkipEmpty());
    static const std::map<std::string, PostTransform, std::less<>> kTransforms = {
        {"binary", PostTransform::kSigmoid},
        {"multiclass", PostTransform::kSoftmax},
        {"multiclassova", PostTransform::kSigmoid},
        {"cross_entropy", PostTransform::kSigmoid},
        {"xentropy", PostTransform::kSigmoid},
        {"poisson", PostTransform::kExp},
        {"gamma", PostTransform::kExp},
        {"tweedie", PostTransform::kExp}};
    const auto found = words.empty() ? kTransforms.end() : kTransforms.find(words[0]);
    if (found == kTransforms.end()) return absl::OkStatus();
    forest_.post = found->second;
    for (const std::string& word : words) {
      if (!absl::StartsWith(word, "sigmoid:")) continue;
      if (!absl::SimpleAtod(word.substr(8), &forest_.post_scale))
        return absl::InvalidArgumentError(absl::StrCat("header: objective: '", word, "' names no number"));
    }
    return absl::OkStatus();
  }

  absl::Status read_tree(const Section& section) {
    FileTree tree;
    const size_t number = forest_.trees.size();
    tree.label = absl::StrCat("tree ", number);
    tree.output = static_cast<int32_t>(number % static_cast<size_t>(forest_.outputs));
    if (absl::StrContains(value_of(section, "is_linear"), "1")) {
      return absl::UnimplementedError(
          absl::StrCat(tree.label, ": leaves with linear models (linear_tree); strobe reads leaves of constant value"));
    }
    auto leaves = integer_of(section, "num_leaves", 1, int64_t{1} << 28, tree.label);
    if (!leaves.ok()) return leaves.status();
    const auto leaf_count = static_cast<size_t>(*leaves);
    auto values = numbers_of(section, "leaf_value", leaf_count, tree.label);
    if (!values.ok()) return values.status();
    auto splits = read_splits(section, leaf_count - 1, tree.label);
    if (!splits.ok()) return splits.status();
    for (size_t n = 0; n + 1 < leaf_count; ++n) {
      auto node = make_split(*splits, n, leaf_count - 1, tree.label);
      if (!node.ok()) return node.status();
      tree.nodes.push_back(*node);
    }
    for (size_t leaf = 0; leaf < leaf_count; ++leaf) {
      ForestNode node;
      node.leaf = node.file_id = static_cast<int32_t>(leaf);
      tree.nodes.push_back(node);
    }
    tree.leaf_values = *std::move(values);
    return append_tree(tree, forest_);
  }

  static absl::StatusOr<Splits> read_splits(const Section& section, size_t count, const std::string& label) {
    Splits splits;
    if (count == 0) return splits;
    auto sets = integer_of(section, "num_cat", 0, int64_t{1} << 28, label);
    if (!sets.ok()) return sets.status();
    for (const auto& [key, target] : {std::pair("split_feature", &splits.feature),
                                      {"threshold", &splits.threshold},
                                      {"decision_type", &splits.decision},
                                      {"left_child", &splits.left},
                                      {"right_child", &splits.right}}) {
      auto numbers = numbers_of(section, key, count, label);
      if (!numbers.ok()) return numbers.status();
      *target = *std::move(numbers);
    }
    if (*sets == 0) return splits;
    auto boundaries = numbers_of(section, "cat_boundaries", static_cast<size_t>(*sets) + 1, label);
    if (!boundaries.ok()) return boundaries.status();
    splits.cat_boundaries = *std::move(boundaries);
    const double words = splits.cat_boundaries.back();
    if (!(words >= 0 && words < 1e9))
      return absl::InvalidArgumentError(absl::StrCat(label, ": cat_boundaries ends with ", words));
    auto bits = numbers_of(section, "cat_threshold", static_cast<size_t>(words), label);
    if (!bits.ok()) return bits.status();
    splits.cat_words = *std::move(bits);
    return splits;
  }

  /// Children count splits from 0 on and leaves as ~leaf; here leaves follow the splits.
  absl::StatusOr<ForestNode> make_split(const Splits& splits, size_t n, size_t split_count, const std::string& label) {
    const auto child = [&](double value) {
      const double at = value < 0 ? static_cast<double>(split_count) - value - 1 : value;
      const bool fits = at < 2147483647.0 && (value < 0 || value < static_cast<double>(split_count));
      return fits ? static_cast<int32_t>(at) : std::numeric_limits<int32_t>::max();
    };
    const double decision = splits.decision[n];
    if (!(decision >= 0 && decision < 16))
      return absl::InvalidArgumentError(absl::StrCat(label, ", node ", n, ": decision_type ", decision));
    const auto bits = static_cast<unsigned>(decision);
    ForestNode node;
    node.file_id = static_cast<int32_t>(n);
    node.if_true = child(splits.left[n]);
    node.if_false = child(splits.right[n]);
    const double feature = splits.feature[n];
    node.feature = feature >= 0 && feature < forest_.features ? static_cast<int32_t>(feature) : forest_.features;
    if (bits & 1) {
      // A NaN is in no set, whatever the missing type.
      node.test = SplitTest::kInCategories;
      node.missing = MissingValues::kNan;
      auto set = category_set(splits, splits.threshold[n], absl::StrCat(label, ", node ", n));
      if (!set.ok()) return set.status();
      node.categories = *set;
      return node;
    }
    if (bits >> 2 == 3) return absl::InvalidArgumentError(absl::StrCat(label, ", node ", n, ": unknown missing type"));
    node.test = SplitTest::kLessEqual;
    node.threshold = splits.threshold[n];
    node.missing = bits >> 2 == 0   ? MissingValues::kNone
                   : bits >> 2 == 1 ? MissingValues::kNanAndZero
                                    : MissingValues::kNan;
    node.missing_goes_true = (bits & 2) != 0;
    return node;
  }

  /// Set `index` of a tree is a bit field in 32-bit words.
  absl::StatusOr<int32_t> category_set(const Splits& splits, double index, const std::string& label) {
    const auto& boundaries = splits.cat_boundaries;
    if (!(index >= 0 && index + 1 < static_cast<double>(boundaries.size())))
      return absl::InvalidArgumentError(absl::StrCat(label, ": category set ", index, " does not exist"));
    const double first = boundaries[static_cast<size_t>(index)], last = boundaries[static_cast<size_t>(index) + 1];
    if (!(first >= 0 && first <= last && last <= static_cast<double>(splits.cat_words.size())))
      return absl::InvalidArgumentError(absl::StrCat(label, ": category set ", index, " has no words"));
    std::vector<int64_t> set;
    const auto begin = static_cast<size_t>(first);
    for (size_t w = begin; w < static_cast<size_t>(last); ++w) {
      const double word = splits.cat_words[w];
      if (!(word >= 0 && word <= 4294967295.0))
        return absl::InvalidArgumentError(absl::StrCat(label, ": cat_threshold ", word, " is no 32-bit word"));
      for (int bit = 0; bit < 32; ++bit) {
        if (static_cast<uint64_t>(word) >> bit & 1) set.push_back(static_cast<int64_t>((w - begin) * 32) + bit);
      }
    }
    forest_.category_sets.push_back(std::move(set));
    return static_cast<int32_t>(forest_.category_sets.size()) - 1;
  }

  absl::string_view text_;
  const std::string& name_;
  bool average_ = false;
  Forest forest_;
  std::map<std::string, std::string> provenance_;
};

}  // namespace

bool looks_like_lightgbm(std::string_view head) {
  return head.starts_with("tree\nversion=") || head.starts_with("tree\r\nversion=");
}

absl::StatusOr<FloatModel> read_lightgbm(std::string_view text, const std::string& name) {
  return Reader(text, name).read();
}

}  // namespace strobe::import
