#pragma once

#include <string>
#include <utility>

#include "kernels/import/float_model.h"

namespace strobe::import {

/// A model that is one layer over one input, as forests and formulas are. `layer` brings its kind and what is in it.
inline FloatModel one_layer_model(std::string name, std::string framework, FloatTensor input, FloatTensor output,
                                  FloatLayer layer) {
  FloatLayer source;
  source.name = input.name;
  source.kind = source.class_name = "Input";
  source.outputs = {input.name};
  layer.name = output.name;
  layer.class_name = layer.kind;
  layer.inputs = {input.name};
  layer.outputs = {output.name};
  FloatModel model;
  model.name = std::move(name);
  model.framework = std::move(framework);
  model.inputs = {std::move(input)};
  model.outputs = {std::move(output)};
  model.layers = {std::move(source), std::move(layer)};
  return model;
}

}  // namespace strobe::import
