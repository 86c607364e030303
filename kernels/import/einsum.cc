#include "kernels/import/einsum.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

namespace strobe::import {
namespace {

using Shape = std::vector<int64_t>;

constexpr int64_t kMaxMatrix = int64_t{1} << 24;

struct Equation {
  std::string in, kernel, out;
};

/// Gives the axes behind "..." letters of their own.
void expand_dots(std::string* labels, size_t axes) {
  const size_t dots = labels->find("...");
  if (dots == std::string::npos || labels->size() - 3 > axes) return;
  std::string names;
  for (size_t i = 0; i < axes - (labels->size() - 3); ++i) names += static_cast<char>('0' + i);
  labels->replace(dots, 3, names);
}

std::optional<Equation> split(const std::string& text, size_t input_axes, size_t output_axes) {
  std::string packed;
  std::copy_if(text.begin(), text.end(), std::back_inserter(packed), [](char c) { return c != ' '; });
  const size_t comma = packed.find(','), arrow = packed.find("->");
  if (comma == std::string::npos || arrow == std::string::npos || arrow < comma || text.size() > 100)
    return std::nullopt;
  Equation e{packed.substr(0, comma), packed.substr(comma + 1, arrow - comma - 1), packed.substr(arrow + 2)};
  expand_dots(&e.in, input_axes);
  expand_dots(&e.out, output_axes);
  return e;
}

bool distinct(std::string labels) {
  std::sort(labels.begin(), labels.end());
  return std::adjacent_find(labels.begin(), labels.end()) == labels.end();
}

bool contains(const std::string& labels, char label) { return labels.find(label) != std::string::npos; }

/// Whether the equation is one that a constant matrix computes for each event.
bool is_matrix(const Equation& e) {
  if (e.in.empty() || e.out.empty() || e.kernel.empty() || e.in[0] != e.out[0] || contains(e.kernel, e.in[0]))
    return false;
  if (!distinct(e.in) || !distinct(e.kernel) || !distinct(e.out)) return false;
  for (const char label : e.kernel) {
    if (!contains(e.in, label) && !contains(e.out, label)) return false;
  }
  for (const char label : e.out) {
    if (!contains(e.in, label) && !contains(e.kernel, label)) return false;
  }
  return true;
}

/// The row-major index of a tensor's element, given each label's value.
int64_t element_index(const std::string& labels, const std::map<char, int64_t>& extents,
                      const std::map<char, int64_t>& at) {
  int64_t index = 0;
  for (const char label : labels) index = index * extents.at(label) + at.at(label);
  return index;
}

Shape shape_of(const std::string& labels, const std::map<char, int64_t>& extents) {
  Shape shape;
  for (const char label : labels) shape.push_back(extents.at(label));
  return shape;
}

int64_t product(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t extent : shape)
    count = count > kMaxMatrix / std::max<int64_t>(extent, 1) ? kMaxMatrix + 1 : count * extent;
  return count;
}

/// Counts through all values of all labels; false after the last.
bool next_position(const std::map<char, int64_t>& extents, std::map<char, int64_t>* at) {
  for (auto& [label, value] : *at) {
    if (++value < extents.at(label)) return true;
    value = 0;
  }
  return false;
}

Array gather(const Array& from, const std::vector<int64_t>& source, Shape shape) {
  Array to{std::move(shape), {}};
  to.data.reserve(source.size());
  for (const int64_t index : source) to.data.push_back(index < 0 ? 0.0 : from.data[static_cast<size_t>(index)]);
  return to;
}

/// Spreads an array over `shape` as numpy would and flattens it to [1, elements].
Array spread(const Array& from, const Shape& shape) {
  const int64_t count = product(shape);
  Array to{{1, count}, {}};
  for (int64_t e = 0; e < count; ++e) {
    int64_t rest = e, index = 0, stride = 1;
    for (size_t d = 0; d < std::min(from.shape.size(), shape.size()); ++d) {
      const int64_t extent = from.shape[from.shape.size() - 1 - d], full = shape[shape.size() - 1 - d];
      index += (extent == 1 ? 0 : rest % full) * stride;
      rest /= full;
      stride *= extent;
    }
    to.data.push_back(from.data[static_cast<size_t>(index)]);
  }
  return to;
}

template <typename Change>
void change_formats(FloatLayer* layer, const char* name, const Change& change) {
  const auto it = layer->quantizers.find(name);
  if (it == layer->quantizers.end()) return;
  auto* quantizer = std::get_if<ElementQuantizer>(&it->second);
  if (quantizer == nullptr) return;
  for (Array* array : {&quantizer->k, &quantizer->i, &quantizer->f}) *array = change(*array);
}

/// Repeats a format of fewer elements over the shape of what it quantises, keeping that shape.
Array to_shape(const Array& from, const Shape& shape) {
  Array full = spread(from, shape);
  full.shape = shape;
  return full;
}

}  // namespace

absl::StatusOr<EinsumPlan> plan_einsum(const std::string& equation, const std::string& bias_axes, const Shape& input,
                                       const Shape& declared) {
  const std::optional<Equation> e = split(equation, input.size() + 1, declared.size() + 1);
  if (!e || e->in.size() != input.size() + 1 || e->out.size() != declared.size() + 1) {
    return absl::InvalidArgumentError(absl::StrCat("equation '", equation, "' does not fit an input of ", input.size(),
                                                   " axes and an output of ", declared.size()));
  }
  if (!is_matrix(*e)) {
    return absl::UnimplementedError(absl::StrCat("not supported: equation '", equation,
                                                 "'; each label of the kernel must be "
                                                 "one of the input's or output's, and the batch axis stays first"));
  }
  const Equation event{e->in.substr(1), e->kernel, e->out.substr(1)};
  std::map<char, int64_t> extents;
  for (size_t i = 0; i < event.in.size(); ++i) extents[event.in[i]] = input[i];
  for (size_t i = 0; i < event.out.size(); ++i) {
    const auto [it, added] = extents.emplace(event.out[i], declared[i]);
    // Keras lets the declared shape leave an extent open that the input fixes.
    if ((!added && declared[i] > 0 && it->second != declared[i]) || it->second < 1 || it->second > kMaxMatrix) {
      return absl::InvalidArgumentError(absl::StrCat("equation '", equation, "': its declared output shape has ",
                                                     declared[i], " where ", it->second, " is needed"));
    }
  }
  EinsumPlan plan;
  plan.kernel = shape_of(event.kernel, extents);
  plan.output = shape_of(event.out, extents);
  for (const char label : bias_axes) {
    if (!contains(event.out, label)) {
      return absl::InvalidArgumentError(
          absl::StrCat("bias axis '", std::string(1, label), "' is none of '", event.out, "'"));
    }
  }
  // Keras lays the bias out in the order of the output's axes, whatever order `bias_axes` names them in.
  std::string bias_labels;
  for (const char label : event.out) {
    if (contains(bias_axes, label)) bias_labels += label;
  }
  plan.bias = shape_of(bias_labels, extents);
  // With 1s up to the last axis of the bias, Keras broadcasts it; the stored shape has those 1s too.
  Shape stored;
  for (size_t i = bias_labels.empty() ? event.out.size() : event.out.find(bias_labels[0]); i < event.out.size(); ++i) {
    stored.push_back(contains(bias_labels, event.out[i]) ? extents.at(event.out[i]) : 1);
  }
  plan.bias = stored;
  const size_t last = event.in.size() - 1;
  plan.last_axis = event.in.size() == event.out.size() && event.kernel.size() == 2 &&
                   event.kernel[0] == event.in[last] && event.kernel[1] == event.out[last] &&
                   event.in.substr(0, last) == event.out.substr(0, last) && event.kernel[0] != event.kernel[1] &&
                   (bias_labels.empty() || bias_labels == event.out.substr(last));
  plan.flat_inputs = product(input);
  plan.flat_outputs = product(plan.output);
  if (plan.last_axis) return plan;
  if (product(plan.kernel) > kMaxMatrix || plan.flat_inputs > kMaxMatrix / std::max<int64_t>(plan.flat_outputs, 1)) {
    return absl::UnimplementedError(
        absl::StrCat("not supported: equation '", equation, "' as a matrix of more than 2^24 elements"));
  }
  plan.kernel_source.assign(static_cast<size_t>(plan.flat_inputs * plan.flat_outputs), -1);
  plan.bias_source.assign(static_cast<size_t>(plan.flat_outputs), -1);
  std::map<char, int64_t> at;
  for (const auto& [label, unused] : extents) at[label] = 0;
  do {
    const int64_t out = element_index(event.out, extents, at);
    const int64_t cell = element_index(event.in, extents, at) * plan.flat_outputs + out;
    plan.kernel_source[static_cast<size_t>(cell)] = element_index(event.kernel, extents, at);
    plan.bias_source[static_cast<size_t>(out)] = element_index(bias_labels, extents, at);
  } while (next_position(extents, &at));
  return plan;
}

void flatten_einsum(const EinsumPlan& plan, const Shape& input, FloatLayer* layer) {
  const Shape matrix = {plan.flat_inputs, plan.flat_outputs}, outputs = {plan.flat_outputs};
  for (auto& [name, array] : layer->arrays) {
    array = name == "kernel" ? gather(array, plan.kernel_source, matrix) : gather(array, plan.bias_source, outputs);
  }
  change_formats(layer, "kernel",
                 [&](const Array& a) { return gather(to_shape(a, plan.kernel), plan.kernel_source, matrix); });
  change_formats(layer, "bias",
                 [&](const Array& a) { return gather(to_shape(a, plan.bias), plan.bias_source, outputs); });
  change_formats(layer, "input", [&](const Array& a) { return spread(a, input); });
  change_formats(layer, "output", [&](const Array& a) { return spread(a, plan.output); });
}

}  // namespace strobe::import
