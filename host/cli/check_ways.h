#pragma once

#include <memory>
#include <string>
#include <vector>

#include "host/cli/check_report.h"
#include "host/cli/events.h"
#include "host/cli/scores.h"
#include "host/session/loaded_xclbin.h"
#include "kernels/layers/reference.h"

namespace strobe::cli {

/// One model of an xclbin with the events to run.
struct CheckInput {
  std::shared_ptr<const session::LoadedXclbin> loaded;
  size_t model = 0;
  const Events* events = nullptr;
  size_t reference_rows = 0;         ///< of the events, the first ones
  std::vector<std::string> devices;  ///< named by the user; empty: xrt:0 and opencl:0 where they can be had
  int threads = 1;

  const model::Graph& graph() const { return loaded->package.models[model].graph; }
};

/// Raw values of rows of containers.
std::vector<int64_t> raw_values(const model::Tensor& tensor, std::span<const std::byte> containers);

/// The reference evaluation of the first `reference_rows` events, with every tensor.
absl::StatusOr<layers::Evaluation> run_reference(const CheckInput& input);

struct WaysResult {
  Scores scores;  ///< of all events: the reference's, then the emulator's
  std::vector<Way> ways;
  std::vector<model::OverflowCount> overflow;  ///< per node, over all events
};

/// Runs the events in every other way: in-process emulator, the HLS code's C simulation, XRT, OpenCL. Up to the
/// reference's last event each is held against the reference, beyond it against the emulator. Errors: where the
/// emulator cannot take the model and there are more events than the reference evaluated.
absl::StatusOr<WaysResult> run_ways(const CheckInput& input, const layers::Evaluation& reference);

}  // namespace strobe::cli
