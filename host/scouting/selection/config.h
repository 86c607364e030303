#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "host/scouting/selection/plan.h"
#include "yaml-cpp/yaml.h"

namespace strobe::scouting::selection {

/// What the texts of a configuration come to, before programs are made of it.
struct Lowered {
  Plan plan;
  TermId require = kNoTerm;  ///< a truth value; kNoTerm: every crossing passes
  TermId keep = kNoTerm;
  uint64_t prescale = 0;
  /// By model, input and place: a term for each element.
  struct Input {
    std::vector<std::vector<TermId>> places;
    bool raw = false;
  };
  std::vector<std::vector<Input>> inputs;
};

/// Reads a configuration. Errors: InvalidArgument, "FILE:12: ...", FILE being the setup's.
absl::StatusOr<std::unique_ptr<Lowered>> read_config(const YAML::Node& config, const SelectionSetup& setup);

}  // namespace strobe::scouting::selection
