#include "tests/kernels/quantise/random_network.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "kernels/model/graph.h"

namespace strobe::testing {
namespace {

using import::Array;
using import::ElementQuantizer;
using import::FloatLayer;
using import::FloatModel;
using import::UniformQuantizer;

const char* const kRoundings[] = {"TRN", "TRN_ZERO", "RND", "RND_ZERO", "RND_MIN_INF", "RND_INF", "RND_CONV"};
const char* const kOverflows[] = {"WRAP", "SAT", "SAT_ZERO", "SAT_SYM"};

class Generator {
 public:
  Generator(uint64_t seed, Style style) : random_(seed), style_(style) {
    model_.name = absl::StrCat("random_", seed);
    model_.framework = "keras3";
  }

  FloatModel generate() {
    const auto features = static_cast<int64_t>(whole(1, 10));
    FloatLayer input;
    input.name = "events";
    input.kind = "Input";
    input.class_name = "InputLayer";
    input.outputs = {"events"};
    input.settings["shape"] = std::vector<int64_t>{features};
    model_.layers.push_back(input);
    model_.inputs = {{"events", {features}}};
    last_ = "events";
    width_ = features;
    if (style_ == Style::kHgq) quantizer_layer();
    const int layers = whole(1, 5);
    for (int i = 0; i < layers; ++i) add_layer();
    if (style_ == Style::kHgq && chance(0.4)) hgq_softmax();
    if (style_ != Style::kHgq && chance(0.3)) activation("softmax");
    model_.outputs = {{last_, {width_}}};
    return std::move(model_);
  }

 private:
  int whole(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  bool chance(double p) { return std::bernoulli_distribution(p)(random_); }

  Array numbers(std::vector<int64_t> shape, double spread) {
    Array array{std::move(shape), {}};
    std::normal_distribution<double> normal(0, spread);
    for (int64_t i = 0; i < model::element_count(array.shape); ++i) {
      array.data.push_back(chance(0.1) ? 0.0 : static_cast<double>(static_cast<float>(normal(random_))));
    }
    return array;
  }

  FloatLayer& start(const std::string& kind) {
    FloatLayer layer;
    layer.name = absl::StrCat("layer", model_.layers.size());
    layer.kind = kind;
    layer.class_name = kind;
    layer.inputs = {last_};
    layer.outputs = {layer.name};
    last_ = layer.name;
    model_.layers.push_back(std::move(layer));
    return model_.layers.back();
  }

  UniformQuantizer uniform() {
    const int integer = whole(0, 3);
    UniformQuantizer quantizer;
    quantizer.type =
        model::FixedType::fixed(integer + whole(2, 7), integer, model::Rounding::kRndConv, model::Overflow::kSat);
    quantizer.name = "quantized_bits";
    return quantizer;
  }

  ElementQuantizer element(std::vector<int64_t> shape, bool weight) {
    ElementQuantizer quantizer;
    for (Array* array : {&quantizer.k, &quantizer.i, &quantizer.f}) array->shape = shape;
    for (int64_t e = 0; e < model::element_count(shape); ++e) {
      quantizer.k.data.push_back(weight || chance(0.7) ? 1 : 0);
      quantizer.i.data.push_back(whole(-1, 4));
      quantizer.f.data.push_back(chance(0.08) ? -24 : whole(-1, 6));
    }
    quantizer.rounding = std::vector<std::string>{"TRN", "RND", "RND_CONV"}[whole(0, 2)];
    quantizer.overflow = std::vector<std::string>{"WRAP", "SAT", "SAT_SYM"}[whole(0, 2)];
    quantizer.trainable_wrap = weight && quantizer.overflow == "WRAP";
    return quantizer;
  }

  void quantizer_layer() {
    const std::vector<int64_t> shape = {1, width_};
    start("Quantizer").quantizers["output"] = element(shape, false);
  }

  void add_layer() {
    switch (whole(0, style_ == Style::kHgq ? 4 : 6)) {
      case 0:
      case 1:
        return dense();
      case 2:
        return activation(chance(0.5) ? "relu" : "leaky_relu");
      case 3:
        return branch();
      case 4:
        return batch_norm();
      default: {
        static const char* const kNames[] = {"tanh", "sigmoid",      "softplus", "softsign",
                                             "elu",  "hard_sigmoid", "linear"};
        return activation(kNames[whole(0, 6)]);
      }
    }
  }

  void dense() {
    const int64_t n_in = width_, n_out = whole(1, 8);
    FloatLayer& layer = start("Dense");
    layer.arrays["kernel"] = numbers({n_in, n_out}, 0.7);
    if (chance(0.8)) layer.arrays["bias"] = numbers({n_out}, 0.5);
    layer.settings["activation"] = std::string(chance(0.4) ? "relu" : "linear");
    if (style_ == Style::kQKeras) {
      layer.quantizers["kernel"] = uniform();
      if (layer.arrays.contains("bias")) layer.quantizers["bias"] = uniform();
    } else if (style_ == Style::kHgq) {
      layer.quantizers["input"] = element({1, n_in}, false);
      layer.quantizers["kernel"] = element({n_in, n_out}, true);
      if (layer.arrays.contains("bias")) layer.quantizers["bias"] = element({n_out}, true);
    }
    width_ = n_out;
  }

  void activation(const std::string& name) {
    FloatLayer& layer = start("Activation");
    layer.settings["activation"] = name;
    if (name == "leaky_relu" || name == "elu") layer.settings["alpha"] = 0.125 * whole(1, 7);
    if (name == "relu" && chance(0.3)) layer.settings["max_value"] = static_cast<double>(whole(1, 6));
    if (style_ == Style::kQKeras && name == "relu") layer.quantizers["output"] = uniform();
  }

  void hgq_softmax() {
    FloatLayer& layer = start("Activation");
    const bool stable = chance(0.6);
    layer.settings["activation"] = std::string("softmax");
    layer.settings["axis"] = int64_t{-1};
    layer.settings["stable"] = stable;
    layer.quantizers["input"] = element({1, width_}, false);
    if (stable) layer.quantizers["exp_input"] = element({1, 1}, false);
    layer.quantizers["inverse_input"] = element({1, 1}, false);
    for (const char* name : {"exp_output", "inverse_output"}) {
      ElementQuantizer table = element({1, 1}, false);
      table.k.data = {0};
      table.rounding = "RND_CONV";
      table.overflow = "SAT";
      layer.quantizers[name] = table;
    }
  }

  void batch_norm() {
    FloatLayer& layer = start("BatchNormalization");
    layer.arrays["gamma"] = numbers({width_}, 1);
    layer.arrays["beta"] = numbers({width_}, 1);
    layer.arrays["moving_mean"] = numbers({width_}, 1);
    layer.arrays["moving_variance"] = {{width_}, std::vector<double>(width_, 0.25 * whole(1, 8))};
    layer.settings["epsilon"] = 1e-3;
    layer.settings["axis"] = int64_t{-1};
    if (style_ != Style::kHgq) return;
    layer.quantizers["input"] = element({1, width_}, false);
    layer.quantizers["kernel"] = element({width_}, true);
    layer.quantizers["bias"] = element({width_}, true);
  }

  /// Two dense layers side by side, joined.
  void branch() {
    const std::string fork = last_;
    const int64_t width = width_;
    dense();
    const std::string left = last_;
    const int64_t left_width = width_;
    last_ = fork;
    width_ = width;
    dense();
    const std::string right = last_;
    static const char* const kMerges[] = {"Add", "Subtract", "Multiply", "Maximum", "Minimum"};
    const bool joins = left_width != width_ || chance(0.3);
    FloatLayer& layer = start(joins ? "Concatenate" : kMerges[whole(0, 4)]);
    layer.inputs = {left, right};
    if (joins) width_ += left_width;
    if (joins) layer.settings["axis"] = int64_t{-1};
  }

  std::mt19937_64 random_;
  Style style_;
  FloatModel model_;
  std::string last_;
  int64_t width_ = 0;
};

}  // namespace

FloatModel random_network(uint64_t seed, Style style) { return Generator(seed, style).generate(); }

std::string random_config(uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto whole = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  const int integer = whole(2, 8);
  const std::string type = absl::StrCat("ap_fixed<", integer + whole(2, 12), ",", integer, ",AP_",
                                        kRoundings[whole(0, 6)], ",AP_", kOverflows[whole(0, 3)], ">");
  if (whole(0, 1) == 0) return absl::StrCat("Model: {Precision: \"", type, "\", ReuseFactor: 1}");
  return absl::StrCat("Model: {Precision: {default: \"", type,
                      "\"}, ReuseFactor: 1}\nLayerType: {Dense: {Precision: {accum: auto, result: ",
                      whole(0, 1) == 0 ? "auto" : absl::StrCat("\"", type, "\""), "}}}");
}

}  // namespace strobe::testing
