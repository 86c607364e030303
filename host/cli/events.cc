#include "host/cli/events.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "host/io/files.h"
#include "host/runtime/codec.h"

namespace strobe::cli {
namespace {

using io::Array;
using io::DType;
using runtime::Codec;
using runtime::ElementKind;
using runtime::Encoding;

absl::Status file_error(const std::string& path, const std::string& text) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", text));
}

ElementKind element_kind(DType dtype) {
  switch (dtype) {
    case DType::kInt8:
      return ElementKind::kInt8;
    case DType::kInt16:
      return ElementKind::kInt16;
    case DType::kInt32:
      return ElementKind::kInt32;
    case DType::kInt64:
      return ElementKind::kInt64;
    case DType::kUint8:
      return ElementKind::kUint8;
    case DType::kUint16:
      return ElementKind::kUint16;
    case DType::kUint32:
      return ElementKind::kUint32;
    case DType::kUint64:
      return ElementKind::kUint64;
    case DType::kFloat32:
      return ElementKind::kFloat32;
    case DType::kFloat64:
      return ElementKind::kFloat64;
  }
  return ElementKind::kFloat64;
}

DType container_dtype(const model::TensorType& type, bool is_signed) {
  switch (type.container()) {
    case 8:
      return is_signed ? DType::kInt8 : DType::kUint8;
    case 16:
      return is_signed ? DType::kInt16 : DType::kUint16;
    case 32:
      return is_signed ? DType::kInt32 : DType::kUint32;
    default:
      return is_signed ? DType::kInt64 : DType::kUint64;
  }
}

bool ends_with(const std::string& path, std::string_view ending) { return std::string_view(path).ends_with(ending); }

absl::StatusOr<std::vector<io::NamedArray>> read_arrays(const std::string& path, const model::Graph& graph) {
  if (ends_with(path, ".npz")) return io::read_npz(path);
  const model::Tensor& tensor = graph.input(0);
  if (graph.inputs().size() > 1) {
    return file_error(path, absl::StrCat("the model has ", graph.inputs().size(),
                                         " inputs; expected a .npz with one array each, by name"));
  }
  if (ends_with(path, ".npy")) {
    auto array = io::read_npy(path);
    if (!array.ok()) return array.status();
    return std::vector<io::NamedArray>{{tensor.name, *std::move(array)}};
  }
  if (ends_with(path, ".csv") || ends_with(path, ".txt")) {
    auto csv = io::read_csv(path);
    if (!csv.ok()) return csv.status();
    return std::vector<io::NamedArray>{{tensor.name, std::move(csv->array)}};
  }
  if (ends_with(path, ".bin")) {
    auto array = io::read_bin(path, container_dtype(tensor.type, tensor.type.any_signed()), tensor.type.shape);
    if (!array.ok()) return array.status();
    return std::vector<io::NamedArray>{{tensor.name, *std::move(array)}};
  }
  return file_error(path, "expected an event file ending in .npy, .npz, .csv or .bin");
}

/// The array of an input: by name, or the only one for the only input.
absl::StatusOr<const Array*> find_array(const std::string& path, const model::Tensor& tensor, const model::Graph& graph,
                                        const std::vector<io::NamedArray>& arrays) {
  const auto it =
      std::find_if(arrays.begin(), arrays.end(), [&](const io::NamedArray& a) { return a.name == tensor.name; });
  if (it != arrays.end()) return &it->array;
  if (arrays.size() == 1 && graph.inputs().size() == 1) return &arrays[0].array;
  std::string names;
  for (const auto& a : arrays) absl::StrAppend(&names, names.empty() ? "" : ", ", a.name);
  return file_error(path, absl::StrCat("has no array '", tensor.name, "'; it has: ", names));
}

absl::Status check_shape(const std::string& path, const model::Tensor& tensor, const Array& array) {
  const int64_t elements = tensor.type.elements();
  if (!array.shape().empty() && array.row_elements() == elements) return absl::OkStatus();
  return file_error(path, absl::StrCat("input '", tensor.name, "': expected [events, ", elements, "] (",
                                       model::to_string(tensor.type.shape), " an event), found ", array.to_string()));
}

absl::Status convert(const std::string& path, const model::Tensor& tensor, const Array& array, bool raw,
                     Events& events) {
  if (absl::Status s = check_shape(path, tensor, array); !s.ok()) return s;
  const Codec codec(tensor);
  const Encoding encoding{element_kind(array.dtype()), raw};
  if (raw && io::is_float(array.dtype())) {
    return file_error(path,
                      absl::StrCat("input '", tensor.name, "': --raw-in wants integers, found ", array.to_string()));
  }
  // A file whose bytes are already the kernel's rows serves as it is, but for the check that every value is in its
  // type.
  Bytes rows(static_cast<size_t>(array.rows()) * codec.row_bytes());
  events.integers_as_numbers |= !raw && !io::is_float(array.dtype());
  if (absl::Status s = codec.encode(encoding, array.bytes(), rows, 0, &events.changed); !s.ok()) {
    return file_error(path, std::string(s.message()));
  }
  events.owned.push_back(std::move(rows));
  events.inputs.emplace_back(events.owned.back());
  return absl::OkStatus();
}

/// Raw values that fill their containers need no check and no copy.
bool serves_as_it_is(const model::Tensor& tensor, const Array& array, bool raw) {
  if (!raw || array.dtype() != container_dtype(tensor.type, tensor.type.any_signed())) return false;
  return std::all_of(tensor.type.types.begin(), tensor.type.types.end(), [&](const model::FixedType& t) {
    return t.width == tensor.type.container() && t.is_signed == tensor.type.any_signed();
  });
}

/// The number that a raw value of an input stands for; NaN where it is the missing value.
double number_of(const model::Tensor& tensor, int64_t element, double raw) {
  if (tensor.encoding.missing && raw == static_cast<double>(*tensor.encoding.missing))
    return std::numeric_limits<double>::quiet_NaN();
  if (tensor.encoding.kind == model::InputEncoding::Kind::kOrderedFloat)
    return model::from_ordered_key(static_cast<int32_t>(raw));
  return raw * tensor.type.at(element).step();
}

}  // namespace

absl::StatusOr<std::vector<std::vector<double>>> read_event_numbers(const std::string& path, const model::Graph& graph,
                                                                    bool raw) {
  auto arrays = read_arrays(path, graph);
  if (!arrays.ok()) return arrays.status();
  raw = raw || ends_with(path, ".bin");
  std::vector<std::vector<double>> numbers;
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    const model::Tensor& tensor = graph.input(i);
    auto array = find_array(path, tensor, graph, *arrays);
    if (!array.ok()) return array.status();
    if (absl::Status s = check_shape(path, tensor, **array); !s.ok()) return s;
    numbers.push_back((*array)->numbers());
    const auto elements = static_cast<size_t>(tensor.type.elements());
    for (size_t e = 0; raw && e < numbers.back().size(); ++e)
      numbers.back()[e] = number_of(tensor, static_cast<int64_t>(e % elements), numbers.back()[e]);
  }
  return numbers;
}

absl::StatusOr<Events> read_events(const std::string& path, const model::Graph& graph, bool raw) {
  auto arrays = read_arrays(path, graph);
  if (!arrays.ok()) return arrays.status();
  raw = raw || ends_with(path, ".bin");
  Events events;
  events.owned.reserve(graph.inputs().size());
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    const model::Tensor& tensor = graph.input(i);
    auto found = find_array(path, tensor, graph, *arrays);
    if (!found.ok()) return found.status();
    const Array& array = **found;
    const auto rows = static_cast<size_t>(array.rows());
    if (i > 0 && rows != events.rows) {
      return file_error(path, absl::StrCat("input '", tensor.name, "' has ", rows, " events, '", graph.input(0).name,
                                           "' ", events.rows));
    }
    events.rows = rows;
    if (serves_as_it_is(tensor, array, raw)) {
      if (absl::Status s = check_shape(path, tensor, array); !s.ok()) return s;
      events.files.push_back(array);
      events.inputs.push_back(events.files.back().bytes());
    } else if (absl::Status s = convert(path, tensor, array, raw, events); !s.ok()) {
      return s;
    }
  }
  return events;
}

Scores make_scores(const model::Graph& graph, size_t rows) {
  Scores scores;
  scores.rows = rows;
  for (size_t o = 0; o < graph.outputs().size(); ++o)
    scores.outputs.emplace_back(rows * graph.output(o).type.row_bytes());
  return scores;
}

io::Array scores_array(const Scores& scores, const model::Graph& graph, size_t output, bool raw) {
  const model::Tensor& tensor = graph.output(output);
  std::vector<int64_t> shape = {static_cast<int64_t>(scores.rows)};
  shape.insert(shape.end(), tensor.type.shape.begin(), tensor.type.shape.end());
  if (raw) {
    return {container_dtype(tensor.type, tensor.type.any_signed()), std::move(shape), scores.outputs[output], nullptr};
  }
  auto numbers = std::make_shared<Bytes>(scores.rows * tensor.type.elements() * sizeof(double));
  Codec(tensor.name, tensor.type).decode({ElementKind::kFloat64, false}, scores.outputs[output], *numbers);
  return {DType::kFloat64, std::move(shape), *numbers, numbers};
}

absl::Status check_score_path(const std::string& path, const model::Graph& graph) {
  if (path.empty() || ends_with(path, ".npz")) return absl::OkStatus();
  if (!ends_with(path, ".npy") && !ends_with(path, ".csv"))
    return file_error(path, "expected a name ending in .npy, .npz or .csv");
  if (graph.outputs().size() == 1) return absl::OkStatus();
  return file_error(path,
                    absl::StrCat("the model has ", graph.outputs().size(), " outputs; expected a name ending in .npz"));
}

absl::Status write_scores(const std::string& path, const Scores& scores, const model::Graph& graph, bool raw) {
  if (absl::Status s = check_score_path(path, graph); !s.ok()) return s;
  if (ends_with(path, ".npz")) {
    std::vector<io::NamedArray> arrays;
    for (size_t o = 0; o < graph.outputs().size(); ++o)
      arrays.push_back({graph.output(o).name, scores_array(scores, graph, o, raw)});
    return io::write_npz(path, arrays);
  }
  const io::Array array = scores_array(scores, graph, 0, raw);
  return ends_with(path, ".csv") ? io::write_csv(path, array) : io::write_npy(path, array);
}

}  // namespace strobe::cli
