#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kernels/import/forest_json.h"
#include "kernels/import/forest_tree.h"

namespace strobe::import {
namespace {

class Reader {
 public:
  Reader(const Json& document, const std::string& name) : document_(document), name_(name) {}

  absl::StatusOr<FloatModel> read() {
    for (auto step : {&Reader::read_header, &Reader::read_trees}) {
      if (absl::Status s = (this->*step)(); !s.ok())
        return absl::Status(s.code(), absl::StrCat("'", name_, "': ", s.message()));
    }
    std::map<std::string, std::string> provenance = {{"format", "conifer JSON"}};
    const Json& version = member(member(document_, "metadata"), "version");
    if (const auto text = as_text(version)) provenance["conifer_version"] = *text;
    if (!library_.empty()) provenance["library"] = library_;
    return forest_model(std::move(forest_), name_, "conifer", std::move(provenance));
  }

 private:
  absl::Status read_header() {
    auto classes = count_of(member(document_, "n_classes"), kMaxForestOutputs, "n_classes");
    if (!classes.ok()) return classes.status();
    auto features = count_of(member(document_, "n_features"), kMaxForestFeatures, "n_features");
    if (!features.ok()) return features.status();
    forest_.features = static_cast<int32_t>(*features);
    // Two classes share one score; so does regression, which conifer calls two classes.
    forest_.outputs = *classes <= 2 ? 1 : static_cast<int32_t>(*classes);
    library_ = as_text(member(document_, "library")).value_or("");
    // conifer writes what others dumped as decimals; scikit-learn alone has thresholds in double.
    forest_.single_precision_thresholds = library_ != "sklearn";
    const std::string convention = as_text(member(document_, "splitting_convention")).value_or("");
    if (convention != "<" && convention != "<=") {
      return absl::InvalidArgumentError(
          absl::StrCat("splitting_convention: expected \"<\" or \"<=\", found \"", convention, "\""));
    }
    test_ = convention == "<" ? SplitTest::kLess : SplitTest::kLessEqual;
    const std::optional<double> norm = as_number(member(document_, "norm"));
    if (!norm) return absl::InvalidArgumentError("norm: expected a number");
    forest_.scale = *norm;
    read_feature_names();
    const Json& init = member(document_, "init_predict");
    auto base = number_list(init, init.size(), "init_predict (conifer writes NaN where it misread base_score)");
    if (!base.ok()) return base.status();
    // scikit-learn's binary forests come with one number for either class.
    if (base->size() < static_cast<size_t>(forest_.outputs)) {
      return absl::InvalidArgumentError(
          absl::StrCat("init_predict: expected ", forest_.outputs, " numbers, found ", base->size()));
    }
    base->resize(static_cast<size_t>(forest_.outputs));
    forest_.base = *std::move(base);
    return absl::OkStatus();
  }

  void read_feature_names() {
    const Json& map = member(document_, "feature_map");
    if (!map.is_object() || map.size() != static_cast<size_t>(forest_.features)) return;
    std::vector<std::string> names(map.size());
    for (const auto& [key, value] : map.items()) {
      const int64_t at = as_integer(value).value_or(-1);
      if (at < 0 || at >= forest_.features || !names[static_cast<size_t>(at)].empty()) return;
      names[static_cast<size_t>(at)] = key;
    }
    forest_.feature_names = std::move(names);
  }

  absl::Status read_trees() {
    const Json& rounds = member(document_, "trees");
    for (size_t t = 0; t < rounds.size(); ++t) {
      const Json& classes = rounds[t];
      if (!classes.is_array() || classes.size() != static_cast<size_t>(forest_.outputs)) {
        return absl::InvalidArgumentError(absl::StrCat("trees[", t, "]: expected ", forest_.outputs,
                                                       " trees, one an output, found ", classes.size()));
      }
      for (size_t k = 0; k < classes.size(); ++k) {
        FileTree tree;
        tree.label = forest_.outputs == 1 ? absl::StrCat("tree ", t) : absl::StrCat("tree ", t, ", class ", k);
        tree.output = static_cast<int32_t>(k);
        if (absl::Status s = read_tree(classes[k], tree); !s.ok()) return s;
        if (absl::Status s = append_tree(tree, forest_); !s.ok()) return s;
      }
    }
    return absl::OkStatus();
  }

  absl::Status read_tree(const Json& source, FileTree& tree) {
    const Json& features = member(source, "feature");
    const size_t count = features.is_array() ? features.size() : 0;
    if (count == 0) return absl::InvalidArgumentError(absl::StrCat(tree.label, ": expected nodes, found none"));
    std::map<std::string, std::vector<double>> lists;
    for (const char* key : {"feature", "threshold", "value", "children_left", "children_right"}) {
      auto numbers = number_list(member(source, key), count, absl::StrCat(tree.label, ": ", key));
      if (!numbers.ok()) return numbers.status();
      lists[key] = *std::move(numbers);
    }
    const Json& weights = member(source, "weight");
    if (!weights.is_null() && (!weights.is_array() || weights.size() != count))
      return absl::InvalidArgumentError(absl::StrCat(tree.label, ": weight: expected ", count, " rows"));
    for (size_t n = 0; n < count; ++n) {
      ForestNode node;
      node.file_id = static_cast<int32_t>(n);
      if (lists["feature"][n] == -2) {
        node.leaf = static_cast<int32_t>(tree.leaf_values.size());
        tree.leaf_values.push_back(lists["value"][n]);
      } else {
        node.test = test_;
        node.threshold = lists["threshold"][n];
        node.if_true = index(lists["children_left"][n]);
        node.if_false = index(lists["children_right"][n]);
        node.feature = index(lists["feature"][n]);
        if (weights.is_array()) {
          const std::string what = absl::StrCat(tree.label, ", node ", n, ": weight");
          auto row = number_list(weights[n], static_cast<size_t>(forest_.features), what);
          if (!row.ok()) return row.status();
          set_projection(*std::move(row), node);
        }
      }
      tree.nodes.push_back(node);
    }
    return absl::OkStatus();
  }

  static int32_t index(double value) {
    return value >= 0 && value < 2147483647.0 ? static_cast<int32_t>(value) : std::numeric_limits<int32_t>::max();
  }

  /// A row with a single 1 is a plain split on that feature, which is what conifer compares.
  void set_projection(Projection row, ForestNode& node) {
    const auto first = std::find_if(row.begin(), row.end(), [](double w) { return w != 0; });
    if (first != row.end() && *first == 1 && std::all_of(first + 1, row.end(), [](double w) { return w == 0; })) {
      node.feature = static_cast<int32_t>(first - row.begin());
      return;
    }
    node.feature = -1;
    const auto [found, is_new] = projection_of_.try_emplace(row, static_cast<int32_t>(forest_.projections.size()));
    if (is_new) forest_.projections.push_back(std::move(row));
    node.projection = found->second;
  }

  const Json& document_;
  const std::string& name_;
  std::string library_;
  SplitTest test_ = SplitTest::kLess;
  std::map<Projection, int32_t> projection_of_;
  Forest forest_;
};

}  // namespace

absl::StatusOr<FloatModel> read_conifer(const Json& document, const std::string& name) {
  return Reader(document, name).read();
}

}  // namespace strobe::import
