#include "kernels/import/tmva.h"

#include <expat.h>

#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "kernels/import/forest_tree.h"

namespace strobe::import {
namespace {

using Attributes = std::map<std::string, std::string, std::less<>>;

std::string text_of(const Attributes& attributes, std::string_view key) {
  const auto found = attributes.find(key);
  return found == attributes.end() ? std::string() : found->second;
}

/// One node of the file, its children by their place in the tree's list.
struct XmlNode {
  Attributes attributes;
  int32_t left = -1, right = -1;
};

struct XmlTree {
  double weight = 1;
  std::vector<XmlNode> nodes;
};

/// What the file says, before anything is made of it.
struct Document {
  std::string method;  ///< "BDT::name"
  std::map<std::string, std::string, std::less<>> options, info;
  std::map<int64_t, std::string> variables;
  int64_t classes = 0, transformations = 0;
  std::vector<XmlTree> trees;
};

/// Gathers a Document from expat's calls; the first flaw stops the parser.
class Collector {
 public:
  explicit Collector(XML_Parser parser) : parser_(parser) {
    XML_SetUserData(parser, this);
    XML_SetElementHandler(parser, start, end);
    XML_SetCharacterDataHandler(parser, text);
  }
  Document take() { return std::move(document_); }
  const absl::Status& flaw() const { return flaw_; }

 private:
  static void start(void* self, const XML_Char* element, const XML_Char** pairs) {
    Attributes attributes;
    for (; *pairs != nullptr; pairs += 2) attributes[pairs[0]] = pairs[1];
    auto& collector = *static_cast<Collector*>(self);
    collector.begin(element, std::move(attributes));
  }
  static void end(void* self, const XML_Char* element) {
    auto& collector = *static_cast<Collector*>(self);
    collector.option_ = nullptr;
    if (std::string_view(element) == "Node" && !collector.path_.empty()) collector.path_.pop_back();
  }
  static void text(void* self, const XML_Char* content, int size) {
    std::string* option = static_cast<Collector*>(self)->option_;
    if (option != nullptr) option->append(content, static_cast<size_t>(size));
  }

  void fail(const std::string& message) {
    if (flaw_.ok()) flaw_ = absl::InvalidArgumentError(message);
    XML_StopParser(parser_, XML_FALSE);
  }

  int64_t count(const Attributes& attributes, const char* element, const char* key) {
    int64_t value = -1;
    if (!absl::SimpleAtoi(text_of(attributes, key), &value) || value < 0 || value > kMaxForestFeatures)
      fail(absl::StrCat("<", element, ">: ", key, ": expected a number from 0 to ", kMaxForestFeatures));
    return value;
  }

  void begin(std::string_view element, Attributes attributes) {
    if (element == "MethodSetup") {
      document_.method = text_of(attributes, "Method");
    } else if (element == "Option") {
      option_ = &document_.options[text_of(attributes, "name")];
    } else if (element == "Info") {
      document_.info[text_of(attributes, "name")] = text_of(attributes, "value");
    } else if (element == "Variable") {
      const std::string label = text_of(attributes, "Label");
      document_.variables[count(attributes, "Variable", "VarIndex")] =
          label.empty() ? text_of(attributes, "Expression") : label;
    } else if (element == "Classes") {
      document_.classes = count(attributes, "Classes", "NClass");
    } else if (element == "Transformations") {
      document_.transformations = count(attributes, "Transformations", "NTransformations");
    } else if (element == "BinaryTree") {
      path_.clear();
      XmlTree tree;
      if (!absl::SimpleAtod(text_of(attributes, "boostWeight"), &tree.weight) || !std::isfinite(tree.weight))
        fail(absl::StrCat("tree ", document_.trees.size(), ": boostWeight is not a number"));
      document_.trees.push_back(std::move(tree));
    } else if (element == "Node") {
      begin_node(std::move(attributes));
    }
  }

  void begin_node(Attributes attributes) {
    if (document_.trees.empty()) return fail("a <Node> outside of a <BinaryTree>");
    std::vector<XmlNode>& nodes = document_.trees.back().nodes;
    const auto at = static_cast<int32_t>(nodes.size());
    const std::string label = absl::StrCat("tree ", document_.trees.size() - 1, ", node ", at);
    if (path_.empty() && at > 0) return fail(absl::StrCat(label, ": a second root"));
    if (!path_.empty()) {
      const std::string side = text_of(attributes, "pos");
      if (side != "l" && side != "r") return fail(absl::StrCat(label, ": pos: expected l or r, found '", side, "'"));
      XmlNode& parent = nodes[static_cast<size_t>(path_.back())];
      int32_t& child = side == "l" ? parent.left : parent.right;
      if (child >= 0) return fail(absl::StrCat(label, ": its parent has a child at '", side, "' already"));
      child = at;
    }
    nodes.push_back({std::move(attributes)});
    path_.push_back(at);
  }

  XML_Parser parser_;
  Document document_;
  absl::Status flaw_;
  std::vector<int32_t> path_;      ///< the open nodes, outermost first
  std::string* option_ = nullptr;  ///< where an <Option>'s text goes
};

absl::StatusOr<Document> parse(std::string_view xml) {
  if (xml.size() > static_cast<size_t>(std::numeric_limits<int>::max()))
    return absl::InvalidArgumentError("XML of more than 2 GB");
  const std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser(XML_ParserCreate(nullptr), XML_ParserFree);
  if (parser == nullptr) return absl::ResourceExhaustedError("no memory for an XML parser");
  Collector collector(parser.get());
  const XML_Status parsed = XML_Parse(parser.get(), xml.data(), static_cast<int>(xml.size()), 1);
  if (!collector.flaw().ok()) return collector.flaw();
  if (parsed != XML_STATUS_OK) {
    return absl::InvalidArgumentError(absl::StrCat("expected XML, found a flaw in line ",
                                                   XML_GetCurrentLineNumber(parser.get()), ": ",
                                                   XML_ErrorString(XML_GetErrorCode(parser.get()))));
  }
  return collector.take();
}

class Reader {
 public:
  explicit Reader(Document document) : document_(std::move(document)) {}

  absl::StatusOr<Forest> read() {
    if (absl::Status s = check_method(); !s.ok()) return s;
    double weights = 0;
    for (size_t t = 0; t < document_.trees.size(); ++t) {
      if (absl::Status s = read_tree(t); !s.ok()) return s;
      weights += document_.trees[t].weight;
    }
    if (!gradient_) {
      if (!(weights > 0)) return absl::InvalidArgumentError("the trees' weights add up to nothing");
      forest_.scale = 1 / weights;
    }
    return std::move(forest_);
  }

 private:
  std::string option(std::string_view key) const {
    const auto found = document_.options.find(key);
    return found == document_.options.end() ? std::string() : found->second;
  }

  absl::Status check_method() {
    if (document_.method.substr(0, 5) != "BDT::")
      return absl::UnimplementedError(
          absl::StrCat("method '", document_.method, "'; of TMVA's methods strobe reads BDT"));
    const std::string boost = option("BoostType");
    gradient_ = boost == "Grad";
    if (!gradient_ && boost != "AdaBoost" && boost != "RealAdaBoost" && boost != "Bagging")
      return absl::UnimplementedError(
          absl::StrCat("BoostType '", boost, "'; strobe reads AdaBoost, RealAdaBoost, Bagging and Grad"));
    const auto analysis = document_.info.find("AnalysisType");
    const std::string kind = analysis == document_.info.end() ? "Classification" : analysis->second;
    const bool multiclass = kind == "Multiclass";
    if (kind != "Classification" && !(multiclass && gradient_)) {
      return absl::UnimplementedError(absl::StrCat("analysis '", kind, "' with BoostType ", boost,
                                                   "; strobe reads Classification, and Multiclass with Grad"));
    }
    if (document_.transformations > 0)
      return absl::UnimplementedError("variable transformations; strobe reads trees on plain variables");
    forest_.features = static_cast<int32_t>(document_.variables.size());
    for (const auto& [index, label] : document_.variables) forest_.feature_names.push_back(label);
    if (!document_.variables.empty() && document_.variables.rbegin()->first + 1 != forest_.features)
      return absl::InvalidArgumentError("the variables' indices have gaps");
    if (multiclass && (document_.classes < 2 || document_.classes > kMaxForestOutputs))
      return absl::InvalidArgumentError(absl::StrCat("expected 2 classes or more, found ", document_.classes));
    forest_.outputs = multiclass ? static_cast<int32_t>(document_.classes) : 1;
    forest_.base.assign(static_cast<size_t>(forest_.outputs), 0);
    if (gradient_) forest_.post = multiclass ? PostTransform::kSoftmax : PostTransform::kTanh;
    yes_no_ = option("UseYesNoLeaf") == "True" || option("UseYesNoLeaf") == "1";
    return absl::OkStatus();
  }

  absl::Status read_tree(size_t t) {
    const XmlTree& source = document_.trees[t];
    FileTree tree;
    tree.label = absl::StrCat("tree ", t);
    tree.output = static_cast<int32_t>(t % static_cast<size_t>(forest_.outputs));
    for (size_t n = 0; n < source.nodes.size(); ++n) {
      ForestNode node;
      node.file_id = static_cast<int32_t>(n);
      if (absl::Status s = read_node(source, n, tree, node); !s.ok())
        return absl::Status(s.code(), absl::StrCat(tree.label, ", node ", n, ": ", s.message()));
      tree.nodes.push_back(node);
    }
    return append_tree(tree, forest_);
  }

  absl::Status read_node(const XmlTree& source, size_t n, FileTree& tree, ForestNode& node) const {
    const XmlNode& from = source.nodes[n];
    double type = 0;
    if (absl::Status s = number(from, "nType", type); !s.ok()) return s;
    if (type != 0) {
      double value = type;
      if (gradient_ || !yes_no_) {
        if (absl::Status s = number(from, gradient_ ? "res" : "purity", value); !s.ok()) return s;
      }
      node.leaf = static_cast<int32_t>(tree.leaf_values.size());
      tree.leaf_values.push_back(gradient_ ? value : value * source.weight);
      return absl::OkStatus();
    }
    const std::string coefficients = text_of(from.attributes, "NCoef");
    if (!coefficients.empty() && coefficients != "0")
      return absl::UnimplementedError("a Fisher cut; strobe reads cuts on one variable");
    double feature = 0, cut = 0, type_of_cut = 0;
    for (const auto& [key, target] : {std::pair("IVar", &feature), {"Cut", &cut}, {"cType", &type_of_cut}}) {
      if (absl::Status s = number(from, key, *target); !s.ok()) return s;
    }
    node.feature = feature >= 0 && feature < forest_.features ? static_cast<int32_t>(feature) : forest_.features;
    node.test = SplitTest::kGreaterEqual;
    node.threshold = std::fabs(cut) <= std::numeric_limits<float>::max() ? static_cast<float>(cut) : cut;
    node.if_true = type_of_cut != 0 ? from.right : from.left;
    node.if_false = type_of_cut != 0 ? from.left : from.right;
    return absl::OkStatus();
  }

  static absl::Status number(const XmlNode& node, const char* key, double& value) {
    const std::string text = text_of(node.attributes, key);
    if (absl::SimpleAtod(text, &value) && !std::isnan(value)) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(key, ": expected a number, found '", text.substr(0, 40), "'"));
  }

  Document document_;
  Forest forest_;
  bool gradient_ = false, yes_no_ = false;
};

}  // namespace

absl::StatusOr<FloatModel> read_tmva(std::string_view xml, const std::string& name) {
  absl::StatusOr<Document> document = parse(xml);
  absl::Status flaw = document.status();
  if (document.ok()) {
    std::map<std::string, std::string> provenance = {{"format", "TMVA weights"}, {"method", document->method}};
    const auto release = document->info.find("TMVA Release");
    if (release != document->info.end()) provenance["tmva_version"] = release->second;
    absl::StatusOr<Forest> forest = Reader(*std::move(document)).read();
    if (forest.ok()) return forest_model(*std::move(forest), name, "tmva", std::move(provenance));
    flaw = forest.status();
  }
  return absl::Status(flaw.code(), absl::StrCat("'", name, "': ", flaw.message()));
}

}  // namespace strobe::import
