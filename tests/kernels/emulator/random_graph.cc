#include "tests/kernels/emulator/random_graph.h"

#include <bit>
#include <cstring>
#include <stdexcept>
#include <string>

#include "absl/strings/str_cat.h"
#include "kernels/layers/catalog.h"
#include "tests/kernels/emulator/random_forest.h"

namespace strobe::testing {
namespace {

using model::Constant;
using model::FixedType;
using model::Node;
using model::TensorId;
using model::TensorType;

class Generator {
 public:
  Generator(uint64_t seed, const RandomGraphOptions& options)
      : random_(seed), options_(options), builder_(absl::StrCat("random_", seed)) {}

  model::Graph generate() {
    const int inputs = pick(1, 2);
    for (int i = 0; i < inputs; ++i) {
      tensors_.push_back(builder_.add_input(absl::StrCat("input", i), random_tensor(random_shape())));
    }
    const int layers = pick(1, options_.max_layers);
    for (int i = 0; i < layers; ++i) add_layer(i);
    std::vector<TensorId> outputs = {tensors_.back()};
    if (chance(0.3) && tensors_.size() > 2) outputs.push_back(tensors_[tensors_.size() - 2]);
    builder_.set_outputs(outputs);
    absl::StatusOr<model::Graph> graph = std::move(builder_).build();
    const absl::Status valid = graph.ok() ? layers::verify(*graph) : graph.status();
    if (!valid.ok()) throw std::logic_error("the generator made an invalid graph: " + valid.ToString());
    return *std::move(graph);
  }

 private:
  int pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  bool chance(double p) { return std::uniform_real_distribution<double>()(random_) < p; }

  FixedType random_type(int max_width) {
    FixedType type;
    type.is_signed = chance(0.6);
    type.width = chance(0.05) && options_.per_element ? 0 : pick(1, std::min(max_width, type.is_signed ? 64 : 63));
    type.integer = pick(-3, type.width + 3);
    if (options_.any_rounding) {
      type.rounding = static_cast<model::Rounding>(pick(0, 6));
      type.overflow = static_cast<model::Overflow>(pick(0, 3));
    }
    return type;
  }

  model::Shape random_shape() {
    if (chance(0.2)) return {pick(1, 3), pick(1, std::max(1, options_.max_elements / 3))};
    return {pick(1, options_.max_elements)};
  }

  TensorType random_tensor(const model::Shape& shape) {
    TensorType type{shape, {random_type(options_.max_width)}};
    if (type.types[0].width == 0) type.types[0].width = 4;
    if (options_.per_element && chance(0.5)) {
      type.types.resize(type.elements());
      for (FixedType& t : type.types) t = random_type(options_.max_width);
    }
    return type;
  }

  int64_t random_raw(const FixedType& type) {
    if (type.width == 0) return 0;
    if (chance(0.15)) return static_cast<int64_t>(chance(0.5) ? type.min_raw() : type.max_raw());
    const auto span = static_cast<uint64_t>(type.max_raw() - type.min_raw());
    return static_cast<int64_t>(type.min_raw() + (span == ~uint64_t{0} ? random_() : random_() % (span + 1)));
  }

  Constant random_constant(const model::Shape& shape, int max_width, double zeros = 0) {
    Constant c;
    c.type = {shape, {random_type(max_width)}};
    if (c.type.types[0].width == 0) c.type.types[0].width = 3;
    if (options_.per_element && chance(0.3)) {
      c.type.types.resize(c.type.elements());
      for (FixedType& t : c.type.types) t = random_type(max_width);
    }
    for (int64_t e = 0; e < c.type.elements(); ++e) c.raw.push_back(chance(zeros) ? 0 : random_raw(c.type.at(e)));
    return c;
  }

  Constant table_of(int entries) {
    Constant c = random_constant({entries}, std::min(options_.max_width, 18));
    c.type.types.resize(1);
    if (c.type.types[0].width == 0) c.type.types[0].width = 3;
    for (int64_t& raw : c.raw) raw = random_raw(c.type.types[0]);
    return c;
  }

  void add_layer(int number) {
    Node node;
    node.name = absl::StrCat("layer", number);
    const TensorId from = tensors_[chance(0.7) ? tensors_.size() - 1 : pick(0, static_cast<int>(tensors_.size()) - 1)];
    node.inputs = {from};
    static constexpr const char* kOps[] = {"dense",       "dense",      "dense",      "quantize",       "relu",
                                           "relu",        "leaky_relu", "clip",       "threshold_relu", "sign",
                                           "batch_norm",  "add",        "merge",      "reshape",        "transpose",
                                           "concatenate", "forest",     "projection", "table",          "softmax"};
    const int ops = static_cast<int>(std::size(kOps)) - (options_.tables ? 0 : 2);
    node.op = kOps[pick(0, ops - 1)];
    const TensorType in = builder_.tensor(from).type;
    const bool one_axis = in.shape.size() == 1;
    if (!one_axis && (node.op == "forest" || node.op == "projection")) node.op = "quantize";
    tensors_.push_back(add(std::move(node), in));
  }

  TensorId add(Node node, const TensorType& in) {
    const int narrow = std::min(options_.max_width, 12);
    if (node.op == "dense") return add_dense(std::move(node), in);
    if (node.op == "add" || node.op == "merge") return add_merge(std::move(node), in);
    if (node.op == "forest") return add_forest(std::move(node), in);
    if (node.op == "projection") return add_projection(std::move(node), in);
    if (node.op == "softmax") return add_softmax(std::move(node), in);
    if (node.op == "relu" && chance(0.3)) node.constants["max_value"] = random_constant({1}, narrow);
    if (node.op == "leaky_relu") node.constants["alpha"] = random_constant({chance(0.5) ? 1 : in.elements()}, narrow);
    if (node.op == "threshold_relu") node.constants["theta"] = random_constant({1}, narrow);
    if (node.op == "clip") {
      for (const char* name : {"slope", "shift", "low", "high"}) node.constants[name] = random_constant({1}, narrow);
    }
    if (node.op == "sign") add_sign(node, in);
    if (node.op == "batch_norm") {
      node.constants["scale"] = random_constant({in.shape.back()}, narrow);
      node.constants["bias"] = random_constant({chance(0.5) ? 1 : in.elements()}, narrow);
    }
    if (node.op == "table") add_table(node);
    if (node.op == "concatenate") return add_concatenate(std::move(node), in);
    model::Shape shape = in.shape;
    if (node.op == "reshape") shape = {in.elements()};
    if (node.op == "transpose") {
      std::vector<int64_t> permutation;
      for (size_t a = in.shape.size(); a-- > 0;) permutation.push_back(static_cast<int64_t>(a));
      for (size_t a = 0; a < shape.size(); ++a) shape[a] = in.shape[permutation[a]];
      node.attributes["permutation"] = permutation;
    }
    return builder_.add(std::move(node), random_tensor(shape));
  }

  TensorId add_dense(Node node, const TensorType& in) {
    const int n_out = pick(1, options_.max_elements);
    node.constants["weight"] =
        random_constant({in.shape.back(), n_out}, std::min(options_.max_width, 16), chance(0.5) ? 0.6 : 0.05);
    if (chance(0.7)) node.constants["bias"] = random_constant({n_out}, std::min(options_.max_width, 16));
    if (chance(0.6)) {
      FixedType accum = random_type(std::min(options_.max_width + 16, 62));
      if (chance(0.4)) {
        accum.rounding = model::Rounding::kTrn;
        accum.overflow = model::Overflow::kWrap;
      }
      if (accum.width > 0) node.attributes["accum"] = accum;
    }
    model::Shape shape = in.shape;
    shape.back() = n_out;
    return builder_.add(std::move(node), random_tensor(shape));
  }

  TensorId add_forest(Node node, const TensorType& in) {
    static constexpr const char* kSums[] = {"exact", "file_order", "balanced", "minimum", "maximum"};
    const std::string sum = kSums[pick(0, 4)];
    const bool vectors = sum == "minimum" || sum == "maximum" || chance(0.3);
    const int outputs = pick(1, 3), trees = pick(1, 9);
    RandomForest forest(random_(), in, trees, pick(1, 5));
    Node made = forest.node(node.name, node.inputs[0], outputs, vectors, some_type(std::min(options_.max_width, 16)));
    if (chance(0.2)) {
      made.attributes["result"] = std::string("leaves");
      return builder_.add(std::move(made), random_tensor({trees}));
    }
    made.attributes["sum"] = sum;
    made.attributes["accumulator"] = some_type(options_.max_width);
    if (chance(0.3)) made.constants["scale"] = table_of(1);
    return builder_.add(std::move(made), random_tensor({outputs}));
  }

  TensorId add_projection(Node node, const TensorType& in) {
    const int outputs = pick(1, options_.max_elements);
    node.constants["weight"] = random_constant({outputs, in.elements()}, std::min(options_.max_width, 12), 0.4);
    return builder_.add(std::move(node), {{outputs}, {some_type(options_.max_width)}});
  }

  FixedType some_type(int max_width) {
    FixedType type = random_type(max_width);
    if (type.width == 0) type.width = 5;
    return type;
  }

  TensorId add_merge(Node node, const TensorType& in) {
    static constexpr const char* kOps[] = {"add", "subtract", "multiply", "maximum", "minimum", "average"};
    node.op = kOps[pick(0, 5)];
    std::vector<TensorId> partners;
    for (const TensorId t : tensors_) {
      if (builder_.tensor(t).type.shape == in.shape || builder_.tensor(t).type.elements() == 1) partners.push_back(t);
    }
    const int more = node.op == "subtract" || node.op == "multiply" ? 1 : pick(1, 2);
    for (int i = 0; i < more; ++i) node.inputs.push_back(partners[pick(0, static_cast<int>(partners.size()) - 1)]);
    return builder_.add(std::move(node), random_tensor(in.shape));
  }

  TensorId add_concatenate(Node node, const TensorType& in) {
    const int64_t axis = pick(0, static_cast<int>(in.shape.size()) - 1);
    node.inputs.push_back(node.inputs[0]);
    node.attributes["axis"] = axis;
    model::Shape shape = in.shape;
    shape[axis] *= 2;
    return builder_.add(std::move(node), random_tensor(shape));
  }

  void add_sign(Node& node, const TensorType& in) {
    const int narrow = std::min(options_.max_width, 12);
    const bool binary = chance(0.5);
    node.attributes["mode"] = std::string(binary ? "binary" : "ternary");
    if (binary) {
      node.constants["threshold"] = random_constant({in.elements()}, narrow);
      return;
    }
    node.constants["high"] = random_constant({1}, narrow);
    node.constants["low"] = random_constant({1}, narrow);
    if (chance(0.5)) node.attributes["factor"] = int64_t{2};
    if (chance(0.5)) node.attributes["inner"] = random_type(options_.max_width);
  }

  void add_table(Node& node) {
    const int entries = pick(2, 300);
    node.constants["table"] = table_of(entries);
    node.attributes["scale_numerator"] = int64_t{chance(0.3) ? -entries : entries};
    node.attributes["scale_denominator"] = int64_t{pick(1, 16)};
    node.attributes["offset"] = int64_t{pick(0, entries)};
    const int branch = pick(0, 2);
    if (branch == 1) node.attributes["positive"] = std::string("identity");
    if (branch == 2) {
      node.attributes["positive"] = std::string("scaled");
      node.constants["positive_scale"] = random_constant({1}, 12);
    }
    if (chance(0.4)) node.constants["negative_scale"] = random_constant({1}, 12);
  }

  TensorId add_softmax(Node node, TensorType in) {
    static constexpr const char* kImplementations[] = {"stable", "latency", "legacy", "argmax"};
    std::string implementation = kImplementations[pick(0, 3)];
    if (implementation == "latency" && !in.is_uniform()) implementation = "stable";
    node.attributes["implementation"] = implementation;
    if (implementation != "argmax") {
      node.constants["exp_table"] = table_of(1 << pick(1, 9));
      node.constants["inv_table"] = table_of(1 << pick(1, 9));
      node.attributes["accum"] = some_type(18);
      node.attributes["inv_inp"] = some_type(18);
      node.attributes["inp_norm"] = some_type(18);
      if (chance(0.3)) node.constants["norm_offset"] = random_constant({1}, 8);
    }
    if (in.shape.size() > 1 && chance(0.5)) node.attributes["axis"] = int64_t{0};
    return builder_.add(std::move(node), random_tensor(in.shape));
  }

  std::mt19937_64 random_;
  RandomGraphOptions options_;
  model::GraphBuilder builder_;
  std::vector<TensorId> tensors_;
};

}  // namespace

model::Graph random_graph(uint64_t seed, const RandomGraphOptions& options) {
  return Generator(seed, options).generate();
}

std::vector<int64_t> random_rows(const model::Graph& graph, size_t input, size_t rows, std::mt19937_64& random) {
  const TensorType& type = graph.input(input).type;
  std::vector<int64_t> raw;
  for (size_t i = 0; i < rows * type.elements(); ++i) {
    const FixedType& t = type.at(static_cast<int64_t>(i) % type.elements());
    const model::Wide low = t.is_signed && t.width > 0 ? -t.max_raw() - 1 : 0;
    const auto span = static_cast<uint64_t>(t.max_raw() - low);
    const uint64_t draw = random();
    const uint64_t kind = random() % 16;
    const uint64_t offset = kind == 0              ? 0
                            : kind == 1            ? span
                            : kind == 2            ? static_cast<uint64_t>(-low)
                            : span == ~uint64_t{0} ? draw
                                                   : draw % (span + 1);
    raw.push_back(static_cast<int64_t>(low + offset));
  }
  return raw;
}

std::vector<std::byte> pack_rows(const TensorType& type, const std::vector<int64_t>& raw) {
  const size_t bytes = type.container() / 8;
  std::vector<std::byte> rows(raw.size() * bytes);
  for (size_t i = 0; i < raw.size(); ++i) std::memcpy(rows.data() + i * bytes, &raw[i], bytes);
  return rows;
}

std::vector<int64_t> unpack_rows(const TensorType& type, const std::vector<std::byte>& rows) {
  const size_t bytes = type.container() / 8;
  std::vector<int64_t> raw;
  for (size_t i = 0; i * bytes < rows.size(); ++i) {
    uint64_t bits = 0;
    std::memcpy(&bits, rows.data() + i * bytes, bytes);
    const int unused = 64 - type.container();
    const bool is_signed = type.at(static_cast<int64_t>(i) % type.elements()).is_signed;
    raw.push_back(is_signed ? static_cast<int64_t>(bits << unused) >> unused : static_cast<int64_t>(bits));
  }
  return raw;
}

}  // namespace strobe::testing
