#include "kernels/quantise/typed_model.h"

#include <algorithm>

namespace strobe::quantise {
namespace {

template <typename T>
const T* find_setting(const TypedLayer& layer, std::string_view key) {
  auto it = layer.settings.find(key);
  return it == layer.settings.end() ? nullptr : std::get_if<T>(&it->second);
}

}  // namespace

std::string TypedLayer::text(std::string_view key, std::string_view fallback) const {
  const auto* value = find_setting<std::string>(*this, key);
  return value != nullptr ? *value : std::string(fallback);
}

int64_t TypedLayer::integer(std::string_view key, int64_t fallback) const {
  const auto* value = find_setting<int64_t>(*this, key);
  return value != nullptr ? *value : fallback;
}

double TypedLayer::real(std::string_view key, double fallback) const {
  if (const auto* value = find_setting<double>(*this, key)) return *value;
  if (const auto* value = find_setting<int64_t>(*this, key)) return static_cast<double>(*value);
  return fallback;
}

bool TypedLayer::flag(std::string_view key, bool fallback) const {
  const auto* value = find_setting<bool>(*this, key);
  return value != nullptr ? *value : fallback;
}

TypedLayer* TypedModel::find(std::string_view layer_name) {
  auto it = std::find_if(layers.begin(), layers.end(), [&](auto& layer) { return layer.name == layer_name; });
  return it == layers.end() ? nullptr : &*it;
}

const TypedLayer* TypedModel::find(std::string_view layer_name) const {
  return const_cast<TypedModel*>(this)->find(layer_name);
}

std::vector<TypedLayer*> TypedModel::readers(std::string_view layer_name) {
  std::vector<TypedLayer*> found;
  for (TypedLayer& layer : layers) {
    if (std::find(layer.inputs.begin(), layer.inputs.end(), layer_name) != layer.inputs.end()) found.push_back(&layer);
  }
  return found;
}

void TypedModel::remove(std::string_view layer_name) {
  const std::string gone(layer_name);
  const std::string input = find(gone)->inputs[0];
  for (TypedLayer& layer : layers) std::replace(layer.inputs.begin(), layer.inputs.end(), gone, input);
  std::replace(outputs.begin(), outputs.end(), gone, input);
  layers.erase(std::find_if(layers.begin(), layers.end(), [&](auto& layer) { return layer.name == gone; }));
}

}  // namespace strobe::quantise
