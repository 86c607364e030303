#include "kernels/emulator/emulator.h"

#include "absl/strings/str_cat.h"
#include "kernels/emulator/exact.h"
#include "kernels/emulator/program_builder.h"
#include "kernels/layers/catalog.h"

namespace strobe::emulator {
namespace {

constexpr size_t kCacheLine = 64;

absl::StatusOr<Listing> list(const model::Graph& graph) {
  if (absl::Status s = layers::verify(graph); !s.ok()) return s;
  ProgramBuilder builder(graph);
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    const model::Node& node = graph.nodes()[n];
    const layers::Layer* layer = layers::find_layer(node.op);
    if (layer->emulate == nullptr) {
      return absl::UnimplementedError(absl::StrCat("layer '", node.name, "': op '", node.op, "' has no emulation"));
    }
    builder.begin_node(static_cast<model::NodeId>(n));
    if (absl::Status s = layer->emulate(graph, node, builder); !s.ok()) return s;
    if (!builder.status().ok()) return builder.status();
  }
  return std::move(builder).take();
}

/// The rows of every tensor of one event, given those of the batch.
std::vector<const std::byte*> rows_at(const Listing& listing, std::span<const std::byte* const> batch, size_t row) {
  std::vector<const std::byte*> rows(batch.begin(), batch.end());
  for (size_t i = 0; i < rows.size(); ++i) rows[i] += row * listing.types[listing.inputs[i]].row_bytes();
  return rows;
}

void run_exactly(const Listing& listing, std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs,
                 size_t rows) {
  ExactRun exact(listing, {});
  for (size_t row = 0; row < rows; ++row) {
    exact.evaluate(rows_at(listing, inputs, row));
    for (size_t o = 0; o < outputs.size(); ++o) {
      const model::TensorId tensor = listing.outputs[o];
      exact.store(tensor, outputs[o] + row * listing.types[tensor].row_bytes());
    }
  }
}

}  // namespace

std::byte* Scratch::reserve(size_t bytes) {
  if (bytes > capacity_) {
    storage_ = std::make_unique<std::byte[]>(bytes + kCacheLine);
    const auto address = reinterpret_cast<uintptr_t>(storage_.get());
    aligned_ = storage_.get() + (kCacheLine - address % kCacheLine) % kCacheLine;
    capacity_ = bytes;
  }
  return aligned_;
}

class Plan {};

Emulator::Emulator() = default;
Emulator::Emulator(Emulator&&) noexcept = default;
Emulator& Emulator::operator=(Emulator&&) noexcept = default;
Emulator::~Emulator() = default;

absl::StatusOr<Emulator> Emulator::create(const model::Graph& graph, Options) {
  absl::StatusOr<Listing> listing = list(graph);
  if (!listing.ok()) return listing.status();
  Emulator emulator;
  emulator.listing_ = std::make_shared<const Listing>(*std::move(listing));
  return emulator;
}

absl::Status Emulator::check(size_t inputs, size_t outputs) const {
  if (inputs != listing_->inputs.size() || outputs != listing_->outputs.size()) {
    return absl::InvalidArgumentError(absl::StrCat("the model has ", listing_->inputs.size(), " inputs and ",
                                                   listing_->outputs.size(), " outputs, given are ", inputs, " and ", outputs));
  }
  return absl::OkStatus();
}

absl::Status Emulator::run(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs, size_t rows,
                           Scratch&) const {
  if (absl::Status s = check(inputs.size(), outputs.size()); !s.ok()) return s;
  run_exactly(*listing_, inputs, outputs, rows);
  return absl::OkStatus();
}

absl::StatusOr<Trace> Emulator::trace(std::span<const std::byte* const> inputs, size_t rows, bool keep_tensors) const {
  if (absl::Status s = check(inputs.size(), listing_->outputs.size()); !s.ok()) return s;
  Trace trace;
  trace.overflow.resize(listing_->node_names.size());
  if (keep_tensors) trace.tensors.resize(listing_->tensors.size());
  ExactRun exact(*listing_, trace.overflow);
  for (size_t row = 0; row < rows; ++row) {
    exact.evaluate(rows_at(*listing_, inputs, row));
    for (size_t t = 0; t < trace.tensors.size(); ++t) {
      for (const ValueId v : listing_->tensors[t]) trace.tensors[t].push_back(exact.raw(v));
    }
  }
  return trace;
}

std::string Emulator::describe() const {
  return absl::StrCat("exact path: ", listing_->instructions.size(), " operations an event, 128-bit integers\n");
}

}  // namespace strobe::emulator
