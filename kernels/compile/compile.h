#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/layers/forest_engine/engine_shape.h"
#include "kernels/model/fixed_type.h"
#include "platform/xclbin/xclbin.h"

/// From trained models' files to an xclbin.
namespace strobe::compile {

/// One model, which becomes one kernel of the xclbin.
struct ModelOptions {
  std::string path;            ///< the trained model's file
  std::string name;            ///< of the kernel; empty: the model's
  std::string weights;         ///< the `.h5` beside a Keras `.json`
  std::string formula_choice;  ///< which equation of a PySR hall of fame (import/formula_file.h)
  std::string formula_inputs;  ///< declares a formula's inputs where its file does not
  std::string config;          ///< path of a configuration in hls4ml's vocabulary; empty: strobe's defaults
  std::optional<model::FixedType> input_type;  ///< of the events at the kernel's border
  std::optional<int> weight_bits;              ///< as quantise::QuantiseOptions has it
  std::optional<model::FixedType> score_type;  ///< as quantise::QuantiseOptions has it
  int compute_units = 1;
  std::optional<layers::EngineShape> engine;  ///< a forest engine instead of a model; it has no file
};

struct CompileOptions {
  xclbin::Target target = xclbin::Target::kSwEmu;
  std::string board = "u250";
  double clock_mhz = 0;        ///< 0: the board's default
  std::string project_folder;  ///< where the HLS project is written; empty: nowhere (a temporary one for `hw`)
  bool strip = false;          ///< leave the floating-point models out
};

struct KernelReport {
  std::string kernel;
  size_t layers = 0;
  int compute_units = 1;
  int planned_initiation_interval = 1;
  int planned_depth = 0;
  std::vector<std::string> warnings;        ///< for the user's eyes
  std::vector<std::string> without_effect;  ///< accepted keys of the configuration that change nothing here
};

struct CompileReport {
  std::vector<KernelReport> kernels;  ///< one a model, in the order given
  double import_seconds = 0, quantise_seconds = 0, project_seconds = 0, build_seconds = 0;
  bool build_reused = false;
  std::string uuid;
};

/// Compiles the models into one xclbin, a kernel each, and writes it to `output`, whole or not at all.
/// Errors: InvalidArgument for two kernels of one name; those of the importer, the configuration, the HLS writer, g++
/// or v++, and of writing; each names its object.
absl::StatusOr<CompileReport> compile_models(std::span<const ModelOptions> models, const CompileOptions& options,
                                             const std::string& output);

struct ForestReport {
  std::string model;
  layers::EngineShape used;  ///< of the engine
  size_t image_bytes = 0;    ///< that the engine reads when it takes the forest
  int64_t planned_initiation_interval = 1;
  std::vector<std::string> warnings, without_effect;
  double seconds = 0;
};

/// Compiles a forest for a forest engine of the xclbin `engine_xclbin` (the one named `engine`, or its only one) and
/// writes the forest file to `output`, whole or not at all. `strip` leaves the floating-point model out.
/// Errors: those of the importer and the configuration; InvalidArgument where the xclbin has no such engine;
/// Unimplemented and ResourceExhausted, as layers::ForestImage::make.
absl::StatusOr<ForestReport> compile_forest(const ModelOptions& model, const std::string& engine_xclbin,
                                            const std::string& engine, bool strip, const std::string& output);

}  // namespace strobe::compile
