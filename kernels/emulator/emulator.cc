#include "kernels/emulator/emulator.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "kernels/emulator/describe.h"
#include "kernels/emulator/event_kernels.h"
#include "kernels/emulator/exact.h"
#include "kernels/emulator/kernels.h"
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

size_t round_up(size_t value, size_t to) { return (value + to - 1) / to * to; }

/// Room for a block of each tensor's rows, overreach included.
size_t bounce_bytes(const Program& program) {
  size_t bytes = 0;
  for (const auto* layouts : {&program.inputs, &program.outputs}) {
    for (const RowLayout& layout : *layouts)
      bytes += round_up(program.block * layout.row_bytes + kRowOverreach, kCacheLine);
  }
  return bytes;
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

Emulator::Emulator() = default;
Emulator::Emulator(Emulator&&) noexcept = default;
Emulator& Emulator::operator=(Emulator&&) noexcept = default;
Emulator::~Emulator() = default;

absl::StatusOr<Emulator> Emulator::create(const model::Graph& graph, Options options) {
  absl::StatusOr<Listing> listing = list(graph);
  if (!listing.ok()) return listing.status();
  Emulator emulator;
  emulator.listing_ = std::make_shared<const Listing>(*std::move(listing));
  auto plan = std::make_shared<Plan>();
  if (options.vectorise && has_vectors() && simplify(*emulator.listing_, plan->simplified)) {
    make_plan(*emulator.listing_, has_byte_products(), *plan);
    emulator.plan_ = std::move(plan);
  }
  return emulator;
}

absl::Status Emulator::check(size_t inputs, size_t outputs) const {
  if (inputs != listing_->inputs.size() || outputs != listing_->outputs.size()) {
    return absl::InvalidArgumentError(absl::StrCat("the model has ", listing_->inputs.size(), " inputs and ",
                                                   listing_->outputs.size(), " outputs, given are ", inputs, " and ",
                                                   outputs));
  }
  return absl::OkStatus();
}

absl::Status Emulator::run(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs, size_t rows,
                           Scratch& scratch) const {
  if (absl::Status s = check(inputs.size(), outputs.size()); !s.ok()) return s;
  if (plan_ == nullptr) {
    run_exactly(*listing_, inputs, outputs, rows);
    return absl::OkStatus();
  }
  scratch.inputs_.assign(inputs.begin(), inputs.end());
  scratch.outputs_.assign(outputs.begin(), outputs.end());
  run_blocks(rows, scratch);
  return absl::OkStatus();
}

void Emulator::run_blocks(size_t rows, Scratch& scratch) const {
  const Program& p = plan_->program;
  std::vector<const std::byte*>& in = scratch.inputs_;
  std::vector<std::byte*>& out = scratch.outputs_;
  while (rows > 0) {
    const size_t events = std::min(rows, p.block);
    if (events < plan_->events.rows) {
      std::byte* arena = scratch.reserve(event_arena_bytes(*plan_));
      return run_event_by_event(*plan_, in.data(), out.data(), arena, events);
    }
    const size_t arena_bytes = round_up(p.arena_bytes, kCacheLine);
    std::byte* arena = scratch.reserve(arena_bytes + bounce_bytes(p));
    if (events == rows) return run_last_block(events, arena, arena + arena_bytes, scratch);
    run_block(*plan_, in.data(), out.data(), arena, events);
    for (size_t i = 0; i < in.size(); ++i) in[i] += events * p.inputs[i].row_bytes;
    for (size_t o = 0; o < out.size(); ++o) out[o] += events * p.outputs[o].row_bytes;
    rows -= events;
  }
}

/// Copies rows in and out, so that nothing beyond the caller's is touched.
void Emulator::run_last_block(size_t events, std::byte* arena, std::byte* bounce, Scratch& scratch) const {
  const Program& p = plan_->program;
  const size_t padded = round_up(events, kRowGroup);
  const auto take = [&](const RowLayout& layout) {
    std::byte* place = bounce;
    bounce += round_up(p.block * layout.row_bytes + kRowOverreach, kCacheLine);
    return place;
  };
  scratch.bounced_inputs_.clear();
  scratch.bounced_outputs_.clear();
  for (size_t i = 0; i < p.inputs.size(); ++i) {
    const size_t row_bytes = p.inputs[i].row_bytes;
    std::byte* place = take(p.inputs[i]);
    std::memcpy(place, scratch.inputs_[i], events * row_bytes);
    std::memset(place + events * row_bytes, 0, (padded - events) * row_bytes + kRowOverreach);
    scratch.bounced_inputs_.push_back(place);
  }
  for (const RowLayout& layout : p.outputs) scratch.bounced_outputs_.push_back(take(layout));
  run_block(*plan_, scratch.bounced_inputs_.data(), scratch.bounced_outputs_.data(), arena, events);
  for (size_t o = 0; o < p.outputs.size(); ++o) {
    std::memcpy(scratch.outputs_[o], scratch.bounced_outputs_[o], events * p.outputs[o].row_bytes);
  }
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
  if (plan_ != nullptr) return strobe::emulator::describe(*listing_, *plan_);
  return absl::StrCat("exact path: ", listing_->instructions.size(), " operations an event, 128-bit integers\n");
}

}  // namespace strobe::emulator
