#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/scouting/core/format.h"
#include "host/scouting/sinks/sink.h"
#include "host/scouting/sources/source.h"

namespace strobe::scouting {

struct SourceConfig {
  std::string name;
  const SourceFormat* format = nullptr;
  std::string from;  ///< as open_source takes it
  double rate = 0;   ///< multiple of the LHC's; 0: as fast as it comes
  uint64_t passes = 1;
  size_t buffer_mebibytes = 8;  ///< of a stream's unread bytes; more where the format's packets need it
  uint32_t every = 1;           ///< orbits between this time slice's
  int core = -1;                ///< -1: any
  YAML::Node node;              ///< of `from`, for messages
};

struct ModelConfig {
  std::string name;  ///< of its scores
  std::string xclbin;
  std::string kernel;  ///< of an xclbin with several models
  std::string forest;  ///< a forest file for a forest engine
  std::string device = "auto";
  int slots = 3;          ///< launches in flight per compute unit
  int threads = 1;        ///< of the in-process emulator
  std::string shadow_of;  ///< the model whose decisions this one only compares with
  YAML::Node node;        ///< the selection reads inputs, encoding and rows from it
};

struct SinkConfig {
  SinkSettings settings;
  YAML::Node node;
};

/// A histogram over the crossings that the filter selects.
struct HistogramConfig {
  std::string value;  ///< the name of one of `values`
  double low = 0, high = 1;
  size_t bins = 40;
  YAML::Node node;
};

struct Config {
  std::string file;  ///< for messages
  std::string text;
  YAML::Node root;  ///< select, values, require and keep are the selection's
  uint32_t run = 1;
  uint32_t first_crossing = 0;  ///< how the links number an orbit's first crossing: windows over its border need it
  std::vector<SourceConfig> sources;
  int join_timeout_ms = 100;
  bool keep_incomplete = true;
  std::vector<ModelConfig> models;
  size_t batch_orbits = 4, batches = 4;    ///< orbits of a launch at most; batches between two stages at most
  bool write_objects = true;               ///< false: crossing numbers and results alone
  bool results_raw = false;                ///< scores as raw integers of their containers, not as numbers
  std::vector<std::string> result_values;  ///< named values that are written
  std::vector<HistogramConfig> histograms;
  std::vector<SinkConfig> sinks;
  bool drop_when_slow = false;
  size_t queue_orbits = 64;
  bool own_thread = false;    ///< selection and models on a thread of their own, not on the receiver's
  bool writer_thread = true;  ///< filter and sinks on a thread of their own, not behind the models on theirs
  int work_core = -1, write_core = -1;
  int retry_seconds = 10;  ///< how long a lost device or a full sink is tried again (`Patience`)
  std::string quarantine;
  uint64_t quarantine_mebibytes = 16;
  std::string account_file, orbits_file;
  std::string control;  ///< address of HTTP; empty: none
};

/// What a person writes is kilobytes; the YAML library takes minutes for what machines could write instead.
constexpr size_t kMostConfigBytes = size_t{1} << 20;

/// Reads the configuration of a pipeline, of at most `kMostConfigBytes`. Errors: InvalidArgument "FILE:LINE: what was
/// expected and found".
absl::StatusOr<Config> parse_config(const std::string& yaml, const std::string& file);

}  // namespace strobe::scouting
