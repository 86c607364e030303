#include "host/cli/events.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "host/cli/scores.h"
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
    auto array = io::read_bin(path, container_dtype(tensor.type), tensor.type.shape);
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

InputOverflow describe_overflow(const model::Tensor& tensor, const Array& array, const model::OverflowCount& count) {
  const int64_t elements = tensor.type.elements();
  std::vector<double> smallest(static_cast<size_t>(elements), INFINITY),
      largest(static_cast<size_t>(elements), -INFINITY);
  for (int64_t i = 0; i < array.elements(); ++i) {
    const auto element = static_cast<size_t>(i % elements);
    const double x = array.number(i);
    if (x < smallest[element]) smallest[element] = x;  // a NaN is a missing value
    if (x > largest[element]) largest[element] = x;
  }
  InputOverflow result{tensor.name, tensor.type.at(0), 0, 0, 0, static_cast<size_t>(array.elements()), count};
  double furthest = -1;
  for (int64_t e = 0; e < elements; ++e) {
    const model::FixedType type = tensor.type.at(e);
    const double low = smallest[static_cast<size_t>(e)], high = largest[static_cast<size_t>(e)];
    const double room = std::max(static_cast<double>(type.max_raw()), 1.0) * type.step();
    const double beyond = std::max(std::abs(low), std::abs(high)) / room;
    if (!std::isfinite(low) || beyond <= furthest) continue;
    furthest = beyond;
    result.type = type;
    result.element = e;
    result.smallest = low;
    result.largest = high;
  }
  return result;
}

/// Raw values that fill their containers need no check and no copy.
bool serves_as_it_is(const model::Tensor& tensor, const Array& array, bool raw) {
  if (!raw || array.dtype() != container_dtype(tensor.type)) return false;
  return std::all_of(tensor.type.types.begin(), tensor.type.types.end(), [&](const model::FixedType& t) {
    return t.width == tensor.type.container() && t.is_signed == tensor.type.any_signed();
  });
}

/// "--input-type 'ap_fixed<20,10,AP_RND,AP_SAT>'": the type's fraction, and integer bits for what was found.
std::string wider_type(const InputOverflow& o) {
  constexpr int kWidest = 32;
  model::FixedType type = o.type;
  type.rounding = model::Rounding::kRnd;
  type.overflow = model::Overflow::kSat;
  type.is_signed = type.is_signed || o.smallest < 0;
  const double largest = std::max(std::abs(o.smallest), std::abs(o.largest));
  const int fraction = o.type.fraction();
  type.integer =
      std::max(1, static_cast<int>(std::floor(std::log2(std::max(largest, 1e-30)))) + 1) + (type.is_signed ? 1 : 0);
  type.width = std::clamp(type.integer + fraction, 1, std::max(kWidest, type.integer));
  if (type.width > model::FixedType::kMaxWidth - 1) return "a wider --input-type";
  return absl::StrCat("--input-type '", type.to_string(), "'");
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

std::vector<std::string> overflow_warnings(const Events& events) {
  std::vector<std::string> warnings;
  for (const InputOverflow& o : events.overflows) {
    const auto low = static_cast<double>(o.type.min_raw()) * o.type.step(),
               high = static_cast<double>(o.type.max_raw()) * o.type.step();
    std::string text = absl::StrFormat(
        "input '%s': of %d values %d saturated and %d wrapped: element %d is %s, which holds %g to %g; the file has %g "
        "to %g "
        "there",
        o.tensor, o.values, o.count.saturated, o.count.wrapped, o.element, o.type.to_string(), low, high, o.smallest,
        o.largest);
    absl::StrAppend(&text, ". Scale the events as for training, or compile with ", wider_type(o));
    if (events.integers_as_numbers)
      absl::StrAppend(&text, ". The file holds integers, taken as numbers; --raw-in takes them as raw values");
    warnings.push_back(std::move(text));
  }
  return warnings;
}

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

absl::StatusOr<EventSource> EventSource::open(const std::string& path, const model::Graph& graph, bool raw) {
  auto arrays = read_arrays(path, graph);
  if (!arrays.ok()) return arrays.status();
  raw = raw || ends_with(path, ".bin");
  EventSource source;
  source.path_ = path;
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    const model::Tensor& tensor = graph.input(i);
    auto found = find_array(path, tensor, graph, *arrays);
    if (!found.ok()) return found.status();
    const Array& array = **found;
    if (absl::Status s = check_shape(path, tensor, array); !s.ok()) return s;
    if (raw && io::is_float(array.dtype())) {
      return file_error(path,
                        absl::StrCat("input '", tensor.name, "': --raw-in wants integers, found ", array.to_string()));
    }
    const auto rows = static_cast<size_t>(array.rows());
    if (i > 0 && rows != source.rows_) {
      return file_error(path, absl::StrCat("input '", tensor.name, "' has ", rows, " events, '", graph.input(0).name,
                                           "' ", source.rows_));
    }
    source.rows_ = rows;
    source.inputs_.push_back({&tensor,
                              array,
                              Codec(tensor),
                              Encoding{element_kind(array.dtype()), raw},
                              serves_as_it_is(tensor, array, raw),
                              {}});
  }
  return source;
}

absl::Status EventSource::take(size_t first, size_t count, Chunk& chunk) {
  chunk.owned.resize(inputs_.size());
  chunk.inputs.clear();
  for (size_t i = 0; i < inputs_.size(); ++i) {
    Input& input = inputs_[i];
    const size_t from_bytes = input.codec.row_bytes(input.encoding);
    const auto values = input.array.bytes().subspan(first * from_bytes, count * from_bytes);
    if (input.in_place) {
      chunk.inputs.push_back(values);
      continue;
    }
    // Raw values need no conversion, but a check that each is in its type.
    chunk.owned[i].resize(count * input.codec.row_bytes());
    if (absl::Status s = input.codec.encode(input.encoding, values, chunk.owned[i], first, &input.count); !s.ok())
      return file_error(path_, std::string(s.message()));
    chunk.inputs.emplace_back(chunk.owned[i]);
  }
  return absl::OkStatus();
}

void EventSource::note_overflows(Events& events) const {
  for (const Input& input : inputs_) {
    events.changed += input.count;
    events.integers_as_numbers |= !input.encoding.raw && !io::is_float(input.array.dtype());
    if (input.count.total() > 0) events.overflows.push_back(describe_overflow(*input.tensor, input.array, input.count));
  }
}

std::vector<io::Array> EventSource::files() const {
  std::vector<io::Array> arrays;
  for (const Input& input : inputs_) arrays.push_back(input.array);
  return arrays;
}

absl::StatusOr<Events> read_events(const std::string& path, const model::Graph& graph, bool raw) {
  auto source = EventSource::open(path, graph, raw);
  if (!source.ok()) return source.status();
  Events events;
  events.rows = source->rows();
  EventSource::Chunk all;
  if (absl::Status s = source->take(0, events.rows, all); !s.ok()) return s;
  events.inputs = std::move(all.inputs);
  events.owned = std::move(all.owned);
  events.files = source->files();
  source->note_overflows(events);
  return events;
}

}  // namespace strobe::cli
