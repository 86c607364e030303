#include <cmath>

#include "absl/strings/str_cat.h"
#include "kernels/import/float_arithmetic.h"

namespace strobe::import::float_arithmetic {
namespace {

std::vector<float> floats(const Array& array) { return {array.data.begin(), array.data.end()}; }

std::vector<float> floats_or(const FloatLayer& layer, std::string_view name, size_t count, float fallback) {
  const Array* array = layer.array(name);
  return array == nullptr ? std::vector<float>(count, fallback) : floats(*array);
}

absl::Status through(const FloatLayer& layer, std::string_view which, const Shape& shape, std::vector<float>& values) {
  const auto it = layer.quantizers.find(which);
  return it == layer.quantizers.end() ? absl::OkStatus() : quantise(it->second, shape, values);
}

struct Normalisation {
  std::vector<float> gamma, beta, mean, variance, scale;
};

/// The parameters of a (fused) batch normalisation, through their trained quantisers. Frameworks fold in float32.
absl::StatusOr<Normalisation> normalisation(const FloatLayer& layer, double default_epsilon) {
  const Array* mean = layer.array("moving_mean");
  if (mean == nullptr || layer.array("moving_variance") == nullptr) {
    return absl::InvalidArgumentError("has no moving mean or variance");
  }
  const size_t channels = mean->data.size();
  Normalisation norm{floats_or(layer, "gamma", channels, 1),
                     floats_or(layer, "beta", channels, 0),
                     floats(*mean),
                     floats_or(layer, "moving_variance", channels, 1),
                     {}};
  const Shape shape = {static_cast<int64_t>(channels)};
  const std::pair<const char*, std::vector<float>*> kArrays[] = {
      {"gamma", &norm.gamma}, {"beta", &norm.beta}, {"moving_mean", &norm.mean}, {"moving_variance", &norm.variance}};
  for (const auto& [name, values] : kArrays) {
    if (values->size() != channels)
      return absl::InvalidArgumentError(absl::StrCat(name, " has ", values->size(), " elements, expected ", channels));
    if (absl::Status s = through(layer, name, shape, *values); !s.ok()) return s;
  }
  const auto epsilon = static_cast<float>(layer.setting<double>("epsilon").value_or(default_epsilon));
  for (size_t c = 0; c < channels; ++c) norm.scale.push_back(norm.gamma[c] / std::sqrt(norm.variance[c] + epsilon));
  if (absl::Status s = through(layer, "inverse", shape, norm.scale); !s.ok()) return s;
  return norm;
}

/// Folds a normalisation of the outputs into weights and bias.
void fold_outputs(const Normalisation& norm, AffineWeights& weights) {
  const size_t n_out = weights.bias.size();
  for (size_t w = 0; w < weights.kernel.size(); ++w) weights.kernel[w] *= norm.scale[w % n_out];
}

/// QKeras normalises what kernel and bias give.
void fold_qkeras(const Normalisation& norm, AffineWeights& weights) {
  fold_outputs(norm, weights);
  for (size_t j = 0; j < weights.bias.size(); ++j)
    weights.bias[j] = norm.scale[j] * (weights.bias[j] - norm.mean[j]) + norm.beta[j];
}

/// HGQ2's bias stands behind the normalisation, as its beta.
void fold_hgq(const Normalisation& norm, AffineWeights& weights) {
  fold_outputs(norm, weights);
  for (size_t j = 0; j < weights.bias.size(); ++j) weights.bias[j] += -norm.mean[j] * norm.scale[j];
}

/// HGQ2's QBatchNormDense normalises its inputs; the mean goes through the kernel without the scale.
void fold_inputs(const Normalisation& norm, AffineWeights& weights) {
  const size_t n_out = weights.bias.size();
  std::vector<float> offset(n_out, 0);
  for (size_t w = 0; w < weights.kernel.size(); ++w) {
    offset[w % n_out] += norm.mean[w / n_out] * weights.kernel[w];
    weights.kernel[w] *= norm.scale[w / n_out];
  }
  for (size_t j = 0; j < n_out; ++j) weights.bias[j] -= offset[j];
}

}  // namespace

absl::StatusOr<AffineWeights> dense_weights(const FloatLayer& layer) {
  const Array* kernel = layer.array("kernel");
  if (kernel == nullptr || kernel->shape.size() != 2) return absl::InvalidArgumentError("has no kernel of two axes");
  const auto n_in = static_cast<size_t>(kernel->shape[0]), n_out = static_cast<size_t>(kernel->shape[1]);
  AffineWeights weights{floats(*kernel), floats_or(layer, "bias", n_out, 0)};
  if (weights.bias.size() != n_out)
    return absl::InvalidArgumentError(absl::StrCat("has ", weights.bias.size(), " biases for ", n_out, " outputs"));
  const bool is_normalised = layer.array("moving_mean") != nullptr;
  if (is_normalised) {
    auto norm = normalisation(layer, 1e-7);
    if (!norm.ok()) return norm.status();
    const bool inputs = layer.class_name == "QBatchNormDense";
    if (norm->scale.size() != (inputs ? n_in : n_out)) {
      return absl::InvalidArgumentError(
          absl::StrCat("normalises ", norm->scale.size(), " channels, its kernel is ", shape_text(kernel->shape)));
    }
    const auto fold = inputs ? fold_inputs : layer.class_name == "QDenseBatchnorm" ? fold_qkeras : fold_hgq;
    fold(*norm, weights);
  }
  if (absl::Status s = through(layer, "kernel", kernel->shape, weights.kernel); !s.ok()) return s;
  const bool has_bias = layer.array("bias") != nullptr || is_normalised;
  if (!has_bias) return weights;
  if (absl::Status s = through(layer, "bias", {kernel->shape[1]}, weights.bias); !s.ok()) return s;
  return weights;
}

absl::StatusOr<AffineWeights> batch_norm_weights(const FloatLayer& layer) {
  auto norm = normalisation(layer, 1e-3);
  if (!norm.ok()) return norm.status();
  AffineWeights weights{norm->scale, {}};
  for (size_t c = 0; c < norm->scale.size(); ++c)
    weights.bias.push_back(norm->beta[c] - norm->mean[c] * norm->scale[c]);
  const Shape shape = {static_cast<int64_t>(norm->scale.size())};
  if (absl::Status s = through(layer, "kernel", shape, weights.kernel); !s.ok()) return s;
  if (absl::Status s = through(layer, "bias", shape, weights.bias); !s.ok()) return s;
  return weights;
}

}  // namespace strobe::import::float_arithmetic
