#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/model/fixed_type.h"
#include "platform/xclbin/xclbin.h"

/// From a trained model's file to an xclbin.
namespace strobe::compile {

struct CompileOptions {
  std::string weights;  ///< the `.h5` beside a Keras `.json`
  std::string config;   ///< path of a configuration in hls4ml's vocabulary; empty: strobe's defaults
  std::optional<model::FixedType> input_type;  ///< of the events at the kernel's border
  xclbin::Target target = xclbin::Target::kSwEmu;
  std::string board = "u250";
  double clock_mhz = 0;  ///< 0: the board's default
  int compute_units = 1;
  std::string project_folder;  ///< where the HLS project is written; empty: nowhere (a temporary one for `hw`)
  bool strip = false;          ///< leave the floating-point model out
  std::string name;            ///< of the kernel; empty: the model's
};

struct CompileReport {
  std::string kernel;
  size_t layers = 0;
  int planned_initiation_interval = 1;
  int planned_depth = 0;
  std::vector<std::string> warnings;        ///< for the user's eyes
  std::vector<std::string> without_effect;  ///< accepted keys of the configuration that change nothing here
  double import_seconds = 0, quantise_seconds = 0, project_seconds = 0, build_seconds = 0;
  bool build_reused = false;
  std::string uuid;
};

/// Compiles `model` and writes the xclbin to `output`, whole or not at all.
/// Errors: those of the importer, the configuration, the HLS writer, g++ or v++, and of writing; each names its object.
absl::StatusOr<CompileReport> compile_model(const std::string& model, const CompileOptions& options,
                                            const std::string& output);

}  // namespace strobe::compile
