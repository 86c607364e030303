#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/scouting/core/orbit.h"
#include "kernels/model/graph.h"

namespace YAML {
class Node;
}

/// From decoded orbits to the rows of a model's input, and from its scores to what is kept. docs/scouting-selection.md
/// is the language's reference.
namespace strobe::scouting {

struct SourceSetup {
  std::string name;
  const SourceFormat* format = nullptr;
};

struct ModelSetup {
  std::string name;
  std::vector<model::Tensor> inputs;   ///< name, type and encoding are looked at
  std::vector<model::Tensor> outputs;  ///< their elements, one after the other, are the model's scores
};

/// What a selection is written for.
struct SelectionSetup {
  std::vector<SourceSetup> sources;
  std::vector<ModelSetup> models;
  /// The number of the orbit's first crossing, 0 or 1: windows over orbit borders need it.
  uint32_t first_crossing = 0;
  std::string file = "configuration";  ///< for messages
};

/// One orbit of all sources; parts in the order of the setup, null where a source lacks it.
struct OrbitView {
  uint32_t number = 0;
  std::span<const SourceOrbit* const> parts;
};

/// What happens to a crossing in the end.
enum class Keep : uint8_t {
  kNo,
  kSelected,   ///< passed `require` and `keep: where`
  kPrescaled,  ///< one of the rest, by `keep: prescale`
};

/// Values that a tensor could not take as they were.
struct TensorCounts {
  uint64_t saturated = 0;   ///< raw integers outside the element's range, and numbers by the type's saturation
  uint64_t wrapped = 0;     ///< numbers, by the type's wrapping
  uint64_t not_finite = 0;  ///< NaN became 0, infinities the largest number

  TensorCounts& operator+=(const TensorCounts& other);
};

/// What a selection says of one orbit; goes with the orbit to the filter. Reused: keeps its memory.
class Selected {
 public:
  Selected();
  Selected(Selected&&) noexcept;
  Selected& operator=(Selected&&) noexcept;
  ~Selected();

  uint32_t orbit() const;
  /// Bunch crossing numbers, ascending: the crossings of any of the parts. A row is an index into them.
  std::span<const uint16_t> crossings() const;
  /// Rows that pass `require`, ascending: those that the models see.
  std::span<const uint32_t> passed() const;
  /// A named value, one a row; those that need scores are there after `Selection::filter`.
  std::span<const double> value(size_t index) const;
  /// One a row, after `Selection::filter`.
  std::span<const Keep> kept() const;

  struct State;
  State& state() { return *state_; }
  const State& state() const { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

/// What a thread computes in, reused for every orbit of one selection.
class Workspace {
 public:
  Workspace();
  Workspace(Workspace&&) noexcept;
  Workspace& operator=(Workspace&&) noexcept;
  ~Workspace();

  struct State;
  State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

/// A configuration's `select`, `values`, `require`, `models` (inputs, encoding, per) and `keep`, ready to run.
/// Immutable: threads share it, each with a workspace of its own.
class Selection {
 public:
  /// `config` is the whole configuration; other keys of it, and other keys of its models, are not looked at. Each model
  /// of the setup is one of `models` by its `name`.
  /// Errors: InvalidArgument, "FILE:12: ...", that says what was expected and found.
  static absl::StatusOr<Selection> compile(const YAML::Node& config, const SelectionSetup& setup);
  Selection(Selection&&) noexcept;
  Selection& operator=(Selection&&) noexcept;
  ~Selection();

  /// Crossings before and after its own that a value may look at; where both are 0, neighbouring orbits are not needed.
  int before() const;
  int after() const;
  /// Names of the values, in the order of the configuration.
  const std::vector<std::string>& values() const;

  /// Columns and rows of `current`. `previous` and `next` may be null: their crossings then count as empty, as those of
  /// an orbit whose number is not the neighbouring one.
  void evaluate(const OrbitView* previous, const OrbitView& current, const OrbitView* next, Selected& selected,
                Workspace& workspace) const;

  /// Rows of a model's tensors: crossings that pass, or the objects of its list in them, leading ones first.
  size_t tensor_rows(size_t model, const Selected& selected) const;
  /// For each row of a model's tensors: the crossing that it belongs to, as an index into `crossings()`.
  void tensor_crossings(size_t model, const Selected& selected, std::vector<uint32_t>& crossings) const;
  /// Writes the rows of one input tensor to the front of `rows`, which has room for `tensor_rows` of them.
  TensorCounts write_tensor(size_t model, size_t input, const Selected& selected, Workspace& workspace,
                            std::span<std::byte> rows) const;

  /// Decides what is kept. `scores[model][output]`: row-major numbers, a row for each of the model's tensor rows.
  void filter(std::span<const std::vector<std::span<const double>>> scores, Selected& selected,
              Workspace& workspace) const;

  struct Impl;

 private:
  explicit Selection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace strobe::scouting
