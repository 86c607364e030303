#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "kernels/emulator/emulator.h"
#include "kernels/layers/catalog.h"
#include "kernels/layers/reference.h"
#include "tests/kernels/emulator/random_graph.h"

/// The reference computes in 128 bits: a graph whose exact intermediates need more is refused, by the layer's name, and
/// every graph that is accepted gives the same bits in the emulator.
namespace strobe {
namespace {

using model::Constant;
using model::FixedType;
using model::Node;
using model::TensorId;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr size_t kRows = 40;

absl::StatusOr<model::Graph> verified(model::GraphBuilder builder, TensorId output) {
  builder.set_outputs({output});
  auto graph = std::move(builder).build();
  if (!graph.ok()) return graph.status();
  if (absl::Status s = layers::verify(*graph); !s.ok()) return s;
  return graph;
}

Constant one(int64_t raw, const FixedType& type) { return {{{1}, {type}}, {raw}}; }

void expect_emulator_equals_reference(const model::Graph& graph, std::mt19937_64& random) {
  std::vector<std::vector<int64_t>> raw;
  std::vector<std::vector<std::byte>> rows;
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    raw.push_back(testing::random_rows(graph, i, kRows, random));
    rows.push_back(testing::pack_rows(graph.input(i).type, raw.back()));
  }
  const auto reference = layers::evaluate_reference(graph, {raw.begin(), raw.end()}, kRows);
  ASSERT_TRUE(reference.ok()) << reference.status();
  const auto emulator = emulator::Emulator::create(graph);
  ASSERT_TRUE(emulator.ok()) << emulator.status() << "\n" << model::print(graph);
  std::vector<std::byte> out(kRows * graph.output(0).type.row_bytes());
  std::vector<const std::byte*> inputs;
  for (const auto& row : rows) inputs.push_back(row.data());
  std::byte* outputs[] = {out.data()};
  emulator::Scratch scratch;
  ASSERT_TRUE(emulator->run(inputs, outputs, kRows, scratch).ok());
  EXPECT_EQ(testing::unpack_rows(graph.output(0).type, out), reference->outputs[0]) << model::print(graph);
}

/// One layer that reads `x`; each is of 3 elements where it has a choice.
struct OneLayer {
  const char* name;
  FixedType input;  ///< too far from the constants' grids
  FixedType nearer;
  Node (*node)();
  FixedType second = {};  ///< of another input, for layers that combine
};

const FixedType kInteger60 = FixedType::fixed(4, 64);  ///< steps of 2^60
const FixedType kFine = FixedType::fixed(20, -50);     ///< steps of 2^-70
const FixedType kUnit = FixedType::fixed(4, 2);

Node with(const char* op, std::map<std::string, Constant, std::less<>> constants) {
  return {"far", op, {}, {}, {}, std::move(constants)};
}

Node dense_with_bias() {
  Node node = with("dense", {{"bias", {{{2}, {kInteger60}}, {1, -3}}}});
  node.constants["weight"] = {{{3, 2}, {kUnit}}, {1, 2, 3, 4, 5, 6}};
  return node;
}

Node table() {
  Node node = with("table", {{"table", {{{4}, {kUnit}}, {1, 2, 3, 4}}}, {"negative_scale", one(3, kInteger60)}});
  node.attributes["scale_numerator"] = int64_t{1} << 40;
  node.attributes["scale_denominator"] = int64_t{1} << 41;
  return node;
}

Node softmax(const char* implementation) {
  Node node = with("softmax", {{"exp_table", {{{4}, {kUnit}}, {1, 2, 3, 4}}},
                               {"inv_table", {{{4}, {kUnit}}, {1, 2, 3, 4}}},
                               {"norm_offset", one(1, kInteger60)}});
  node.attributes["implementation"] = std::string(implementation);
  for (const char* type : {"accum", "inv_inp", "inp_norm"}) node.attributes[type] = FixedType::fixed(8, 4);
  return node;
}

Node sign(const char* mode) {
  Node node = with("sign", {{"threshold", one(1, kInteger60)}, {"high", one(1, kInteger60)}, {"low", one(0, kUnit)}});
  node.attributes["mode"] = std::string(mode);
  return node;
}

Node clip() {
  return with(
      "clip",
      {{"slope", one(1, kUnit)}, {"shift", one(1, kInteger60)}, {"low", one(0, kUnit)}, {"high", one(1, kUnit)}});
}

Node relu() { return with("relu", {{"max_value", one(3, kInteger60)}}); }
Node threshold_relu() { return with("threshold_relu", {{"theta", one(3, kInteger60)}}); }
Node leaky_relu() { return with("leaky_relu", {{"alpha", one(3, FixedType::fixed(4, -90))}}); }
Node batch_norm() { return with("batch_norm", {{"scale", one(3, kUnit)}, {"bias", one(-1, kInteger60)}}); }
Node binary() { return sign("binary"); }
Node ternary() { return sign("ternary"); }
Node stable() { return softmax("stable"); }
Node legacy() { return softmax("legacy"); }
template <size_t kIndex>
Node merge() {
  constexpr const char* kOps[] = {"add", "subtract", "multiply", "maximum", "minimum", "average"};
  return with(kOps[kIndex], {});
}

const FixedType kNear = FixedType::fixed(10, 3);
const FixedType kCoarse = FixedType::fixed(60, 110);
const FixedType kWidest = FixedType::fixed(64, 20);

const OneLayer kLayers[] = {
    {"dense", kFine, kNear, dense_with_bias},
    {"batch_norm", kFine, kNear, batch_norm},
    {"leaky_relu", kCoarse, kNear, leaky_relu},
    {"clip", kFine, kNear, clip},
    {"relu", kFine, kNear, relu},
    {"threshold_relu", kFine, kNear, threshold_relu},
    {"sign_binary", kFine, kNear, binary},
    {"sign_ternary", kFine, kNear, ternary},
    {"table", kCoarse, kNear, table},
    {"softmax_stable", kFine, kNear, stable},
    {"softmax_legacy", FixedType::fixed(20, -110), kNear, legacy},
    {"add", kFine, kNear, merge<0>, kCoarse},
    {"subtract", kFine, kNear, merge<1>, kCoarse},
    {"multiply", kWidest, kNear, merge<2>, kWidest},
    {"maximum", kFine, kNear, merge<3>, kCoarse},
    {"minimum", kFine, kNear, merge<4>, kCoarse},
    {"average", kFine, kNear, merge<5>, kCoarse},
};

class FarGrids : public ::testing::TestWithParam<OneLayer> {
 protected:
  absl::StatusOr<model::Graph> graph_of(const FixedType& input, const FixedType& second) const {
    model::GraphBuilder builder("far_grids");
    Node node = GetParam().node();
    node.inputs = {builder.add_input("x", {{3}, {input}})};
    const bool combines = node.constants.empty();
    if (combines) node.inputs.push_back(builder.add_input("z", {{3}, {second}}));
    const int64_t n_out = node.op == "dense" ? 2 : 3;
    const TensorId y = builder.add(std::move(node), {{n_out}, {FixedType::fixed(30, 12)}}, "y");
    return verified(std::move(builder), y);
  }
};

TEST_P(FarGrids, AreRefusedByNameAndTypes) {
  const auto graph = graph_of(GetParam().input, GetParam().second);
  ASSERT_FALSE(graph.ok());
  EXPECT_EQ(graph.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(graph.status().message()),
              AllOf(HasSubstr("layer 'far'"), HasSubstr("bits; at most 126"),
                    HasSubstr(absl::StrCat("input 'x' [3] ", GetParam().input.to_string())), HasSubstr("output 'y'")));
}

TEST_P(FarGrids, NearEnoughAreComputedAlike) {
  const auto graph = graph_of(GetParam().nearer, GetParam().nearer);
  ASSERT_TRUE(graph.ok()) << graph.status();
  std::mt19937_64 random(3);
  expect_emulator_equals_reference(*graph, random);
}

INSTANTIATE_TEST_SUITE_P(Layers, FarGrids, ::testing::ValuesIn(kLayers),
                         [](const auto& p) { return std::string(p.param.name); });

TEST(FarGrids, ZerosAreOnEveryGrid) {
  model::GraphBuilder builder("zeros");
  Node node = dense_with_bias();
  node.constants["bias"].raw = {0, 0};
  node.inputs = {builder.add_input("x", {{3}, {kFine}})};
  const TensorId y = builder.add(std::move(node), {{2}, {kFine}});
  const auto graph = verified(std::move(builder), y);
  ASSERT_TRUE(graph.ok()) << graph.status();
  std::mt19937_64 random(5);
  expect_emulator_equals_reference(*graph, random);
}

TEST(FarGrids, AnAccumulatorBringsItsOwnGrid) {
  model::GraphBuilder builder("accumulator");
  Node node = dense_with_bias();
  node.attributes["accum"] = FixedType::fixed(40, 20);
  node.inputs = {builder.add_input("x", {{3}, {kFine}})};
  const TensorId y = builder.add(std::move(node), {{2}, {kNear}});
  const auto graph = verified(std::move(builder), y);
  ASSERT_TRUE(graph.ok()) << graph.status();
  std::mt19937_64 random(6);
  expect_emulator_equals_reference(*graph, random);
}

/// Layers of one element or a few with types of any width and binary point.
class ExtremeGraph {
 public:
  explicit ExtremeGraph(std::mt19937_64& random) : random_(random), builder_("extreme") {}

  absl::StatusOr<model::Graph> make() {
    constexpr const char* kOps[] = {"dense",   "batch_norm", "leaky_relu", "clip",     "relu",       "threshold_relu",
                                    "sign",    "table",      "softmax",    "add",      "subtract",   "multiply",
                                    "maximum", "minimum",    "average",    "quantize", "concatenate"};
    Node node;
    node.name = node.op = kOps[pick(0, std::size(kOps) - 1)];
    const int64_t n = pick(1, 3);
    node.inputs = {builder_.add_input("x", tensor(n))};
    int64_t n_out = n;
    if (node.op == "dense") {
      n_out = pick(1, 2);
      node.constants["weight"] = constant({n, n_out});
      if (pick(0, 1)) node.constants["bias"] = constant({n_out});
      if (pick(0, 2) == 0) node.attributes["accum"] = type();
    }
    fill(node);
    static const std::vector<std::string> kMerges = {"add", "subtract", "multiply", "maximum", "minimum", "average"};
    if (std::find(kMerges.begin(), kMerges.end(), node.op) != kMerges.end()) {
      node.inputs.push_back(builder_.add_input("z", tensor(n)));
      if (node.op != "subtract" && pick(0, 1)) node.inputs.push_back(node.inputs[0]);
    }
    if (node.op == "concatenate") n_out = 2 * n;
    if (node.op == "concatenate") node.inputs.push_back(node.inputs[0]);
    const TensorId y = builder_.add(std::move(node), tensor(n_out));
    return verified(std::move(builder_), y);
  }

 private:
  int pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }

  FixedType type() {
    FixedType t;
    t.is_signed = pick(0, 2) > 0;
    t.width = pick(0, 3) == 0 ? pick(60, 63) + t.is_signed : pick(1, 63);
    t.integer = pick(-60, 60);
    t.rounding = static_cast<model::Rounding>(pick(0, 6));
    t.overflow = static_cast<model::Overflow>(pick(0, 3));
    return t;
  }

  model::TensorType tensor(int64_t n) {
    model::TensorType result{{n}, {type()}};
    for (int64_t e = 1; e < n; ++e) result.types.push_back(type());
    if (pick(0, 1)) result.types.resize(1);
    return result;
  }

  int64_t raw(const FixedType& t) {
    switch (pick(0, 3)) {
      case 0:
        return static_cast<int64_t>(t.min_raw());
      case 1:
        return static_cast<int64_t>(t.max_raw());
      case 2:
        return 0;
      default:
        return std::max(model::apply_overflow(random_(), {t.is_signed, t.width, t.width}),
                        static_cast<int64_t>(t.min_raw()));
    }
  }

  Constant constant(model::Shape shape) {
    Constant c{{std::move(shape), {type()}}, {}};
    for (int64_t e = 0; e < c.type.elements(); ++e) c.raw.push_back(raw(c.type.types[0]));
    return c;
  }

  void fill(Node& node) {
    const std::map<std::string, std::vector<const char*>> kConstants = {
        {"batch_norm", {"scale", "bias"}}, {"leaky_relu", {"alpha"}},
        {"relu", {"max_value"}},           {"clip", {"slope", "shift", "low", "high"}},
        {"threshold_relu", {"theta"}},     {"sign", {"threshold", "high", "low"}}};
    if (const auto it = kConstants.find(node.op); it != kConstants.end()) {
      for (const char* name : it->second) node.constants[name] = constant({1});
    }
    if (node.op == "sign") {
      node.attributes["mode"] = std::string(pick(0, 1) ? "binary" : "ternary");
      if (pick(0, 1)) node.attributes["factor"] = int64_t{pick(-9, 9)};
      if (pick(0, 1)) node.attributes["inner"] = type();
    }
    if (node.op == "table") {
      node.constants["table"] = constant({pick(2, 40)});
      node.attributes["scale_numerator"] = int64_t{pick(-5000, 5000)};
      node.attributes["scale_denominator"] = int64_t{pick(1, 20)};
      node.attributes["offset"] = int64_t{pick(0, 40)};
      node.attributes["positive"] = std::string(pick(0, 1) ? "" : pick(0, 1) ? "identity" : "scaled");
      node.constants["positive_scale"] = constant({1});
      if (pick(0, 1)) node.constants["negative_scale"] = constant({1});
    }
    if (node.op == "softmax") {
      constexpr const char* kImplementations[] = {"stable", "legacy", "argmax", "latency"};
      node.attributes["implementation"] = std::string(kImplementations[pick(0, 3)]);
      node.constants["exp_table"] = constant({1 << pick(1, 5)});
      node.constants["inv_table"] = constant({1 << pick(1, 5)});
      for (const char* name : {"accum", "inv_inp", "inp_norm"}) node.attributes[name] = type();
      if (pick(0, 1)) node.constants["norm_offset"] = constant({1});
    }
  }

  std::mt19937_64& random_;
  model::GraphBuilder builder_;
};

/// Nothing overflows in the reference (a build with sanitizers shows it), and what it accepts the emulator computes
/// too.
TEST(ExtremeTypes, AreRefusedOrComputedAlike) {
  std::map<std::string, int> accepted, refused;
  for (uint64_t seed = 0; seed < 6000; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const auto graph = ExtremeGraph(random).make();
    if (!graph.ok()) {
      const std::string message(graph.status().message());
      const bool uniform = message.find("needs one type for all inputs") != std::string::npos;
      EXPECT_TRUE(uniform || message.find("at most 126") != std::string::npos) << message;
      ++refused[message.substr(0, message.find(')'))];
      continue;
    }
    ++accepted[graph->nodes()[0].op];
    expect_emulator_equals_reference(*graph, random);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
  EXPECT_EQ(accepted.size(), 17U);  // every kind of layer
  EXPECT_EQ(refused.size(), 15U);   // all but conversions and concatenations
}

}  // namespace
}  // namespace strobe
