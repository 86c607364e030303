#pragma once

#include <memory>
#include <vector>

#include "host/scouting/pipeline/joiner.h"
#include "host/scouting/pipeline/models.h"
#include "host/scouting/pipeline/queue.h"
#include "host/scouting/selection/selection.h"

namespace strobe::scouting {

/// An orbit on its way from the selection to the sink.
struct WorkOrbit {
  JoinedOrbit joined;
  std::vector<const SourceOrbit*> parts;  ///< those of `joined`
  Selected selected;
  std::vector<size_t> first_row;  ///< by model: of this orbit in the batch's work
  std::vector<size_t> rows;       ///< by model
  uint64_t input_bytes = 0;
  int64_t received_ns = 0;  ///< of the last part

  OrbitView view() const { return {joined.number, parts}; }
};

/// Whole orbits that the models see together. Batches go round: worker, models, writer, worker; their number bounds
/// what is between them.
struct Batch {
  std::vector<std::unique_ptr<WorkOrbit>> orbits;  ///< the first `size` of them; the others keep their memory
  size_t size = 0;
  std::vector<std::unique_ptr<ModelWork>> works;  ///< by model
};

using BatchPtr = std::unique_ptr<Batch>;
using BatchQueue = BoundedQueue<BatchPtr>;

}  // namespace strobe::scouting
