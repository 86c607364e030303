#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/cli/bytes.h"
#include "host/io/array.h"
#include "host/runtime/codec.h"
#include "kernels/model/graph.h"

namespace strobe::cli {

/// What conversion to its type did to an input tensor's values, where it changed any by more than rounding.
struct InputOverflow {
  std::string tensor;
  model::FixedType type;  ///< of the element that went furthest beyond its range
  int64_t element = 0;
  double smallest = 0, largest = 0;  ///< numbers found for that element
  size_t values = 0;                 ///< of the tensor, all events
  model::OverflowCount count;
};

/// Events as the kernel takes them: per input tensor, rows of containers.
struct Events {
  size_t rows = 0;
  std::vector<std::span<const std::byte>> inputs;
  model::OverflowCount changed;          ///< values that wrapped or saturated on conversion
  std::vector<InputOverflow> overflows;  ///< by tensor; none where `changed` is zero
  bool integers_as_numbers = false;      ///< an integer file was read without `raw`
  std::vector<Bytes> owned;              ///< behind `inputs` where values had to be converted
  std::vector<io::Array> files;          ///< behind `inputs` where the file's own bytes serve
};

/// A file of events, converted piece by piece. The graph must outlive it.
class EventSource {
 public:
  /// What one `take` gives: per input tensor, rows of containers.
  struct Chunk {
    std::vector<std::span<const std::byte>> inputs;
    std::vector<Bytes> owned;  ///< behind `inputs` where values had to be converted; serves again
  };

  /// As `read_events`, but for errors in the values themselves.
  static absl::StatusOr<EventSource> open(const std::string& path, const model::Graph& graph, bool raw);

  size_t rows() const { return rows_; }
  /// Rows `first` to `first + count`: in the file's own bytes where they are the kernel's rows, else converted. Errors:
  /// InvalidArgument that names file, tensor, event and element of a value that cannot be.
  absl::Status take(size_t first, size_t count, Chunk& chunk);
  /// What conversion changed so far, as in `Events`.
  void note_overflows(Events& events) const;
  /// What keeps the bytes of `Chunk::inputs` where they are the file's.
  std::vector<io::Array> files() const;

 private:
  struct Input {
    const model::Tensor* tensor;
    io::Array array;
    runtime::Codec codec;
    runtime::Encoding encoding;
    bool in_place;
    model::OverflowCount count;
  };
  std::string path_;
  std::vector<Input> inputs_;
  size_t rows_ = 0;
};

/// Reads `.npy`, `.csv`, `.bin` (one input) or `.npz` (by tensor name) and converts: numbers by each tensor's rounding
/// and overflow, or with `raw` the raw integers as they are (a mapped `.npy` or `.bin` of the right width is not
/// copied). A `.bin` holds raw containers. Errors: InvalidArgument that names file, tensor, expectation and finding.
absl::StatusOr<Events> read_events(const std::string& path, const model::Graph& graph, bool raw);

/// What a user should know of values that did not fit their input types, a line for each tensor: its type and range,
/// what was found, and a type that holds it. Empty: all fitted.
std::vector<std::string> overflow_warnings(const Events& events);

/// The events of the same file as numbers, not converted to the input's type: what a floating-point model gets. Raw
/// integers are the values that they stand for. Per input tensor of the graph, rows x elements.
absl::StatusOr<std::vector<std::vector<double>>> read_event_numbers(const std::string& path, const model::Graph& graph,
                                                                    bool raw);

}  // namespace strobe::cli
