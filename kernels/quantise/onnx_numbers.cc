#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kernels/import/file_rules.h"
#include "kernels/model/broadcast.h"
#include "kernels/quantise/onnx_network.h"

namespace strobe::quantise::onnx {
namespace {

using import::UniformQuantizer;
using model::Overflow;
using model::Rounding;

template <typename Function>
Numbers combine(const Numbers& a, const Numbers& b, Function function) {
  Numbers out;
  out.kind = a.kind == b.kind ? a.kind : Numbers::Kind::kDouble;
  out.shape = a.data.size() >= b.data.size() ? a.shape : b.shape;
  out.data.resize(std::max(a.data.size(), b.data.size()));
  for (size_t i = 0; i < out.data.size(); ++i) {
    const double value = function(a.data[a.data.size() == 1 ? 0 : i], b.data[b.data.size() == 1 ? 0 : i]);
    out.data[i] = out.kind == Numbers::Kind::kFloat ? static_cast<float>(value) : value;
  }
  return out;
}

std::optional<Rounding> rounding_of(const std::string& mode) {
  if (mode == "ROUND" || mode == "HALF_EVEN") return Rounding::kRndConv;
  if (mode == "FLOOR") return Rounding::kTrn;
  if (mode == "DOWN" || mode == "ROUND_TO_ZERO") return Rounding::kTrnZero;
  if (mode == "HALF_UP") return Rounding::kRndInf;
  if (mode == "HALF_DOWN") return Rounding::kRndZero;
  return std::nullopt;
}

bool flag(const UniformQuantizer& quantizer, std::string_view key) {
  auto it = quantizer.numbers.find(key);
  return it != quantizer.numbers.end() && it->second != 0;
}

}  // namespace

bool Numbers::all(double value) const {
  return std::all_of(data.begin(), data.end(), [&](double v) { return v == value; });
}

bool Numbers::is_uniform() const { return !data.empty() && all(data[0]); }

Numbers add(const Numbers& a, const Numbers& b) {
  return combine(a, b, [](double x, double y) { return x + y; });
}

Numbers multiply(const Numbers& a, const Numbers& b) {
  return combine(a, b, [](double x, double y) { return x * y; });
}

Numbers negate(Numbers a) {
  for (double& v : a.data) v = -v;
  return a;
}

Numbers reciprocal(Numbers a) {
  if (a.kind == Numbers::Kind::kInteger) a.kind = Numbers::Kind::kDouble;
  for (double& v : a.data) v = a.kind == Numbers::Kind::kFloat ? static_cast<float>(1.0 / v) : 1.0 / v;
  return a;
}

std::optional<Numbers> expand(const Numbers& a, const std::vector<int64_t>& shape) {
  const auto source = model::broadcast(a.shape, shape);
  if (!source) return std::nullopt;
  Numbers out{shape, {}, a.kind};
  out.data.reserve(source->size());
  for (const size_t e : *source) out.data.push_back(a.data[e]);
  return out;
}

Numbers per_channel(const Numbers& a, int64_t channels) {
  const size_t n = static_cast<size_t>(channels);
  if (n == 0 || a.data.size() <= n || a.data.size() % n != 0) return a;
  for (size_t i = n; i < a.data.size(); ++i)
    if (a.data[i] != a.data[i - n]) return a;
  return {{channels}, std::vector<double>(a.data.begin(), a.data.begin() + channels), a.kind};
}

absl::StatusOr<FixedType> fixed_type_of(const UniformQuantizer& quantizer, int exponent, const std::string& layer) {
  const std::string& mode = quantizer.texts.at("rounding_mode");
  const std::optional<Rounding> rounding = rounding_of(mode);
  if (!rounding) {
    return absl::UnimplementedError(
        absl::StrCat("layer '", layer, "' (", quantizer.name, "): rounding mode ", mode,
                     " on activations; supported: ROUND, HALF_EVEN, FLOOR, DOWN, HALF_UP, HALF_DOWN"));
  }
  const bool is_signed = flag(quantizer, "signed"), narrow = flag(quantizer, "narrow");
  if (narrow && !is_signed) {
    return absl::UnimplementedError(
        absl::StrCat("layer '", layer, "' (", quantizer.name, "): narrow range on unsigned activations"));
  }
  if (!std::all_of(quantizer.bits.data.begin(), quantizer.bits.data.end(),
                   [&](double b) { return b == quantizer.bits.data[0]; })) {
    return absl::UnimplementedError(absl::StrCat("layer '", layer, "' (", quantizer.name, "): a width per channel"));
  }
  const int width = static_cast<int>(std::ceil(quantizer.bits.data[0]));
  return FixedType{is_signed, width, width + exponent, *rounding, narrow ? Overflow::kSatSym : Overflow::kSat};
}

Numbers quantise_constant(const UniformQuantizer& quantizer, const Numbers& scaled) {
  const bool is_signed = flag(quantizer, "signed"), narrow = flag(quantizer, "narrow");
  const double bits = std::ceil(quantizer.bits.data[0]);
  const double high = is_signed ? std::ldexp(1.0, static_cast<int>(bits) - 1) - 1
                                : std::ldexp(1.0, static_cast<int>(bits)) - 1 - narrow;
  const double low = is_signed ? -high - !narrow : 0;
  Numbers out = scaled;
  for (double& v : out.data) v = import::round_by(quantizer.texts.at("rounding_mode"), std::clamp(v, low, high)) + 0.0;
  return out;
}

bool Op::is_linear() const {
  auto it = settings.find("activation");
  const auto* text = it == settings.end() ? nullptr : std::get_if<std::string>(&it->second);
  return kind == "Activation" && text != nullptr && *text == "linear";
}

std::vector<Op*> Network::readers(const Op* op) {
  std::vector<Op*> found;
  for (Op& other : ops)
    if (std::find(other.inputs.begin(), other.inputs.end(), op) != other.inputs.end()) found.push_back(&other);
  return found;
}

bool Network::is_output(const Op* op) const { return std::find(outputs.begin(), outputs.end(), op) != outputs.end(); }

bool Network::feeds_only(const Op* op, const Op* reader) {
  const std::vector<Op*> all = readers(op);
  return all.size() == 1 && all[0] == reader && !is_output(op);
}

void Network::remove(Op* op) {
  Op* input = op->inputs[0];
  for (Op& other : ops) std::replace(other.inputs.begin(), other.inputs.end(), op, input);
  std::replace(outputs.begin(), outputs.end(), op, input);
  ops.remove_if([&](const Op& other) { return &other == op; });
}

bool Network::is_open(const Op* op) const {
  return !op->result && config.precision(op->name, op->kind, "result").is_auto;
}

}  // namespace strobe::quantise::onnx
