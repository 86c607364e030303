#include "host/scouting/selection/config.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/scouting/core/shortened.h"

namespace strobe::scouting::selection {
namespace {

constexpr int kMostLeading = 256;

std::string kind_of(const YAML::Node& node) {
  if (!node.IsDefined() || node.IsNull()) return "nothing";
  return node.IsScalar() ? absl::StrCat("'", shortened(node.Scalar()), "'") : node.IsSequence() ? "a list" : "a map";
}

class Reader {
 public:
  Reader(const YAML::Node& config, const SelectionSetup& setup)
      : config_(config), setup_(setup), lowered_(std::make_unique<Lowered>()), plan_(lowered_->plan) {}

  absl::StatusOr<std::unique_ptr<Lowered>> run() {
    if (!config_.IsMap()) return error_at(config_, absl::StrCat("expected a map, found ", kind_of(config_)));
    declare_sources();
    for (const auto step : {&Reader::read_lists, &Reader::declare_models, &Reader::read_values, &Reader::read_require,
                            &Reader::read_models, &Reader::read_keep}) {
      if (absl::Status s = (this->*step)(); !s.ok()) return s;
    }
    return std::move(lowered_);
  }

 private:
  // YAML.

  absl::Status error_at(const YAML::Node& node, const std::string& flaw) const {
    return absl::InvalidArgumentError(absl::StrCat(setup_.file, ":", std::max(node.Mark().line, 0) + 1, ": ", flaw));
  }

  absl::Status check_keys(const YAML::Node& map, const std::string& what, const std::vector<std::string>& known) {
    if (!map.IsMap()) return error_at(map, absl::StrCat(what, ": expected a map, found ", kind_of(map)));
    std::vector<std::string> seen;
    for (const auto& entry : map) {
      if (!entry.first.IsScalar()) return error_at(entry.first, absl::StrCat(what, ": expected a name before ':'"));
      const std::string& key = entry.first.Scalar();
      if (!known.empty() && std::find(known.begin(), known.end(), key) == known.end())
        return error_at(entry.first, absl::StrCat(what, ": unknown key '", shortened(key),
                                                  "'; known: ", absl::StrJoin(known, ", ")));
      if (std::find(seen.begin(), seen.end(), key) != seen.end())
        return error_at(entry.first, absl::StrCat(what, ": '", shortened(key), "' is there twice"));
      seen.push_back(key);
    }
    return absl::OkStatus();
  }

  absl::Status in_text(const YAML::Node& node, const std::string& what, const absl::Status& status) const {
    return error_at(node, absl::StrCat(what, " '", shortened(node.Scalar()),
                                       "': ", std::string(status.message().data(), status.message().size())));
  }

  absl::StatusOr<Expression> expression(const YAML::Node& node, const std::string& what) {
    if (!node.IsScalar()) return error_at(node, absl::StrCat(what, ": expected an expression, found ", kind_of(node)));
    auto parsed = parse(node.Scalar());
    if (!parsed.ok()) return in_text(node, what, parsed.status());
    return parsed;
  }

  absl::StatusOr<TermId> number(const YAML::Node& node, const std::string& what, const Scope& scope) {
    auto parsed = expression(node, what);
    if (!parsed.ok()) return parsed.status();
    auto term = lower(plan_, scope, *parsed);
    if (!term.ok()) return in_text(node, what, term.status());
    return term;
  }

  absl::Status whole(const YAML::Node& node, const std::string& what, uint64_t low, uint64_t high, uint64_t& value) {
    if (node.IsScalar() && absl::SimpleAtoi(node.Scalar(), &value) && value >= low && value <= high)
      return absl::OkStatus();
    return error_at(
        node, absl::StrCat(what, ": expected a whole number from ", low, " to ", high, ", found ", kind_of(node)));
  }

  /// A name that expressions can say, and that nothing else has.
  absl::Status check_name(const YAML::Node& node, const std::string& what) {
    const std::string& name = node.Scalar();
    const auto first = static_cast<unsigned char>(name.empty() ? '0' : name[0]);
    const bool spelt =
        (absl::ascii_isalpha(first) || first == '_') && std::all_of(name.begin(), name.end(), [](char c) {
          return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
        });
    if (!spelt)
      return error_at(node,
                      absl::StrCat(what, ": expected a name of letters, digits and _, found '", shortened(name), "'"));
    if (name.size() > kLongestName)
      return error_at(node,
                      absl::StrCat(what, ": expected a name of at most ", kLongestName, " bytes, found ", name.size()));
    const auto taken = [&](std::string_view by) {
      return error_at(node, absl::StrCat(what, ": the name '", name, "' is taken by ", std::string(by)));
    };
    for (const std::string_view word : {"bx", "orbit", "pi", "and", "or", "not"}) {
      if (name == word) return taken("the language");
    }
    if (plan_.lists.contains(name)) return taken("a list");
    for (const SourceSetup& source : plan_.sources) {
      if (source.name == name) return taken("a source");
    }
    for (const CollectionPlan& collection : plan_.collections) {
      if (collection.format->name == name) return taken("a collection");
    }
    for (const NamedValue& value : plan_.values) {
      if (value.name == name) return taken("a value");
    }
    for (const ModelPlan& model : plan_.models) {
      if (model.name == name) return taken("a model");
    }
    return absl::OkStatus();
  }

  // Sources and lists.

  void declare_sources() {
    plan_.sources = setup_.sources;
    for (size_t i = 0; i < setup_.sources.size(); ++i) {
      const SourceFormat& format = *setup_.sources[i].format;
      for (size_t k = 0; k < format.collections.size(); ++k) {
        CollectionPlan collection;
        collection.source = i;
        collection.collection = k;
        collection.format = format.collections[k];
        plan_.collections.push_back(std::move(collection));
      }
    }
  }

  /// "muon", or "source.muon".
  absl::StatusOr<size_t> find_collection(const YAML::Node& node, const std::string& what) {
    const std::string text = node.IsScalar() ? node.Scalar() : "";
    std::vector<size_t> found;
    std::vector<std::string> known;
    for (size_t i = 0; i < plan_.collections.size(); ++i) {
      const std::string name(plan_.collections[i].format->name);
      const std::string full = absl::StrCat(plan_.sources[plan_.collections[i].source].name, ".", name);
      if (text == name || text == full) found.push_back(i);
      known.push_back(full);
    }
    if (found.size() == 1) return found[0];
    const std::string flaw =
        found.empty() ? kind_of(node) : absl::StrCat("'", shortened(text), "', which several sources have");
    return error_at(node,
                    absl::StrCat(what, ": expected a collection (", absl::StrJoin(known, ", "), "), found ", flaw));
  }

  absl::Status read_lists() {
    const YAML::Node select = config_["select"];
    if (!select.IsDefined()) return absl::OkStatus();
    if (absl::Status s = check_keys(select, "select", {}); !s.ok()) return s;
    for (const auto& entry : select) {
      const std::string what = absl::StrCat("select: ", shortened(entry.first.Scalar()));
      if (absl::Status s = check_name(entry.first, what); !s.ok()) return s;
      if (absl::Status s = read_list(entry.first.Scalar(), entry.second, what); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status read_list(const std::string& name, const YAML::Node& node, const std::string& what) {
    if (absl::Status s = check_keys(node, what, {"from", "where", "sort", "first"}); !s.ok()) return s;
    const YAML::Node from = node["from"];
    if (!from.IsDefined()) return error_at(node, absl::StrCat(what, ": expected 'from' with a collection"));
    auto index = find_collection(from, what);
    if (!index.ok()) return index.status();
    CollectionPlan& collection = plan_.collections[*index];
    const ListRef ref{*index, collection.lists.size()};
    List list;
    list.name = name;
    const Scope scope{Scope::Kind::kObject, ref, false, {}, 0, false};
    if (const YAML::Node where = node["where"]; where.IsDefined()) {
      auto pass = number(where, absl::StrCat(what, ": where"), scope);
      if (!pass.ok()) return pass.status();
      list.pass = collection.terms->truth(*pass);
    }
    if (const YAML::Node sort = node["sort"]; sort.IsDefined()) {
      auto key = number(sort, absl::StrCat(what, ": sort"), scope);
      if (!key.ok()) return key.status();
      list.key = *key;
    }
    if (const YAML::Node first = node["first"]; first.IsDefined()) {
      uint64_t limit = 0;
      if (absl::Status s = whole(first, absl::StrCat(what, ": first"), 1, kMostLeading, limit); !s.ok()) return s;
      list.limit = static_cast<int32_t>(limit);
    }
    collection.lists.push_back(std::move(list));
    plan_.lists[name] = ref;
    return absl::OkStatus();
  }

  // Models.

  absl::Status declare_models() {
    const YAML::Node models = config_["models"];
    if (models.IsDefined() && !models.IsSequence())
      return error_at(models, absl::StrCat("models: expected a list, found ", kind_of(models)));
    for (const ModelSetup& setup : setup_.models) {
      YAML::Node found;
      for (const auto& node : models) {
        if (!node.IsMap() || !node["name"].IsDefined() || !node["name"].IsScalar())
          return error_at(node, "models: expected a map with a 'name'");
        if (node["name"].Scalar() == setup.name) found.reset(node);
      }
      if (!found.IsMap())
        return error_at(config_, absl::StrCat("models: expected one with the name '", setup.name, "'"));
      if (absl::Status s = declare_model(setup, found); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status declare_model(const ModelSetup& setup, const YAML::Node& node) {
    if (absl::Status s = check_name(node["name"], "models"); !s.ok()) return s;
    ModelPlan model;
    model.name = setup.name;
    for (const model::Tensor& output : setup.outputs) {
      model.outputs.push_back(static_cast<size_t>(output.type.elements()));
      model.scores += model.outputs.back();
    }
    const std::string what = absl::StrCat("model '", setup.name, "': per");
    if (const YAML::Node per = node["per"]; per.IsDefined()) {
      const std::string text = per.IsScalar() ? per.Scalar() : "";
      const auto list = plan_.lists.find(text);
      if (text != "crossing" && list == plan_.lists.end())
        return error_at(per, absl::StrCat(what, ": expected 'crossing' or a list of 'select', found ", kind_of(per)));
      if (list != plan_.lists.end()) {
        List& objects = plan_.list(list->second);
        if (objects.limit == List::kNoLimit)
          return error_at(
              per, absl::StrCat(what, ": the list '", text, "' needs 'first: N', the objects of a crossing at most"));
        if (plan_.collections[list->second.collection].format->find(setup.name) != nullptr)
          return error_at(node["name"],
                          absl::StrCat("models: '", setup.name, "' is the name of a field of the objects of '", text,
                                       "'; name the model otherwise"));
        objects.counted = true;
        model.per = list->second;
      }
    }
    plan_.models.push_back(std::move(model));
    nodes_.push_back(node);
    return absl::OkStatus();
  }

  absl::Status read_models() {
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const std::string what = absl::StrCat("model '", plan_.models[i].name, "'");
      bool raw = false;
      if (const YAML::Node encoding = nodes_[i]["encoding"]; encoding.IsDefined()) {
        const std::string text = encoding.IsScalar() ? encoding.Scalar() : "";
        if (text != "number" && text != "raw")
          return error_at(encoding,
                          absl::StrCat(what, ": encoding: expected number or raw, found ", kind_of(encoding)));
        raw = text == "raw";
      }
      lowered_->inputs.emplace_back();
      for (const model::Tensor& tensor : setup_.models[i].inputs) {
        if (absl::Status s = read_tensor(i, tensor, raw); !s.ok()) return s;
      }
    }
    return absl::OkStatus();
  }

  /// The expressions of one tensor. A model with one input may have them without its name.
  absl::StatusOr<YAML::Node> tensor_node(size_t model, const model::Tensor& tensor) {
    const std::string what = absl::StrCat("model '", plan_.models[model].name, "': inputs");
    const YAML::Node inputs = nodes_[model]["inputs"];
    std::vector<std::string> names;
    for (const model::Tensor& each : setup_.models[model].inputs) names.push_back(each.name);
    if (!inputs.IsDefined())
      return error_at(nodes_[model], absl::StrCat(what, ": expected expressions for ", absl::StrJoin(names, ", ")));
    if (inputs.IsSequence() && names.size() == 1) return inputs;
    if (absl::Status s = check_keys(inputs, what, names); !s.ok()) return s;
    const YAML::Node node = inputs[tensor.name];
    if (!node.IsDefined())
      return error_at(inputs, absl::StrCat(what, ": expected expressions for '", tensor.name, "' too"));
    return node;
  }

  absl::Status read_tensor(size_t model, const model::Tensor& tensor, bool raw) {
    auto node = tensor_node(model, tensor);
    if (!node.ok()) return node.status();
    const std::string what = absl::StrCat("model '", plan_.models[model].name, "': input '", tensor.name, "'");
    std::vector<YAML::Node> texts;
    if (node->IsSequence()) {
      for (const auto& each : *node) texts.push_back(each);
    } else {
      texts.push_back(*node);
    }
    Lowered::Input input;
    input.raw = raw;
    const auto& per = plan_.models[model].per;
    const int32_t places = per ? plan_.list(*per).limit : 1;
    for (int32_t place = 0; place < places; ++place) {
      Scope scope;
      if (per) {
        scope.list = *per;
        scope.place = place;
      }
      std::vector<TermId> terms;
      for (const YAML::Node& text : texts) {
        if (absl::Status s = read_elements(text, what, scope, terms); !s.ok()) return s;
      }
      if (static_cast<int64_t>(terms.size()) != tensor.type.elements())
        return error_at(*node, absl::StrCat(what, ": expected ", tensor.type.elements(), " numbers for ",
                                            tensor.type.to_string(), ", found ", terms.size()));
      input.places.push_back(std::move(terms));
    }
    lowered_->inputs[model].push_back(std::move(input));
    return absl::OkStatus();
  }

  absl::Status read_elements(const YAML::Node& text, const std::string& what, const Scope& scope,
                             std::vector<TermId>& terms) {
    auto parsed = expression(text, what);
    if (!parsed.ok()) return parsed.status();
    auto some = lower_all(plan_, scope, *parsed);
    if (!some.ok()) return in_text(text, what, some.status());
    terms.insert(terms.end(), some->begin(), some->end());
    return absl::OkStatus();
  }

  // Values and cuts.

  absl::Status read_values() {
    const YAML::Node values = config_["values"];
    if (!values.IsDefined()) return absl::OkStatus();
    if (absl::Status s = check_keys(values, "values", {}); !s.ok()) return s;
    Scope scope;
    scope.late_allowed = true;
    for (const auto& entry : values) {
      const std::string what = absl::StrCat("values: ", shortened(entry.first.Scalar()));
      if (absl::Status s = check_name(entry.first, what); !s.ok()) return s;
      NamedValue value;
      value.name = entry.first.Scalar();
      auto parsed = expression(entry.second, what);
      if (!parsed.ok()) return parsed.status();
      auto term = lower(plan_, scope, *parsed);
      if (!term.ok()) return in_text(entry.second, what, term.status());
      value.expression = std::move(*parsed);
      value.term = *term;
      value.late = plan_.is_late(*term);
      plan_.values.push_back(std::move(value));
    }
    return absl::OkStatus();
  }

  absl::Status read_require() {
    const YAML::Node require = config_["require"];
    if (!require.IsDefined()) return absl::OkStatus();
    auto term = number(require, "require", Scope{});
    if (!term.ok()) return term.status();
    lowered_->require = plan_.terms.truth(*term);
    return absl::OkStatus();
  }

  absl::Status read_keep() {
    const YAML::Node keep = config_["keep"];
    if (!keep.IsDefined()) return absl::OkStatus();
    if (absl::Status s = check_keys(keep, "keep", {"where", "prescale"}); !s.ok()) return s;
    if (const YAML::Node where = keep["where"]; where.IsDefined()) {
      Scope scope;
      scope.late_allowed = true;
      auto term = number(where, "keep: where", scope);
      if (!term.ok()) return term.status();
      lowered_->keep = plan_.terms.truth(*term);
    }
    if (const YAML::Node prescale = keep["prescale"]; prescale.IsDefined())
      return whole(prescale, "keep: prescale", 1, uint64_t{1} << 40, lowered_->prescale);
    return absl::OkStatus();
  }

  const YAML::Node config_;
  const SelectionSetup& setup_;
  std::unique_ptr<Lowered> lowered_;
  Plan& plan_;
  std::vector<YAML::Node> nodes_;  ///< of the models, in the order of the setup
};

}  // namespace

absl::StatusOr<std::unique_ptr<Lowered>> read_config(const YAML::Node& config, const SelectionSetup& setup) {
  return Reader(config, setup).run();
}

}  // namespace strobe::scouting::selection
